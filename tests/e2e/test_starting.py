"""The bundle that ``aver init`` writes, checked as its own continuous integration checks it: the commands of its workflow, in its repository."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from aver.gateway.adapters.minilm import MiniLM

LIMIT = 1200


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A repository as a team has it after ``aver init`` and a first commit, with the built model where Aver looks for it."""
    folder = tmp_path_factory.mktemp("team") / "assistant"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AVER_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}

    def run(script, **more):
        command = ["bash", "-e", "-o", "pipefail", "-c", script]
        return subprocess.run(
            command, cwd=folder, env=environment | more, capture_output=True, text=True, check=False, timeout=LIMIT
        )

    subprocess.run(["aver", "init", str(folder)], env=environment, check=True, capture_output=True, timeout=LIMIT)
    MiniLM(folder / ".aver" / "models").embed(["the first text"])
    done = run(
        "git init -q . && git add -A && git -c user.name=team -c user.email=team@larkspur.example commit -qm first"
    )
    assert done.returncode == 0, done.stderr
    run.folder = folder
    return run


@pytest.fixture(scope="module")
def checked(repository):
    """What each step of the workflow printed, by its name; all of them ended well."""
    workflow = yaml.safe_load((repository.folder / ".github" / "workflows" / "aver.yml").read_text())
    job = workflow["jobs"]["gate"]
    summary = repository.folder.parent / "summary.md"
    variables = {name: value for name, value in job["env"].items() if "${{" not in value}
    variables |= {"BASE": "HEAD", "GITHUB_STEP_SUMMARY": str(summary)}
    said = {}
    for step in job["steps"]:
        if "run" in step:
            done = repository(step["run"], **variables)
            assert done.returncode == 0, f"{step['name']}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
            said[step["name"]] = done.stdout
    said["summary"] = summary.read_text()
    return said


def test_the_workflow_ends_well_and_the_gate_passes(checked):
    assert "aver.yaml is valid" in checked["Check the bundle"]
    assert "The gate passes: all 5 conditions are met." in checked["Gate"]
    assert checked["summary"].startswith("## ✅ pass")


def test_it_leaves_what_it_promises(checked, repository):
    reports = repository.folder / "reports"
    suites = {each.get("name"): each for each in ElementTree.parse(reports / "junit.xml").getroot()}
    assert (suites["handbook"].get("tests"), suites["handbook"].get("failures")) == ("40", "0")
    assert "How much unused leave carries over" in (reports / "report.html").read_text()
    envelope = json.loads((reports / "attestation.json").read_text())
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    verified = repository("aver gate verify reports/attestation.json --tenant ci --json", AVER_DATA=".aver")
    assert json.loads(verified.stdout)["outcome"] == "pass"


def test_nothing_of_it_is_committed_by_accident(checked, repository):
    assert repository("git status --porcelain").stdout == ""
