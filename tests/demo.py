"""The demo's publisher with its agent, as ``make demo`` has it: real programs, which end with the block."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

from aver.core.settings import Settings
from aver.knowledge.access import AccessList
from aver.knowledge.folder import FolderSource
from aver.server.application import Application
from tests.servers import open_application

__all__ = ["ANN", "DEMO", "DONE", "ORDERED", "QUESTIONED", "TASKS", "Started", "loaded", "publisher", "started"]

DEMO = Path(__file__).parents[1] / "demo"
ANN = ("--tenant", "Northwind Press", "--user", "ann")
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def loaded(name: str) -> ModuleType:
    """A program of the demo, by its path in there, as a module."""
    path = DEMO / name
    spec = importlib.util.spec_from_file_location(f"demo_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


TASKS: list[tuple[str, Mapping[str, str]]] = list(loaded("run.py").TASKS)
"""What the demo proposes to try, with what becomes of the calls that matter."""
DONE, QUESTIONED, ORDERED = (task for task, _ in TASKS)


@dataclass(frozen=True)
class Started:
    """``bundle`` is the directory of ``aver.yaml``, ``environment`` what Aver has to find in its own to use it; ``office`` is what the tools
    work on."""

    bundle: Path
    environment: Mapping[str, str]
    office: Any


@contextmanager
def started(folder: Path) -> Iterator[Started]:
    """What the agent acts with, at work in ``folder``."""
    command = [sys.executable, str(DEMO / "tools" / "start.py"), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
            office = loaded("tools/office.py").Office(Path(said["office"]))
            yield Started(Path(said["bundle"]), said["environment"], office)
        finally:
            process.send_signal(signal.SIGINT)


@contextmanager
def publisher(
    folder: Path, opened: Callable[[Settings], Application] = open_application
) -> Iterator[tuple[Application, Any]]:
    """Northwind Press with its handbook and its agent ``desk``, whose tools are approved; and the office that they work on."""
    with started(folder / "office") as found, mock.patch.dict(os.environ, found.environment):
        application = opened(Settings(data=folder / "data", bundle=found.bundle))
        application.store.create_tenant("Northwind Press")
        press = DEMO / "northwind-press"
        source, access = FolderSource(press / "handbook", "handbook"), AccessList.load(press / "acl.yaml")
        application.tenant("Northwind Press").knowledge.ingest(source, access)
        approve = [sys.executable, "-m", "aver", "tools", "approve", "desk", "--bundle", str(found.bundle), "--yes"]
        subprocess.run(approve, check=True, capture_output=True, env={**ENVIRONMENT, **found.environment})
        yield application, found.office
        application.close()
