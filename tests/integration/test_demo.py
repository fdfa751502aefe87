"""``make demo`` as a newcomer has it: with nothing installed but what a core install has, it asks and acts as it should."""

import os
import re
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from aver.core.settings import Settings
from aver.evidence.clear import clear_steps
from aver.gateway.adapters.minilm import MiniLM
from aver.server.application import Application

ROOT = Path(__file__).parents[2]
BARE = """
import sys

class Bare:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"{{name}} is not part of a core install", name=name)

sys.meta_path.insert(0, Bare())
"""
ABSENT = {"mcp", "httpx", "httpx2", "openai", "anthropic", "psycopg", "redis", "pytest", "playwright"}
"""What tests have and a core install does not."""


@pytest.fixture
def demo(tmp_path):
    """A copy of the demo, which keeps its data beside itself, and the environment of a core install."""
    shutil.copytree(ROOT / "demo", tmp_path / "demo", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "sitecustomize.py").write_text(BARE.format(absent=ABSENT))
    MiniLM(tmp_path / ".aver" / "demo" / "models").embed(["the first text"])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AVER_")}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path / "bare"), *sys.path])
    return tmp_path / "demo" / "run.py", environment


TOLD = {
    "release_created", "gated", "release_promoted", "staged", "evaluated", "judged", "reported", "triaged", "case_promoted", "alerted", "incident",
    "asked", "approved", "decided", "executed", "checked", "called", "responded", "sealed", "failed",
}  # fmt: skip
"""What the week has to tell, by kinds of steps."""


def check_week(data):
    """The week before is on record, in the order of time, and marked as generated."""
    application = Application(Settings(data=data))
    services = application.tenant("Northwind Press")
    steps = clear_steps(services.store, 0, 100_000)
    generated = [step for step in steps if step.facts.get("generated") == "demo"]
    assert {step.kind for step in generated} >= TOLD
    assert [step.at for step in steps] == sorted(step.at for step in steps)
    begun = [datetime.fromisoformat(step.at) for step in generated if step.kind == "admitted"]
    assert max(begun) - min(begun) > timedelta(days=6)
    assert len({moment.date() for moment in begun}) >= 7
    outcomes = {step.facts["outcome"] for step in generated if step.kind == "gated"}
    assert outcomes == {"pass", "fail"}
    found = services.operations.incidents.incidents()
    assert {("alert", "resolved"), ("report", "open")} <= {(each.origin, each.status) for each in found}
    assert services.triage.catch_up()
    assert services.triage.counts()["decided"] >= 3
    application.close()


def test_it_checks_itself_with_a_core_install_alone(demo):
    program, environment = demo
    missing = subprocess.run(
        [sys.executable, "-c", "import mcp"], capture_output=True, text=True, env=environment, check=False
    )
    assert "is not part of a core install" in missing.stderr
    done = subprocess.run(
        [sys.executable, program, "--check"], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    environment = (program.parents[1] / ".aver" / "demo" / "environment").read_text()
    assert {"AVER_BUNDLE", "AVER_DATA", "DIRECTORY_TOKEN", "PATH"} <= set(re.findall(r"export (\w+)=", environment))
    assert done.stdout.count("as it should be") == 7
    check_week(program.parents[1] / ".aver" / "demo")
    assert "sendMessage: denied: What it is aimed at was taken from untrusted content" in done.stdout
