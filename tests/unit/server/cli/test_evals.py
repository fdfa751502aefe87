"""``aver eval``: labelled sets asked, kept, gone on with, held to conditions, and tested themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aver.core.settings import Settings
from aver.server.cli import main
from tests.servers import open_application, write_handbook

SET = """\
- question: How many days of unused leave carry over to the next year?
  documents: [leave.md]
  answers: [up to ten days]
  tags: [leave]
- question: How long is parental leave?
  documents: [Leave policy]
  passages: [{document: leave.md, quote: Parental leave is sixteen weeks}]
  tags: [leave]
  status: draft
- {question: "Who founded Atlantis?", unanswerable: true}
- {question: "What does a senior editor earn?", user: cleo, groups: [board], answers: ["59,000 and 68,000"]}
"""


@pytest.fixture
def run(tmp_path, capsys):
    """The command line on a small handbook; its exit code and what it printed."""

    def command(*words: str) -> tuple[int, str, str]:
        code = main(["--data", str(tmp_path / "data"), *words], open_application=open_application)
        return code, *capsys.readouterr()

    handbook, acl = write_handbook(tmp_path)
    command("tenant", "create", "northwind")
    command("ingest", str(handbook), "--tenant", "northwind", "--acl", str(acl))
    (tmp_path / "set.yaml").write_text(SET)
    return command


@pytest.fixture
def evaluated(run, tmp_path):
    def command(*words: str) -> tuple[int, dict]:
        code, out, _ = run("eval", "run", str(tmp_path / "set.yaml"), "--tenant", "northwind", *words, "--json")
        return code, json.loads(out)

    return command


def test_a_run_tells_its_figures_with_their_intervals(run, evaluated, tmp_path):
    code, found = evaluated("-s", "retrieval: {k: [1]}", "-s", "answers", "-s", "numeric")
    assert code == 0
    assert found["silent"] == ["numeric"]
    assert (found["cases"], found["unanswerable"], found["drafts"]) == (4, 1, 1)
    assert found["overall"]["hit@1"] == {
        "value": 1.0,
        "low": pytest.approx(0.342, abs=1e-3),
        "high": 1.0,
        "n": 2,
        "method": "wilson",
        "clusters": None,
        "effective": None,
    }
    assert found["overall"]["gold_in_citations"]["n"] == 3
    assert found["overall"]["held_back"]["n"] == 1
    assert found["slices"]["leave"]["mrr"]["n"] == 2
    assert found["overall"]["auroc"]["n"] == 4
    assert found["file"] is None
    asked = ("eval", "run", str(tmp_path / "set.yaml"), "--tenant", "northwind")
    code, out, _ = run(*asked)
    assert code == 0
    assert "mrr [leave]" in run(*asked, "--slices")[1]
    assert found["outlook"]["cases"] == 4
    assert out.startswith("4 cases tell a share to within ")
    assert "4 cases, 1 unanswerable, 1 of them drafts that nobody confirmed" in out
    assert "by slice (leave" in out
    assert "mrr [leave]" not in out
    assert "latency: p50" in out


def test_a_run_is_kept_and_gone_on_with(run, evaluated, tmp_path):
    file = tmp_path / "a.run.jsonl"
    assert evaluated("--out", str(file))[0] == 0
    lines = file.read_text().splitlines()
    assert len(lines) == 6
    code, found = evaluated("--out", str(file))
    assert (code, found["status"]) == (1, 409)
    file.write_text("\n".join(lines[:2]) + "\n")
    turns = _turns(tmp_path)
    assert turns == 4
    code, found = evaluated("--out", str(file), "--resume")
    assert (code, found["complete"], found["results"]) == (0, True, 4)
    assert _turns(tmp_path) == turns, "what was responded is not asked again"
    code, found = evaluated("--out", str(file), "--resume", "--seed", "3")
    assert (code, found["detail"]) == (1, f"'{file}' is a run of another seed")
    # In the same folder, another run of the same asks nobody either.
    assert evaluated("--out", str(tmp_path / "b.run.jsonl"), "-s", "exact", "-s", "contains")[0] == 0
    assert _turns(tmp_path) == turns
    assert evaluated("--resume")[0] == 2


def _turns(tmp_path) -> int:
    application = open_application(Settings(data=tmp_path / "data"))
    try:
        return len(list(application.tenant("northwind").ledger.of_kind("admitted")))
    finally:
        application.close()


def test_the_search_alone_asks_no_question(run, evaluated):
    found = evaluated("--target", "search")[1]
    assert not {"answered", "auroc", "gold_in_citations"} & found["overall"].keys()
    assert found["overall"]["mrr"]["n"] == 2
    assert json.loads(run("evidence", "verify", "--tenant", "northwind", "--json")[1])["ok"]


def test_a_run_leaves_its_figures_in_evidence_and_no_question(run, evaluated, tmp_path):
    from aver.core.settings import Settings

    evaluated("--target", "search")
    application = open_application(Settings(data=tmp_path / "data"))
    try:
        (step,) = application.tenant("northwind").ledger.of_kind("evaluated")
        assert step.facts["questions"] == 4
        assert step.facts["ndcg.5"] == 1
        assert step.body["overall"]["ndcg@5"]["n"] == 2
        assert "senior editor" not in str((step.facts, step.body))
    finally:
        application.close()


def test_a_label_that_leads_nowhere_stops_the_run(run, tmp_path):
    file = tmp_path / "wrong.jsonl"
    file.write_text('{"question": "What does an editor earn?", "documents": ["salaries.md"]}\n')
    code, _, err = run("eval", "run", str(file), "-t", "northwind")
    assert code == 2
    assert f"{file}:1: evaluation may read no document 'salaries.md'" in err
    assert run("eval", "run", str(file), "-t", "northwind", "--group", "board", "--target", "search")[0] == 0


def test_a_set_is_tested_itself(run, tmp_path):
    code, out, _ = run("eval", "check", str(tmp_path / "set.yaml"), "-t", "northwind", "--json")
    found = json.loads(out)
    assert (code, found["ok"], found["idle"], found["cases"]) == (0, True, 1, 4)
    assert found["oracle"]["right_of_answered"] == 1
    assert found["null"]["answered"] == 0
    idle = tmp_path / "idle.jsonl"
    idle.write_text('{"question": "Who founded Atlantis?", "unanswerable": true}\n')
    code, out, err = run("eval", "check", str(idle), "-t", "northwind")
    assert code == 4
    assert "nothing is to be done in any case" in err
    code, out, _ = run("eval", "check", str(tmp_path / "set.yaml"), "-t", "northwind", "-s", "exact", "--json")
    assert code == 4
    assert json.loads(out)["unread"]


def test_scorers_are_listed(run):
    found = {each["name"]: each for each in json.loads(run("eval", "scorers", "--json")[1])["scorers"]}
    assert found["exact"]["settings"]["properties"].keys() == {"normalised"}
    assert "numeric" in run("eval", "scorers")[1]


def test_functions_are_asked_and_judge(run, tmp_path):
    (tmp_path / "mine.py").write_text("""
