"""``aver knowledge``: a labelled set drafted."""

from __future__ import annotations

import json

import pytest

from aver.server.cli import main
from tests.servers import open_application, write_handbook


@pytest.fixture
def run(tmp_path, capsys):
    """The command line on a small handbook; its exit code and what it printed."""

    def command(*words: str) -> tuple[int, str, str]:
        code = main(["--data", str(tmp_path / "data"), *words], open_application=open_application)
        return code, *capsys.readouterr()

    handbook, acl = write_handbook(tmp_path)
    command("tenant", "create", "northwind")
    command("ingest", str(handbook), "--tenant", "northwind", "--acl", str(acl))
    return command


<<<<<<< HEAD
=======
@pytest.fixture
def evaluated(run, tmp_path):
    def command(*words: str) -> tuple[int, dict]:
        code, out, _ = run("knowledge", "eval", str(tmp_path / "set.yaml"), "--tenant", "northwind", *words, "--json")
        return code, json.loads(out)

    return command


def test_a_run_tells_its_figures_with_their_intervals(run, evaluated, tmp_path):
    code, found = evaluated("--k", "1")
    assert code == 0
    assert (found["questions"], found["unanswerable"], found["unconfirmed"]) == (4, 1, 1)
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
    assert "per_question" not in found
    code, out, _ = run("knowledge", "eval", str(tmp_path / "set.yaml"), "--tenant", "northwind")
    assert code == 0
    assert "4 questions, 1 unanswerable, 1 of them drafts that nobody confirmed" in out
    assert "mrr [leave]" in out
    assert "not judged" in out


def test_a_run_is_kept_and_another_compared_with_it(run, evaluated, tmp_path):
    file = str(tmp_path / "run.json")
    evaluated("--out", file)
    code, found = evaluated("--against", file)
    assert code == 0
    assert found["against"]["questions"] == 4
    assert found["against"]["overall"]["mrr"]["value"] == 0
    assert {each["verdict"] for each in found["against"]["overall"].values()} == {"inconclusive"}
    out = run("knowledge", "eval", str(tmp_path / "set.yaml"), "-t", "northwind", "--against", file)[1]
    assert "compared over the 4 questions of both runs" in out
    (tmp_path / "other.json").write_text('{"per_question": {}}')
    assert evaluated("--against", str(tmp_path / "other.json"))[0] == 2
    assert evaluated("--against", str(tmp_path / "none.json"))[0] == 3


def test_conditions_decide_the_exit_code(run, evaluated, tmp_path):
    assert evaluated("--require", "hit@5>=0.3", "--require", "mrr[leave]>=0.3")[0] == 0
    code, found = evaluated("--require", "hit@5>=0.9", "--require", "mrr>=0.1")
    assert (code, found["status"]) == (4, 409)
    assert [each["outcome"] for each in found["conditions"]] == ["inconclusive", "pass"]
    assert found["overall"]["hit@5"]["value"] == 1
    code, out, err = run("knowledge", "eval", str(tmp_path / "set.yaml"), "-t", "northwind", "--require", "hit@5>=0.9")
    assert code == 4
    assert "hit@5>=0.9 is inconclusive: 1.000 (0.342 to 1.000, n 2)" in err
    assert "mrr" in out
    assert evaluated("--require", "p95<=3")[0] == 2
    assert evaluated("--require", "retrieval>=0.1")[0] == 2


def test_the_search_alone_asks_no_question(run, evaluated):
    found = evaluated("--search-only")[1]
    assert found["release"] is None
    assert not {"answered", "auroc", "gold_in_citations"} & found["overall"].keys()
    assert found["latency"].keys() == {"retrieval"}
    assert json.loads(run("evidence", "verify", "--tenant", "northwind", "--json")[1])["ok"]


def test_a_label_that_leads_nowhere_stops_the_run(run, tmp_path):
    file = tmp_path / "wrong.jsonl"
    file.write_text('{"question": "What does an editor earn?", "documents": ["salaries.md"]}\n')
    code, _, err = run("knowledge", "eval", str(file), "-t", "northwind")
    assert code == 2
    assert f"{file}:1: evaluation may read no document 'salaries.md'" in err
    assert run("knowledge", "eval", str(file), "-t", "northwind", "--group", "board", "--search-only")[0] == 0


>>>>>>> wA
def test_drafts_are_written_once_and_can_be_asked(run, tmp_path):
    file = str(tmp_path / "drafts.jsonl")
    words = ("knowledge", "draft-set", "--tenant", "northwind", "--group", "board", "--count", "6", "--out", file)
    code, out, _ = run(*words, "--json")
    drafted = json.loads(out)
    assert code == 0
    assert drafted["read"] == 2
    assert drafted["questions"] == sum(drafted["kinds"].values()) > 0
    code, out, err = run(*words)
    assert code == 1
    assert "exists" in err
    found = json.loads(run("eval", "run", file, "-t", "northwind", "--target", "search", "--json")[1])
    assert found["cases"] == found["drafts"] == drafted["questions"]
