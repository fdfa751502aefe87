"""Start what the demo's assistant acts with, each a process of its own, and write the bundle that declares it.

``python demo/tools/start.py FOLDER`` prints where everything is, as JSON, and stops all of it at Ctrl-C. The MCP server is no part of that:
whoever uses the bundle starts it.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from office import Office

__all__ = ["Started", "started"]

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Started:
    """``bundle`` is the directory of ``aver.yaml``, ``environment`` what Aver has to find in its own to use it, ``office`` the file that
    the tools work on."""

    bundle: Path
    environment: Mapping[str, str]
    office: Path


@contextmanager
def started(folder: Path) -> Iterator[Started]:
    """The API and the model, as processes that end on the way out. In ``folder`` are the office, as it was left if it is there already, and
    the bundle."""
    office = folder / "office.db"
    Office(office)
    token = secrets.token_urlsafe(18)
    with ExitStack() as stack:
        api = stack.enter_context(_process("directory.py", str(office), DIRECTORY_TOKEN=token))
        model = stack.enter_context(_process("model.py"))
        places = {"python": sys.executable, "tools": HERE, "office": office.resolve(), "api": api, "model": model}
        yield Started(_bundle(folder / "bundle", places), {"DIRECTORY_TOKEN": token}, office)


def _bundle(folder: Path, places: Mapping[str, object]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "directory.yaml", folder)
    text = (HERE / "aver.yaml").read_text(encoding="utf-8")
    for name, place in places.items():
        text = text.replace(f'"{{{name}}}', f'"{json.dumps(str(place))[1:-1]}')
    (folder / "aver.yaml").write_text(text, encoding="utf-8")
    return folder


@contextmanager
def _process(program: str, *arguments: str, **environment: str) -> Iterator[str]:
    """A program of this folder, and the address that it prints first."""
    command = [sys.executable, str(HERE / program), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | environment)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        if not address:
            sys.exit(f"error: {program} did not start (exit code {process.wait()}).")
        yield address
    finally:
        process.terminate()
        process.wait(timeout=10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    for each in (signal.SIGINT, signal.SIGTERM):  # the first is ignored in what a shell runs behind it
        signal.signal(each, signal.default_int_handler)
    with started(parser.parse_args().folder) as found:
        print(json.dumps(asdict(found), default=str), flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
