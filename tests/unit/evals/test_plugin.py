"""The plugin for pytest, in a pytest of its own: cases as tests, sets held to conditions, failures that read well."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CASES = """\
{"id": "carry", "question": "How many days carry over?", "answers": ["ten"]}
{"id": "weeks", "question": "How many weeks at full pay?", "answers": ["sixteen"], "tags": ["hr"]}
"""
TESTS = """
import pytest

def assistant(question):
    return "ten" if "carry" in question else "twelve weeks"

async def later(case):
    return assistant(case.question)

@pytest.mark.cases("set.jsonl")
def test_answer(case, judged):
    judged(assistant(case.question), "exact", "contains: {absent: [sorry]}")

def test_met(suite):
    suite("set.jsonl", assistant, ["exact"]).require("exact>=0.05")

def test_unmet(suite):
    suite("set.jsonl", later, ["exact"]).require("exact>=0.9")

def test_without_cases(judged):
    judged("x", "exact")
"""


def inner(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--rootdir",
        str(folder),
        "--color=no",
        *words,
    ]
    return subprocess.run(command, cwd=folder, env=dict(os.environ), capture_output=True, text=True, check=False)


def test_cases_are_tests_and_sets_are_held_to_conditions(tmp_path):
    (tmp_path / "set.jsonl").write_text(CASES)
    (tmp_path / "test_mine.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    said = inner(tmp_path).stdout
    assert "2 failed, 2 passed, 1 error" in said, said
    assert "set.jsonl:2: How many weeks at full pay?" in said
    assert "said      twelve weeks" in said
    assert "expected  sixteen" in said
    assert "exact>=0.9: inconclusive, 0.500 (0.095 to 0.905, 2 cases)" in said
    assert "weeks: exact" in said
    assert "Name the file of cases" in said


def test_it_costs_nothing_where_it_is_not_used(tmp_path):
    (tmp_path / "test_none.py").write_text(
        "import sys\ndef test_none():\n    assert not [name for name in sys.modules if name.startswith('numpy') or name.startswith('aver.evals.s')]\n"
    )
    done = inner(tmp_path)
    assert "1 passed" in done.stdout, done.stdout


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "import pytest\n@pytest.mark.cases('none.jsonl')\ndef test_answer(case):\n    pass\n"
    )
    done = inner(tmp_path)
    assert done.returncode != 0
    assert "none.jsonl" in done.stdout + done.stderr
