"""JUnit and Markdown: what machines and people of a pull request read, whatever the cases say."""

import re
from dataclasses import replace

import pytest
from lxml import etree
from markdown_it import MarkdownIt

from aver.evals.gates.comparing import compare
from aver.evals.gates.declaration import parse_condition
from aver.evals.gates.judging import Trial, judge
from aver.evals.gates.sheet import sheet_of
from aver.evals.rendering.junit import junit
from aver.evals.rendering.markdown import comparison_markdown, gate_markdown, literal
from aver.evals.rendering.text import shortened, visible
from aver.evals.types import Case, Result
from tests.runs import made, results, write_run

HOSTILE = [
    "<script>alert(1)</script>",
    "]]> --> <!-- &amp; &#0; \x00 \x1b[31m \ud800",
    "| a | b |\n| --- | --- |\n# heading\n\n![x](http://evil.example/x.png) @everyone [a](javascript:alert(1))",
    "```\ncode ``` ` `` ```` x",
    "\u202egnirts \u2066x\u2069 \u200b\ufeff",
    "</details></summary><img src=x onerror=alert(1)>",
    "x" * 100_000,
]


@pytest.fixture
def gate(tmp_path):
    """A verdict that fails, over hostile cases, and what it was made from."""
    found = [
        replace(each, case=f"{HOSTILE[place % 7][:60]} {place}") for place, each in enumerate(results(made(0.3, 70)))
    ]
    found.append(Result("broken", 0, {}, error="provider-timeout", said="late"))
    # A run's file is UTF-8, so no half of a surrogate pair reaches it.
    found = [replace(each, case=each.case.replace("\ud800", "?")) for each in found]
    sheet = sheet_of(write_run(tmp_path / "a.run.jsonl", found, responses=False))
    cases = {name: Case(name, HOSTILE[place % 7], answers=("so",)) for place, name in enumerate(sheet.rows)}
    trial = Trial("handbook", sheet)
    verdict = judge([parse_condition("right_of_answered>=0.8"), parse_condition("right_of_answered>=0.1")], [trial])
    return verdict, [trial], cases


def test_junit_counts_failures_and_errors_apart(gate):
    root = etree.fromstring(junit(*gate))
    conditions, suite = root
    assert [each.get("name") for each in root] == ["gate", "handbook"]
    assert (conditions.get("tests"), conditions.get("failures"), conditions.get("errors")) == ("2", "1", "1")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("71", "49", "1")
    assert not root.attrib  # Ant's schema knows none
    assert len(suite.findall("testcase/failure")) == 49
    assert suite.find("testcase/error").get("type") == "provider-timeout"
    properties = {each.get("name"): each.get("value") for each in suite.find("properties")}
    assert properties["release"] == "b" * 64
    assert properties["right_of_answered>=0.8"].startswith("fail: 0.300 (")


def test_junit_keeps_to_what_the_common_schemas_have_in_common(gate):
    root = etree.fromstring(junit(*gate))
    for suite in root:
        for name in ("name", "timestamp", "hostname", "tests", "failures", "errors", "time", "id", "package"):
            assert suite.get(name)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp"))
        order = [each.tag for each in suite]
        assert order == ["properties", *["testcase"] * int(suite.get("tests")), "system-out", "system-err"]
        for case in suite.iter("testcase"):
            assert case.get("name")
            assert case.get("classname")
            assert float(case.get("time")) >= 0
            assert [each.tag for each in case] in ([], ["failure"], ["error"])
            assert all(each.get("type") and each.get("message") for each in case)


def test_markdown_shows_what_cases_say_and_obeys_none_of_it(gate):
    text = gate_markdown(*gate)
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    inline = [child for token in tokens if token.type == "inline" for child in token.children]
    assert not [each for each in inline if each.type in ("image", "link_open")]
    html = [each.content for each in (*tokens, *inline) if each.type in ("html_block", "html_inline")]
    assert all(re.fullmatch(r"\s*(</?(details|summary|sub)>|[^<])*\s*", each) for each in html), html
    assert [each.tag for each in tokens if each.type == "heading_open"] == ["h2"]
    mentions = [each for each in inline if each.type == "text" and "@everyone" in each.content]
    assert not mentions
    # Every row of a table has as many cells as its head.
    cells, wanted = 0, 0
    for token in tokens:
        if token.type == "tr_close":
            wanted = wanted or cells
            assert cells == wanted
            cells = 0
        elif token.type in ("td_open", "th_open"):
            cells += 1
        elif token.type == "table_close":
            wanted = 0


def test_markdown_of_a_comparison_says_the_verdict_first(tmp_path):
    before, after = (
        sheet_of(write_run(tmp_path / f"{share}.run.jsonl", results(made(share, 300)), responses=False))
        for share in (0.5, 0.8)
    )
    text = comparison_markdown(compare(before, after))
    assert text.startswith("**B answers 30.0 points more of its questions right (+")
    assert "| `right_of_answered` | 0.500 | 0.800 | 30.0 points more |" in text


@pytest.mark.parametrize("text", HOSTILE)
def test_a_literal_is_one_code_span(text):
    tokens = MarkdownIt("commonmark").parseInline(f"a {literal(text)} b")[0].children
    assert [each.type for each in tokens] == ["text", "code_inline", "text"]


@pytest.mark.parametrize("text", HOSTILE)
def test_visible_text_is_utf_8_and_ends(text):
    found = visible(text, 1000)
    found.encode()
    assert len(found) < 1100
    assert not re.search("[\x00-\x08\x0e-\x1f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", found)
    assert len(shortened(text, 50)) <= 50
