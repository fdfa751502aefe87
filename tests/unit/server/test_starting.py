"""A bundle to begin with: whole, valid, and never written over anybody's work."""

import json
from functools import partial

import pytest
import yaml

from aver.core.errors import Conflict, InvalidInput
from aver.core.yaml import parse_yaml
from aver.evals.gates.declaration import GATE
from aver.ops.runbooks.reading import doubts, read_runbooks
from aver.server.bundle import read_whole
from aver.server.mitigating import declared_names
from aver.server.starting import start

RUNBOOKS = (
    *("provider-outage", "cost-spike", "bad-release", "injection-campaign", "leaking-data", "stale-source"),
    "index-damage",
)


def test_everything_a_team_begins_with_is_there(tmp_path):
    started = start(tmp_path / "bundle")
    assert set(started.written) == {
        *(".gitignore", "README.md", "aver.yaml", "Jenkinsfile", ".gitlab-ci.yml", ".github/workflows/aver.yml"),
        *(f"documents/{name}.md" for name in ("equipment", "leave", "payroll", "security", "support", "travel")),
        *("evals/handbook.jsonl", "evals/labelling.md", "evals/rubric.md"),
        *("policies/README.md", "prompts/answer.md", "redteam/README.md"),
        *(f"runbooks/{name}.md" for name in RUNBOOKS),
    }
    for name in started.written:
        assert (started.folder / name).read_text(encoding="utf-8").endswith("\n")


def test_its_cases_say_what_stands_in_its_documents(tmp_path):
    folder = start(tmp_path / "bundle").folder
    cases = [json.loads(line) for line in (folder / "evals" / "handbook.jsonl").read_text().splitlines()]
    assert len({case["id"] for case in cases}) == len(cases) == 40
    for case in cases:
        if not case.get("unanswerable"):
            text = " ".join((folder / "documents" / case["documents"][0]).read_text().split())
            assert any(answer in text for answer in case["answers"]), case["id"]
    written = yaml.safe_load((folder / "aver.yaml").read_text())
    for flow, wanted in written["evals"]["flows"].items():
        assert sum(case.get("flow") == flow for case in cases) >= wanted["at_least"]


def test_its_gate_can_be_read_and_names_its_suites(tmp_path):
    folder = start(tmp_path / "bundle").folder
    written = yaml.safe_load((folder / "aver.yaml").read_text())["evals"]
    conditions = GATE.read(parse_yaml(yaml.safe_dump(written["gate"]), "aver.yaml"))
    assert {each.suite for each in conditions} == set(written["suites"])


def test_the_three_systems_do_the_same(tmp_path):
    folder = start(tmp_path / "bundle").folder
    github = yaml.safe_load((folder / ".github/workflows/aver.yml").read_text())
    run = " ".join(step.get("run", "") for step in github["jobs"]["gate"]["steps"])
    gitlab = " ".join(yaml.safe_load((folder / ".gitlab-ci.yml").read_text())["aver"]["script"])
    jenkins = (folder / "Jenkinsfile").read_text()
    for command in (
        "aver check",
        "aver ingest documents --tenant ci",
        "aver dataset check evals/handbook.jsonl --tenant ci --against prompts",
        "aver eval check handbook --tenant ci",
        "AVER_BUNDLE=reports/base aver eval run handbook --tenant ci --out reports/base.run.jsonl",
        "aver gate --tenant ci --baseline reports/base.run.jsonl --junit reports/junit.xml",
        "--markdown reports/summary.md --html reports/report.html --attest reports/attestation.json",
    ):
        for text in (run, gitlab, jenkins):
            assert command in " ".join(text.split())


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "aver.yaml").write_text("mine")
    with pytest.raises(Conflict, match=r"holds aver\.yaml already"):
        start(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["aver.yaml"]


def test_what_was_there_is_kept_beside_however_often(tmp_path):
    (tmp_path / "evals").mkdir()
    (tmp_path / "evals" / "handbook.jsonl").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine too")
    (tmp_path / "aver.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    started = start(tmp_path, force=True)
    assert set(started.kept) == {"evals/handbook.jsonl.before", "aver.yaml.before"}
    assert (tmp_path / "evals" / "handbook.jsonl.before").read_text() == "mine"
    assert (tmp_path / "notes.txt").read_text() == "mine too"
    assert (tmp_path / "aver.yaml.before").is_symlink()
    assert not (tmp_path / "elsewhere.yaml").exists()
    (tmp_path / "README.md").write_text("changed")
    again = start(tmp_path, force=True)
    assert (again.written, again.kept) == (("README.md",), ("README.md.before",))
    (tmp_path / "README.md").write_text("changed again")
    assert start(tmp_path, force=True).kept == ("README.md.before.1",)
    assert (tmp_path / "README.md.before").read_text() == "changed"


def test_where_nothing_can_be_written_it_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="is a file"):
        start(tmp_path / "file")
    with pytest.raises(InvalidInput, match="cannot be written"):
        start(tmp_path / "file" / "below")
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_its_runbooks_name_what_there_is(tmp_path):
    bundle = read_whole(start(tmp_path / "bundle").folder)
    runbooks = read_runbooks(bundle.folder)
    assert set(runbooks) == set(RUNBOOKS)
    assert [each for one in runbooks.values() for each in doubts(one, partial(declared_names, bundle))] == []
    assert any(each.fits("anomaly:model_failures", "assistant") for each in runbooks.values())
