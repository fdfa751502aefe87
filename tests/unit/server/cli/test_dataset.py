"""``aver dataset``: sets checked, imported, split, compared; turns promoted, labelled, exported, and forgotten."""

from __future__ import annotations

import json

import pytest

from aver.evals.datasets.reading import read_dataset
from aver.server.cli import main
from tests.servers import open_application, write_handbook

SET = """\
- {question: "How many days of unused leave carry over?", documents: [leave.md], answers: [up to ten days], flow: leave, tags: [hr]}
- {question: "How long is parental leave?", documents: [leave.md], answers: [sixteen weeks], flow: leave}
- {question: "Who founded Atlantis?", unanswerable: true}
"""


@pytest.fixture
def run(tmp_path, capsys):
    def command(*words: object) -> tuple[int, str, str]:
        code = main(["--data", str(tmp_path / "data"), *map(str, words)], open_application=open_application)
        return code, *capsys.readouterr()

    return command


@pytest.fixture
def ask(run):
    def command(*words: object, code: int = 0) -> dict:
        ended, out, error = run("dataset", *words, "--json")
        assert ended == code, out + error
        return json.loads(out)

    return command


@pytest.fixture
def handbook(run, tmp_path):
    folder, acl = write_handbook(tmp_path)
    run("tenant", "create", "northwind")
    run("ingest", folder, "--tenant", "northwind", "--acl", acl)
    (tmp_path / "set.yaml").write_text(SET)
    return tmp_path / "set.yaml"


def test_a_set_is_checked_against_its_tenant_and_what_was_seen(ask, run, handbook, tmp_path):
    found = ask("check", handbook, "--tenant", "northwind")
    assert (found["cases"], {each["level"] for each in found["problems"]}) == (3, {"warning"})
    assert "poisoned" in {each["kind"] for each in found["problems"]}  # not looked for, with the embedder of tests
    (tmp_path / "set.guideline.md").write_text("Say what the handbook says.")
    assert ask("check", handbook)["version"] != found["version"]
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        SET.replace("up to ten days", "twelve days").replace("Atlantis?", 'Atlantis?", tags: ["x"], user: "bo')
    )
    wrong = ask("check", bad, "--tenant", "northwind", code=4)
    assert [(each["place"], each["kind"]) for each in wrong["problems"] if each["level"] == "error"] == [
        (f"{bad}:1", "label")
    ]
    prompt = tmp_path / "prompt.md"
    prompt.write_text("For example: How many days of unused leave carry over? Ten.")
    code, out, error = run("dataset", "check", handbook, "--against", tmp_path)
    assert code == 4
    assert "prompt.md:1" in "".join((error + out).split())  # a long path goes over several lines


def test_coverage_of_declared_flows(ask, run, handbook, tmp_path):
    (tmp_path / "aver.yaml").write_text(
        "evals:\n  suites: {handbook: {cases: [set.yaml]}}\n  flows: {leave: {at_least: 2}, travel: {at_least: 1}}\n"
    )
    found = ask("coverage", "--bundle", tmp_path)["flows"]
    assert [(each["flow"], each["counted"], each["is_enough"]) for each in found] == [
        ("leave", 2, True),
        ("travel", 0, False),
    ]
    assert "1 short" in run("dataset", "coverage", handbook, "--bundle", tmp_path)[1]
    assert run("dataset", "coverage", "--bundle", tmp_path, "--require")[0] == 4


def test_sets_are_imported_split_and_compared(ask, run, tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        "".join(
            json.dumps({"prompt": f"Question {n} of {n % 7}, {n * n}?", "completion": str(n), "doc_id": f"d{n % 20}"})
            + "\n"
            for n in range(60)
        )
    )
    out, split = tmp_path / "set.jsonl", tmp_path / "split.csv"
    found = ask("import", rows, "--from", "huggingface", "--out", out)
    assert (found["cases"], found["labels"]) == (60, 0)
    assert run("dataset", "import", rows, "--from", "huggingface", "--out", out)[0] == 2
    assert run("dataset", "import", rows, "--from", "nothing", "--out", tmp_path / "x.jsonl")[0] == 2
    assert run("dataset", "import", rows, "--from", "huggingface")[0] == 2
    parts = ask("split", out, "--out", split, "--share", "test=0.5", "--share", "train=0.5")
    assert (sum(parts["parts"].values()), parts["clusters"]) == (60, 20)
    assert abs(parts["parts"]["test"] - 30) <= 3
    changed = ask("diff", out, split)
    assert (len(changed["changed"]), changed["added"]) == (60, [])
    assert changed["changed"][0]["fields"] == ["split", "cluster"]
    assert "version" in run("dataset", "diff", out, split)[1]
    assert run("dataset", "split", out, "--out", tmp_path / "y.jsonl", "--share", "test")[0] == 2


