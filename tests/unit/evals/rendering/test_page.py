"""The page: one file that loads nothing, holds every case, and lets none of them do anything."""

import base64
import gzip
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import html as markup

from aver.evals.gates.comparing import compare
from aver.evals.gates.declaration import parse_condition
from aver.evals.gates.judging import Trial, judge
from aver.evals.gates.sheet import sheet_of
from aver.evals.rendering.page import comparison_page, gate_page, run_page
from aver.evals.types import Case
from aver.server.console import assets
from tests.runs import made, results, told, write_run

HOSTILE = (
    "<script>alert(1)</script></script><!-- <img src=x onerror=alert(1)> \u202egnirts \x00 \u2028 ' \" {{ 7 * 7 }}"
)


@pytest.fixture
def runs(tmp_path):
    """An earlier and a later run of 300 hostile cases."""

    def make(name, share, seed, **header):
        found = [
            told(each, f"{HOSTILE} {name}", ("leave.md", HOSTILE))
            for each in results(made(share, 300, seed), tags=("<b>hr",))
        ]
        found = [replace(each, notes={"answers": HOSTILE}) for each in found]
        return write_run(tmp_path / f"{name}.run.jsonl", found, **header)

    return make("before", 0.5, 0, release="1" * 64, target_digest="1" * 64), make("after", 0.8, 1)


@pytest.fixture
def cases(runs):
    return {each.case: Case(each.case, f"{HOSTILE} {each.case}", answers=("so",)) for each in runs[1].results()}


def gate(runs, cases):
    before, after = map(sheet_of, runs)
    trial = Trial("handbook", after, before)
    conditions = ["right_of_answered>=0.95", "right_of_answered[*]>=baseline-0.03"]
    verdict = judge([parse_condition(each) for each in conditions], [trial])
    return gate_page(verdict, [trial], {"handbook": runs[1]}, {"handbook": runs[0]}, cases)


def pages(runs, cases):
    sheets = tuple(map(sheet_of, runs))
    yield gate(runs, cases)
    yield comparison_page(compare(*sheets), sheets, runs, cases)
    yield run_page(sheets[1], runs[1], cases)


def chunks(page):
    tree = markup.fromstring(page)
    found = []
    for each in tree.xpath("//script[starts-with(@id, 'chunk-')]"):
        found += json.loads(gzip.decompress(base64.b64decode(each.text)))
    return found


def test_nothing_is_loaded_and_nothing_runs_but_its_own(runs, cases):
    for page in pages(runs, cases):
        tree = markup.fromstring(page)
        assert not tree.xpath("//*[@src or @srcset or @onerror or @onclick or @style]")
        assert all(each.startswith("#") for each in tree.xpath("//@href"))
        assert not tree.xpath("//link | //iframe | //img | //object | //form[@action]")
        policy = tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
        assert policy.startswith("default-src 'none'")
        for kind, element in (("style", "//style"), ("script", "//script[@type='module']")):
            (text,) = [each.text for each in tree.xpath(element)]
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            assert f"{kind}-src 'sha256-{digest}'" in policy


def test_hostile_text_stays_text(runs, cases):
    for page in pages(runs, cases):
        tree = markup.fromstring(page)
        assert {each.get("type") for each in tree.xpath("//script")} == {
            "module",
            "application/json",
            "application/octet-stream",
        }
        assert "<img" not in page
        assert "\u202e" not in page
        assert "\x00" not in page
        assert "{{ 7 * 7 }}" in page
        for fragment in chunks(page):
            inner = markup.fragment_fromstring(fragment, create_parent=True)
            assert not inner.xpath(".//script | .//img")
            assert "alert(1)" in inner.text_content()


def test_every_case_is_in_it_and_those_to_look_at_first_without_script(runs, cases):
    page = gate(runs, cases)
    tree = markup.fromstring(page)
    index = json.loads(tree.get_element_by_id("index").text)
    assert sorted(index["ids"]) == sorted(cases)
    assert len(chunks(page)) == 300
    shown = [each.text_content() for each in tree.xpath("//ol[@id='list']//summary//bdi[@class='id']")]
    assert shown == index["ids"][:200]
    against = [bool(state & 2) for state in index["states"]]
    assert against == sorted(against, reverse=True)
    assert sum(against) == 60
    assert "These are the 200 of 300 cases" in tree.get_element_by_id("partly").text_content()
    first = tree.xpath("//ol[@id='list']/li[1]//div[@class='detail']")[0].text_content()
    assert "before" in first
    assert first.count("alert(1)") >= 4


def test_the_verdict_stands_at_the_top_with_its_conditions_drawn(runs, cases):
    tree = markup.fromstring(gate(runs, cases))
    assert "fail" in tree.xpath("//h1")[0].text_content()
    labels = tree.xpath("//ul[@class='conditions']//svg/@aria-label")
    assert labels[0].startswith("right_of_answered>=0.95: 0.800 (")
    assert tree.xpath("//ul[@class='conditions']//svg//path[@class='bound']")
    told = tree.xpath("//ul[@class='sentences']")[0].text_content()
    assert "This run answers 30.0 points more of its questions right" in told
    assert tree.xpath("//figure/figcaption")[0].text == "right_of_answered"


def test_a_run_without_questions_or_responses_is_shown_all_the_same(tmp_path):
    run = write_run(tmp_path / "bare.run.jsonl", results(made(0.5, 5)), responses=False, complete=False)
    page = run_page(sheet_of(run), run, {})
    assert "The run is not whole." in page
    assert "What was answered is not kept." in page


def tokens(css):
    return [
        dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", block))
        for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    ]


def test_its_colours_are_the_consoles():
    from aver.evals import rendering

    own = (Path(rendering.__file__).parent / "static" / "page.css").read_text(encoding="utf-8")
    console = (Path(assets.__file__).parent / "static" / "console.css").read_text(encoding="utf-8")
    assert tokens(own) == tokens(console)
    rules = re.sub(r":root \{.*?\}", "", own, flags=re.DOTALL)
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;\s])", rules)
