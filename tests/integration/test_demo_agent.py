"""The demo's agent as whoever tries it meets it: a task done, a question asked, an order in a letter refused, over the demo's real programs."""

import json

import pytest

from aver.server.cli import main
from tests import demo
from tests.demo import ANN, TASKS
from tests.servers import open_application


@pytest.fixture
def started(tmp_path):
    with demo.started(tmp_path / "office") as found:
        yield found


@pytest.fixture
def aver(started, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AVER_BUNDLE", str(started.bundle))
    for name, value in started.environment.items():
        monkeypatch.setenv(name, value)

    def run(*words, code=0, text=False):
        capsys.readouterr()
        given = ["--data", str(tmp_path / "data"), *words, *([] if text else ["--json"])]
        ended = main(given, open_application=open_application)
        said = capsys.readouterr()
        assert ended == code, said
        return said.out if text else json.loads(said.out)

    for tenant in ("Northwind Press", "Kestrel Air Rescue"):
        run("tenant", "create", tenant)
    return run


def test_the_desk_acts_asks_and_refuses(aver, started):
    office = started.office
    unapproved = aver("tools", "list")
    assert "read_ticket" not in [each["name"] for each in unapproved["tools"]]
    assert "not approved yet" in " ".join(each["cause"] for each in unapproved["unusable"])
    assert len(aver("tools", "approve", "desk")["tools"]) == 9
    aver("tools", "approve", "desk", "--yes")
    checked = aver("check", str(started.bundle))
    assert [each for each in checked["findings"] if each["level"] == "error"] == []
    assert aver("agents", "list", "--tenant", "Kestrel Air Rescue", "--user", "mira") == {"agents": []}
    turns = []
    for task, expected in TASKS:
        turn = aver("agents", "run", "desk", task, *ANN)
        turns.append(turn)
        assert expected.items() <= {each["tool"]: each["status"] for each in turn["actions"]}.items()
    done, asked, refused = turns
    assert (done["status"], asked["status"], refused["status"]) == ("answered", "waiting", "answered")
    assert [each["title"] for each in office.show()["events"]][-1] == "cover review"
    assert office.show()["messages"] == []
    shown = aver("agents", "show", refused["turn"], *ANN, text=True)
    assert "sendMessage" in shown
    assert "denied: What it is aimed at was taken from untrusted content" in shown
    aver("approvals", "approve", asked["approvals"][0], *ANN)
    assert aver("agents", "resume", asked["turn"], *ANN)["status"] == "answered"
    assert [each["to"] for each in office.show()["messages"]] == [["buying@tidewater-books.example"]]
