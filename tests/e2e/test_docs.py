"""Every ``console`` block of the README and the docs is run, page by page, as a person would type it."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from aver.gateway.adapters.minilm import MiniLM

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(page for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")) if "```console" in page.read_text())
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def steps(page: Path) -> list[tuple[str, str]]:
    """The page's commands in order, each with the output the page shows for it."""
    found: list[tuple[str, list[str]]] = []
    for block in BLOCK.findall(page.read_text()):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return [(command, "\n".join(lines)) for command, lines in found]


def shows(expected: str, output: str) -> bool:
    """Whether ``output`` is ``expected`` with every ``...`` standing for any text."""
    pattern = ".*".join(re.escape(part) for part in expected.split("..."))
    return re.fullmatch(pattern, output.strip(), re.DOTALL) is not None


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The folder of the built-in model, as the first command on a machine leaves it."""
    folder = tmp_path_factory.mktemp("models")
    MiniLM(folder).embed(["the first text"])
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_runs(page, model, tmp_path):
    shutil.copytree(ROOT / "demo", tmp_path / "demo")
    if page.name != "getting-started.md":
        shutil.copytree(model, tmp_path / "data" / "models", copy_function=os.link)
    script = ["set -u", "trap 'kill $(jobs -p) 2>/dev/null' EXIT"]
    marker = "=== step"
    commands = steps(page)
    for number, (command, _) in enumerate(commands):
        script += [f"echo; echo '{marker} {number}'", f"{{ {command}", '} 2>&1 || { echo "exit $?"; exit 1; }']
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AVER_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment |= {"AVER_DATA": str(tmp_path / "data"), "COLUMNS": "200"}
    text = "\n".join(script)
    for port in ("8420", "8421", "8099"):
        text = text.replace(port, free_port())
    done = subprocess.run(
        ["bash", "-c", text], check=False, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=3600
    )
    outputs = re.split(rf"^{marker} \d+\n", done.stdout, flags=re.MULTILINE)[1:]
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert len(outputs) == len(commands)
    for (command, expected), output in zip(commands, outputs, strict=True):
        assert not expected or shows(expected, output), f"$ {command}\nexpected: {expected}\nprinted: {output}"


def test_links_lead_somewhere():
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            assert "://" in target or (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_command_line_page_is_current():
    done = subprocess.run([sys.executable, ROOT / "docs" / "generate.py", "--check"], check=False)
    assert done.returncode == 0, "docs/cli.md differs from the program's help: run make docs"
