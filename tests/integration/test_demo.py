"""``make demo`` as a newcomer has it: with nothing installed but what a core install has, it asks and acts as it should."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aver.gateway.adapters.minilm import MiniLM

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
    assert "sendMessage: denied: What it is aimed at was taken from untrusted content" in done.stdout
