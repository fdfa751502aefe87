"""``aver scorecard``: every KPI with a value or a reason; as a table, as JSON, as a file that needs nothing else, on paper."""

import json
import re

import pypdfium2
import pytest

from aver.core.settings import Settings
from aver.ops.scorecard.definitions import KPIS
from aver.server.application import Application
from aver.server.cli import main
from aver.testing import FixedClock, HashEmbedder
from tests.scorecards import live

HOSTILE = "<img src=x onerror=alert(1)>"


def opened_at(clock):
    return lambda settings: Application(settings, embedder=HashEmbedder(), clock=clock)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder, clock = tmp_path_factory.mktemp("scorecard"), FixedClock()
    application = opened_at(clock)(Settings(data=folder / "data"))
    application.store.create_tenant(HOSTILE)
    services = application.tenant(HOSTILE)
    live(services.store, services.ledger, clock)
    application.close()
    return folder, clock


@pytest.fixture
def aver(place, capsys):
    def run(*words, code=0):
        folder, clock = place
        assert main(["--data", str(folder / "data"), "scorecard", *words], open_application=opened_at(clock)) == code
        found = capsys.readouterr()
        return found.out + found.err

    return run


def test_every_kpi_has_a_value_or_a_reason(aver):
    document = json.loads(aver("--json"))
    assert [each["name"] for each in document["kpis"]] == [each.name for each in KPIS]
    for each in document["kpis"]:
        assert (each["value"] is None) == bool(each["reason"]) == bool(each["todo"])
        assert each["reason"] is None or each["reason"].startswith("no data yet, because ")
    told = aver()
    for each in KPIS:
        assert each.name in told
    assert "MTTD: no data yet, because no alert opened an incident in this period." in told


def test_it_is_narrowed_and_what_cannot_be_says_so(aver):
    document = json.loads(aver("--feature", "desk", "--release", "b" * 64, "--period", "7d", "--json"))
    figures = {each["name"]: each for each in document["kpis"]}
    assert 0 < figures["task success rate"]["sample"] < 100
    assert not figures["knowledge assets"]["narrowed"]
    assert "stakeholder satisfaction: of all" in aver("--feature", "desk")


def test_a_file_needs_nothing_else_and_a_name_is_no_markup(aver, tmp_path):
    aver("--html", str(tmp_path / "scorecard.html"))
    page = (tmp_path / "scorecard.html").read_text(encoding="utf-8")
    assert "Task success rate" in page
    assert "<script" not in page
    assert "<img" not in page
    assert not re.findall(r'(?:src|href)="(?!#)[^"]*"', page)
    assert len(page) < 150_000


def test_it_is_written_on_paper(aver, tmp_path):
    aver("--pdf", str(tmp_path / "scorecard.pdf"))
    document = pypdfium2.PdfDocument(tmp_path / "scorecard.pdf")
    text = "\n".join(page.get_textpage().get_text_range() for page in document)
    document.close()
    for each in KPIS:
        assert text.count(each.name) == 2
    assert "no data yet, because no alert opened an incident" in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--period", "30"), "is no period"),
        (("--html", "/no/such/folder/x.html"), "cannot be written"),
        (("--tenant", "nobody"), "no such tenant"),
    ],
)
def test_a_mistake_is_told(aver, words, told):
    found = aver(*words, code=3 if "--tenant" in words else 2)
    assert told in found
    assert found.startswith("error: ")