def test_a_turn_becomes_a_case_that_people_label(ask, run, handbook, tmp_path):
    _, out, _ = run(
        "ask",
        "How many days of unused leave carry over, asks Priya Raman?",
        "--tenant",
        "northwind",
        "--user",
        "zoe",
        "--json",
    )
    turn = json.loads(out)["turn"]
    run("ask", "Who was the first editor of Atlantis?", "--tenant", "northwind", "--user", "yan", "--json")
    assert run("gateway", "feedback", turn, "--score", "0", "--tenant", "northwind")[0] == 0
    tenant = ("--tenant", "northwind")
    (case,) = ask("promote", *tenant, "--feedback", "bad")["cases"]
    assert run("dataset", "promote", *tenant, "--incident", "INC-1")[0] == 3
    assert "Priya" not in case["question"]
    assert ask("promote", *tenant, "--turn", turn)["left_out"] == {"promoted before": 1}
    name = case["id"]
    assert ask("queue", *tenant)["status"] == {"waiting": 1}
    assert run("dataset", "label", name, *tenant)[0] == 2
    assert run("dataset", "label", "none", *tenant, "--user", "ann", "--refuse")[0] == 3
    ask(
        "label",
        name,
        *tenant,
        "--user",
        "ann",
        "--document",
        "leave.md",
        "--answer",
        "up to ten days",
        "--grade",
        "0.5",
    )
    assert ask("queue", *tenant, "--labeller", "ann")["cases"] == []
    labels = tmp_path / "labels.jsonl"
    labels.write_text(json.dumps({"case": name, "labeller": "bo", "answers": ["ten days"]}))
    (state,) = ask("label", *tenant, "--file", labels)["cases"]
    assert (state["status"], state["case"]["answers"]) == ("settled", ["up to ten days", "ten days"])
    assert ask("queue", name, *tenant)["cases"][0]["labels"][0]["labeller"] == "ann"
    out = tmp_path / "settled.jsonl"
    assert ask("export", *tenant, "--to", "jsonl", "--out", out)["cases"] == 1
    (kept,) = read_dataset(out).cases
    assert (kept.origin, kept.status, kept.metadata["turn"], kept.tags) == (
        "production",
        "confirmed",
        turn,
        (),
    )
    assert ask("forget", out, *tenant)["found"] == {str(out): []}
    erased = json.loads(run("erase", *tenant, "--subject", "user:zoe", "--json")[1])
    assert erased["cases"] == [name]
    assert ask("queue", *tenant)["status"] == {}
    out.write_text(out.read_text() + json.dumps({"question": "Other?", "refuse": True}) + "\n")
    assert ask("forget", out, *tenant, "--dry-run")["found"] == {str(out): [name]}
    assert "are gone" in run("dataset", "forget", out, *tenant)[1]
    assert [case.question for case in read_dataset(out).cases] == ["Other?"]
    assert run("evidence", "verify", *tenant)[0] == 0


def test_label_studio_both_ways(ask, run, handbook, tmp_path):
    out = tmp_path / "tasks.json"
    files = ask("export", handbook, "--to", "label-studio", "--out", out)["files"]
    assert files == [str(out), f"{out}.xml"]
    tasks = json.loads(out.read_text())
    result = {"from_name": "answers", "to_name": "question", "type": "textarea", "value": {"text": ["ten days"]}}
    tasks[0]["annotations"] = [{"completed_by": 1, "result": [result]}, {"completed_by": 2, "result": [result]}]
    out.write_text(json.dumps(tasks))
    labels, again = tmp_path / "labels.jsonl", tmp_path / "again.jsonl"
    found = ask("import", out, "--from", "label-studio", "--out", again, "--labels", labels, "--labeller", "1=ann")
    assert (found["cases"], found["labels"]) == (3, 2)
    assert ask("diff", handbook, again)["same"] == 3
    assert [json.loads(line)["labeller"] for line in labels.read_text().splitlines()] == ["ann", "label-studio-2"]
    assert run("dataset", "import", out, "--from", "label-studio", "--tenant", "northwind")[0] == 3


def test_agreement_and_suspects(ask, run, handbook, tmp_path):
    cases = read_dataset(handbook).cases
    labels, scores = tmp_path / "labels.jsonl", tmp_path / "scores.jsonl"
    labels.write_text(
        "".join(
            json.dumps(
                {"case": cases[n].id, "labeller": who, "unanswerable": True}
                if n
                else {"case": cases[n].id, "labeller": who, "answers": ["up to ten days"]}
            )
            + "\n"
            for n in range(3)
            for who in ("ann", "bo")
        )
    )
    scores.write_text(
        "".join(
            json.dumps({"case": case.id, "probabilities": {"answerable": 0.9, "unanswerable": 0.1}}) + "\n"
            for case in cases
        )
    )
    (kind,) = ask("agreement", labels)["agreement"]
    assert (kind["items"], kind["alpha"]["value"]) == (3, 1.0)
    assert "alpha" in run("dataset", "agreement", labels)[1]
    found = ask("suspects", handbook, "--labels", labels, "--scores", scores, "--tenant", "northwind")["suspects"]
    assert [(each["case"], each["by"]) for each in found] == [(cases[1].id, "labellers"), (cases[2].id, "model")]
    scores.write_text('{"case": 1}')
    assert run("dataset", "suspects", handbook, "--scores", scores)[0] == 2
    assert run("dataset", "suspects", handbook)[0] == 2
    assert run("dataset", "agreement")[0] == 2
