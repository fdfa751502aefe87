"""Pages escape everything, send the headers that contain them, and stay small."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aver.core.errors import NotFound
from aver.core.principal import Principal
from aver.knowledge.lineage import Origin
from aver.knowledge.types import DocumentText
from aver.server.console import assets
from aver.server.console.assets import asset, asset_address
from aver.server.console.document import _PAGE, DocumentView
from aver.server.console.pages import MANY, Notices, _templates, problem_page, render
from aver.server.console.reading import excerpt
from aver.server.console.signing_in import _local

FOLDER = Path(assets.__file__).parent
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&"


def page(text, start, end, around, title="Leave", uri="file:///srv/handbook/leave.md", notices=None):
    """A document with a span marked, as a page."""
    taken = datetime(2026, 11, 27, tzinfo=UTC)
    view = DocumentView(
        place="Northwind",
        principal=Principal("t", "ann"),
        document=DocumentText("doc_1", 1, title, uri, text),
        current=1,
        origin=Origin("doc_1", 1, title, title, "folder", title, uri, "", "", taken, "ingest_1", 1),
        pages=(),
        excerpt=excerpt(text, start, end, around=around),
        printed=None,
        as_text="",
        as_printed="",
        earlier="",
        later="",
    )
    return render("document.html", view=view, notices=notices).body.decode()


def test_stored_text_is_only_text():
    shown = page(f"{HOSTILE}.\n\n- {HOSTILE}\n\n{HOSTILE} | {HOSTILE}", 3, 40, 1000, HOSTILE, HOSTILE)
    assert "<img" not in shown
    assert shown.count("<script") == 0
    assert "&lt;script&gt;" in shown


@pytest.mark.parametrize(("waiting", "said"), [(3, "3<"), (9, "9<"), (MANY, "9+<")])
def test_the_bar_counts_what_waits_and_claims_no_more_than_it_counted(waiting, said):
    assert f'class="waits">{said}' in page("x", 0, 0, 1000, notices=Notices(waiting))


def test_without_agents_there_is_nothing_to_approve():
    assert 'href="/approvals"' not in page("x", 0, 0, 1000)
    shown = page("x", 0, 0, 1000, notices=Notices(0))
    assert 'href="/approvals"' in shown
    assert "waits" not in shown


def test_a_mistake_in_the_bundle_is_only_text():
    shown = page("x", 0, 0, 1000, notices=Notices(mistakes=[f"aver.yaml:1: {HOSTILE}"]))
    assert "The bundle has a mistake" in shown
    assert "<img" not in shown


def test_every_template_escapes():
    assert _templates.autoescape is True
    for template in FOLDER.glob("templates/*.html"):
        source = template.read_text(encoding="utf-8")
        assert "| safe" not in source
        assert "|safe" not in source
        assert not re.search(r"\son[a-z]+=|\sstyle=|javascript:|<script(?! type=\"module\" src=)", source), template
        # A page that is kept as a file carries its own style; what is served does not.
        assert ("<style" in source) == template.name.endswith("_file.html"), template


def test_headers_contain_a_page():
    headers = problem_page(NotFound("Gone", "Go back.")).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_a_page_of_a_long_document_is_small():
    text = "\n\n".join(f"Section {n}\n\n- item & item <{n}>\n- another | cell" for n in range(40_000))
    middle = len(text) // 2
    shown = page(text, middle, middle + 200, _PAGE)
    assert len(shown.encode()) < 150_000


def test_the_pages_own_files_are_small_and_named_by_content():
    total = sum(len(found.content) for name in assets._assets() if (found := asset(name)))
    assert total < 60_000
    assert re.fullmatch(r"/static/[0-9a-f]{16}/console\.css", asset_address("console.css"))
    assert asset("../routes.py") is None


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example", "/\\evil.example", "https://evil.example", "", "evil", "/a\nb", "/ä"]
)
def test_signing_in_leads_nowhere_else(elsewhere):
    assert _local(elsewhere) == "/"


def test_signing_in_leads_back():
    assert _local("/documents/doc_1?version=2&start=4") == "/documents/doc_1?version=2&start=4"


@pytest.mark.parametrize(
    ("cost", "words"),
    [(None, "cost unknown"), (0, "$0"), (0.00123, "$0.0012"), (0.5, "$0.50"), (1.239, "$1.24"), (12, "$12.00")],
)
def test_costs_are_told(cost, words):
    assert _templates.filters["dollars"](cost) == words


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("file:///srv/hand%20book/leave.md", "leave.md"),
        ("https://wiki.example/people/leave/", "wiki.example/people/leave"),
        ("people/leave.md", "leave.md"),
        ("https://[", "https://["),
        ("", ""),
    ],
)
def test_places_are_short(uri, words):
    assert _templates.filters["place"](uri) == words
