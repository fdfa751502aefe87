"""A pairwise judge as a suite's scorer against a recorded run: asked in both orders over real HTTP, told of, and let decide only once it is calibrated."""

from __future__ import annotations

import json
import re

import pytest

from aver.testing.provider import FakeProvider
from aver.testing.replies import Received, Reply
from tests.integration.test_agents_cli import Place
from tests.integration.test_judges import write

BUNDLE = """\
providers: {{main: {{kind: openai, base_url: "{url}"}}}}
models: {{judge: {{provider: main, id: judge-1, price: {{input: 0, output: 0}}}}}}
evals:
  judges:
    better: {{rubric: better.md, model: judge, pairwise: true, calibration: pairs.jsonl, least_kappa: 0.5}}
    graded: {{rubric: better.md, model: judge}}
  suites:
    leave: {{cases: [cases.jsonl], target: "responses:now.jsonl", scorers: [exact, {{rubric: better}}]}}
  gate:
    - {{suite: leave, measure: better, at_least: 0.4}}
"""
CASES = 60


def examine(received: Received) -> Reply:
    """The longer is better; where both are as long, what is shown first."""
    system, asked = (each["content"] for each in received.body["messages"])
    token = re.search(r'"token": "([0-9a-f]+)"', system)
    first, second = re.findall(r"(?:First|Second) response:\n<untrusted \S+>\n(.*?)\n</untrusted", asked, re.DOTALL)
    choice = "second" if len(second) > len(first) else "first"
    return Reply(json.dumps({"token": token[1], "better": choice, "reason": "It says more."}))


def say(number: int, words: int) -> dict[str, str]:
    return {"case": f"c{number}", "text": f"Leave of {number:02} days" + " and more" * words}


@pytest.fixture
def place(tmp_path, monkeypatch, capsys):
    found = Place(tmp_path, monkeypatch, capsys)
    bundle = found.bundle
    (bundle / "better.md").write_text("Which says more?")
    write(
        bundle / "cases.jsonl", ({"id": f"c{n}", "question": f"What of {n}?", "expected": "So."} for n in range(CASES))
    )
    write(bundle / "then.jsonl", (say(n, 1) for n in range(CASES)))
    # A third is better, a third the same, and of the rest half are as long and half are worse.
    more = [2, 2, 1, 1, 1, 0]
    now = [say(n, more[n % 6]) for n in range(CASES)]
    for each in now[4::6]:
        each["text"] = each["text"].replace("more", "less")
    write(bundle / "now.jsonl", now)
    pairs = [("A long text, with grounds.", "Short."), ("Short.", "A long text, with grounds.")]
    write(
        bundle / "pairs.jsonl",
        (
            {
                "question": f"What of {n}?",
                "first": f"{pairs[n % 2][0]} {n:02}",
                "second": f"{pairs[n % 2][1]} {n:02}",
                "labels": dict.fromkeys(("anna", "ben"), ("first", "second")[n % 2]),
            }
            for n in range(40)
        ),
    )
    with FakeProvider(examine) as provider:
        found.provider = provider
        found.declare(provider.base_url, BUNDLE)
        yield found


def test_a_run_is_held_against_a_recorded_one(place, tmp_path):
    base, run = tmp_path / "base" / "base.run.jsonl", tmp_path / "now.run.jsonl"
    base.parent.mkdir()
    common = ("eval", "run", "leave", "--tenant", "acme")
    place.aver(*common, "--target", "responses:then.jsonl", "--scorer", "exact", "--out", str(base))
    asked = len(place.provider.requests)
    found = place.aver(*common, "--baseline", str(base), "--out", str(run))
    overall = found["overall"]
    assert found["header"]["baseline"]
    assert overall["better"]["value"] == pytest.approx((20 + 0.5 * 30) / CASES)
    assert overall["better_tied"]["value"] == pytest.approx(30 / CASES)
    assert overall["better_steady"]["value"] == pytest.approx(1 - 10 / CASES)
    # Both orders, and nobody is asked about what says the same twice.
    assert len(place.provider.requests) - asked == 2 * (CASES - 20)
    told = place.aver(*common, "--baseline", str(base), "--out", str(tmp_path / "again.run.jsonl"), text=True)
    assert "better than the baseline 33.3%, worse 16.7%, ties 50.0%, of which the order decided 16.7%" in told

    # Its word decides nothing before it is calibrated, however good it is.
    held = place.aver("gate", "--run", str(run), code=11)
    assert "may not decide" in str(held)
    place.aver("judge", "calibrate", "--judge", "better", "--tenant", "acme")
    assert place.aver("gate", "--run", str(run))["outcome"] == "pass"
    # A gate that asks by itself holds what it asks against its own baseline.
    judged = place.aver("gate", "leave", "--tenant", "acme", "--baseline", str(base))
    assert judged["judged"][0]["found"]["value"] == pytest.approx(35 / CASES)


def test_what_cannot_be_compared_is_said(place, tmp_path):
    base = tmp_path / "base.run.jsonl"
    common = ("eval", "run", "leave", "--tenant", "acme")
    place.aver(*common, "--target", "responses:then.jsonl", "--scorer", "exact", "--out", str(base))
    assert "compares" in str(place.aver(*common, "--scorer", "exact", "--baseline", str(base), code=2))
    assert "neither a run" in str(place.aver(*common, "--baseline", "nothing", code=3))
    (tmp_path / "responses.db").unlink()
    assert "not kept" in str(place.aver(*common, "--baseline", str(base), code=2))


def test_a_case_that_the_baseline_did_not_answer_has_no_score(place, tmp_path):
    base, run = tmp_path / "base.run.jsonl", tmp_path / "now" / "now.run.jsonl"
    run.parent.mkdir()
    lines = (place.bundle / "then.jsonl").read_text().splitlines(keepends=True)
    (place.bundle / "then.jsonl").write_text("".join(lines[:40]))
    common = ("eval", "run", "leave", "--tenant", "acme")
    place.aver(*common, "--target", "responses:then.jsonl", "--scorer", "exact", "--out", str(base))
    found = place.aver(*common, "--baseline", str(base), "--out", str(run))
    assert found["overall"]["better"]["n"] == 40
    assert found["failed"] == {}