def answer(case):
    return "ten days, and ten more" if "leave carry" in case.question else "I do not know."

def score(case, response):
    if response.text.startswith("I do"):
        return 0.25, "it does not know"
    return True

def broken(case, response):
    raise ValueError("never mind")
""")
    out = tmp_path / "f.run.jsonl"
    words = ("--target", f"function:{tmp_path}/mine.py:answer", "-s", f"function: {tmp_path}/mine.py:score")
    code, said, _ = run(
        "eval", "run", str(tmp_path / "set.yaml"), "-t", "northwind", *words, "--out", str(out), "--json"
    )
    found = json.loads(said)
    assert code == 0, said
    assert found["overall"]["score"]["value"] == (1 + 3 * 0.25) / 4
    words = (*words[:3], f"function: {tmp_path}/mine.py:broken")
    said = run("eval", "run", str(tmp_path / "set.yaml"), "-t", "northwind", *words)[1]
    assert "4 failed, and count neither way: function-failed" in said
    assert "ValueError: never mind" in said
    code, said, _ = run(
        "eval",
        "run",
        str(tmp_path / "set.yaml"),
        "-t",
        "northwind",
        "-s",
        f"function: {tmp_path}/mine.py:none",
        "--json",
    )
    assert (code, json.loads(said)["status"]) == (2, 422)


def test_a_suite_of_the_bundle_is_run_and_kept_among_its_runs(run, tmp_path, monkeypatch):
    bundle = tmp_path / "bundle"
    (bundle / "evals").mkdir(parents=True)
    (bundle / "evals" / "handbook.yaml").write_text(SET)
    (bundle / "aver.yaml").write_text(
        "evals:\n  suites:\n    handbook: {cases: [evals/handbook.yaml], repeats: 2, target: search, scorers: [retrieval]}\n"
    )
    monkeypatch.setenv("AVER_BUNDLE", str(bundle))
    code, out, err = run("eval", "run", "handbook", "-t", "northwind", "--json")
    found = json.loads(out)
    assert code == 0, out + err
    assert found["results"] == 8
    assert found["file"].startswith(str(bundle / "evals" / "runs" / "handbook-"))
    assert found["clusters"] == 4
    code, out, _ = run("eval", "run", "handbok", "-t", "northwind", "--json")
    assert (code, json.loads(out)["next_step"]) == (2, "Did you mean 'handbook'?")
    assert run("eval", "run", "handbook", "-t", "northwind", "--resume")[0] == 3


def test_a_run_is_left_once_it_is_certain_and_judged_by_what_holds_at_every_look(run, tmp_path, monkeypatch):
    bundle = tmp_path / "bundle"
    (bundle / "evals").mkdir(parents=True)
    lines = [{"id": f"q{n}", "question": f"Is {2 * n} even?", "expected": "yes"} for n in range(60)]
    (bundle / "evals" / "even.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    (bundle / "evals" / "mine.py").write_text("def answer(case):\n    return 'yes'\n")
    (bundle / "aver.yaml").write_text(
        "evals:\n  suites:\n    even: {cases: [evals/even.jsonl], target: 'function:evals/mine.py:answer', scorers: [exact], stop_early: true}\n"
        "  gate: [{suite: even, measure: exact, at_least: 0.5}]\n"
    )
    monkeypatch.setenv("AVER_BUNDLE", str(bundle))
    words = ("eval", "run", "even", "-t", "northwind", "--concurrency", "1", "--json")
    code, out, err = run(*words)
    found = json.loads(out)
    assert code == 0, out + err
    assert found["complete"]
    assert found["results"] == 20
    assert found["stopped_early"].startswith("certain after 20 of 60 cases, looked at after each: ")
    assert (found["overall"]["exact"]["method"], found["overall"]["exact"]["high"]) == ("anytime", 1.0)
    assert 0.5 < found["overall"]["exact"]["low"] < 0.85

    file = Path(found["file"])
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:15]))  # as a killed process leaves it
    code, out, err = run(*words, "--resume")
    again = json.loads(out)
    assert (code, again["file"]) == (0, found["file"]), out + err
    assert again["stopped_early"] == found["stopped_early"]
    assert run(*words, "--resume", "--whole", "--out", found["file"])[0] != 0, "it is a run of another kind"

    code, out, _ = run("gate", "--run", found["file"], "--json")
    (judged,) = json.loads(out)["judged"]
    assert (code, judged["outcome"], judged["found"]["method"]) == (0, "pass", "anytime")
    code, out, _ = run("gate", "even", "-t", "northwind", "--json")
    assert (code, json.loads(out)["judged"][0]["found"]["method"]) == (0, "anytime")

    code, out, _ = run(*words, "--whole", "--out", str(tmp_path / "whole.run.jsonl"))
    assert json.loads(out)["results"] == 60
    code, out, _ = run(*words, "--whole", "--require", "exact>=0.5")
    assert (code, "not left early" in out) == (2, True)
    code, out, _ = run(*words, "--require", "exact>=baseline-0.1")
    assert (code, "before the run is whole" in out) == (2, True)
