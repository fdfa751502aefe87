"""A copy of an installation with a tenant of the drill's own in it, and the server that serves it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from aver.core.errors import Conflict, StorageFull, Unavailable
from aver.core.ids import new_id
from aver.core.settings import Settings
from aver.evidence import Draft, Ledger
from aver.evidence.clear import ClearStep
from aver.knowledge.access import AccessList
from aver.knowledge.adapters.pgvector_schema import make_tables
from aver.knowledge.folder import FolderSource
from aver.server.application import Application
from aver.server.drills import process
from aver.server.drills.world import write_documents
from aver.store.copying import DatabaseCopies
from aver.testing import HashEmbedder

__all__ = ["Server", "Stage", "copied", "fresh_stage"]

_TENANT = "drill"
_LEFT_OUT = (".probe.", ".reserve.", "reserve", "store.lock", "drill.", "settings.yaml")
"""Of the directory itself: what belongs to the installation's own process, or would have the copy reach what is outside."""
_STARTS = 120.0
"""Seconds that a server is given to answer."""
_TURNS_A_COMMIT = 50
_BEFORE = timedelta(minutes=1)
_EVERY = 10
"""Seconds in which the wiki is followed."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a drill takes place: the data, the bundle, the folders of the sources, and the key of whoever asks."""

    folder: Path
    data: Path
    bundle: Path
    wiki: Path
    tenant: str
    key: str
    environment: Mapping[str, str] = field(default_factory=dict)
    like: Settings = field(default_factory=Settings)
    """The installation's settings, of which the copy has where it is and what its index is kept in."""
    copies: DatabaseCopies | None = None
    """Of the installation's database, where that is a Postgres."""
    database_url: str | None = field(default=None, repr=False)
    """The copy's."""

    @contextmanager
    def copied_to(self, folder: Path) -> Iterator[Stage]:
        """The same on a copy of its data; the sources stay where they are. The copy of a Postgres database is gone afterwards."""
        shutil.copytree(self.data, folder / "data", symlinks=True)
        if self.copies is None or self.database_url is None:
            yield replace(self, folder=folder, data=folder / "data")
            return
        url = self.copies.again(self.database_url)
        try:
            yield replace(self, folder=folder, data=folder / "data", database_url=url)
        finally:
            self.copies.drop(url)

    @property
    def database(self) -> Path:
        return self.data / "tenants" / self.tenant / "tenant.db"

    @property
    def index(self) -> Path:
        return self.data / "tenants" / self.tenant / "index"

    @property
    def clock(self) -> Path:
        return self.folder / "clock"

    def settings(self) -> Settings:
        return Settings(
            data=self.data,
            bundle=self.bundle,
            database_url=self.database_url,
            index_engine=self.like.index_engine,
            region=self.like.region,
        )

    @property
    def variables(self) -> Mapping[str, str]:
        """The same for a process of its own, which knows nothing else of what the installation reaches."""
        settings = self.settings()
        found = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AVER_")},
            **self.environment,
            "AVER_DATA": str(settings.data),
            "AVER_BUNDLE": str(settings.bundle),
            "AVER_DATABASE_URL": settings.database_url or "",
            "AVER_INDEX_ENGINE": settings.index_engine,
            "AVER_REGION": settings.region,
        }
        return {name: value for name, value in found.items() if value}

    @contextmanager
    def opened(self) -> Iterator[Application]:
        """The data, read and written beside the server as any other process may."""
        application = process.open_application(self.settings())
        try:
            yield application
        finally:
            application.close()


def copied(source: Path, into: Path) -> None:
    """A copy of a data directory that is in use: databases as of one moment each, before what they refer to. Raises
    :class:`~aver.core.errors.StorageFull` where there is no room for it."""
    into.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(into).free < 2 * sum(_size(path) for path in _files(source)):
        raise StorageFull("There is no room for a copy of the data", "Free some space, or set TMPDIR to a larger disk.")
    if (source / "models").is_dir():
        (into / "models").symlink_to((source / "models").absolute())
    for path in _files(source):
        if path.suffix == ".db":
            target = _place(path, source, into)
            with (
                closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as old,
                closing(sqlite3.connect(target)) as new,
            ):
                old.backup(new)
            target.chmod(0o600)
    for path in _files(source):  # what is there by now, less what is tidied away meanwhile
        if path.suffix != ".db" and not path.name.endswith(("-wal", "-shm")):
            with suppress(FileNotFoundError):
                shutil.copy2(path, _place(path, source, into))


def _files(source: Path) -> list[Path]:
    """What of a data directory is copied."""
    found = (Path(parent, name) for parent, _, names in os.walk(source) for name in names)
    return [path for path in found if not path.relative_to(source).parts[0].startswith(("models", *_LEFT_OUT))]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _place(path: Path, source: Path, into: Path) -> Path:
    target = into / path.relative_to(source)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return target


def fresh_stage(
    folder: Path,
    bundle: Path,
    like: Settings,
    environment: Mapping[str, str],
    past: timedelta,
    copies: DatabaseCopies | None = None,
) -> Stage:
    """A copy of the installation with the settings ``like``, if it is there, with the tenant of the drill and its documents, which came before a ``past`` that is still to be
    written. ``copies`` are of its database, where that is a Postgres."""
    data, url = folder / "data", None
    if copies is not None:
        url = copies.copy([make_tables] if like.index_engine == "pgvector" else [])
    if (like.data / "tenants").is_dir():
        copied(like.data, data)
    handbook, wiki = write_documents(folder)
    stage = Stage(folder, data, bundle, wiki, "", "", dict(environment), like, copies, url)
    clock = _Past(datetime.now(UTC) - past - _BEFORE)
    application = Application(stage.settings(), embedder=HashEmbedder(), clock=clock)
    try:
        name = _TENANT
        while any(each.name == name for each in application.store.tenants()):
            name = f"{_TENANT}-{random.randrange(10**6)}"  # noqa: S311 - a name
        tenant = application.store.create_tenant(name).id
        services = application.tenant(tenant)
        services.knowledge.ingest(FolderSource(handbook, "handbook"), AccessList.everyone())
        _declare_wiki(services, wiki)
        key = application.create_key(tenant, "drill", (), ["admin"])[1]
    finally:
        application.close()
    return replace(stage, tenant=tenant, key=key)


def _declare_wiki(services: Any, wiki: Path) -> None:
    from aver.knowledge.sources.declaration import parse_sources

    text = f"sources:\n  wiki:\n    kind: folder\n    path: {wiki}\n    every: {_EVERY}s\n"
    services.sources.declare(parse_sources(text, "sources.yaml"))
    services.sources.follow("wiki")


class Server:
    """``aver serve`` on a stage, as a process of its own."""

    def __init__(self, stage: Stage, clock: bool = False) -> None:
        self._stage = stage
        environment = {
            **stage.variables,
            "PYTHONPATH": os.pathsep.join(each for each in sys.path if each),
            "OPENBLAS_NUM_THREADS": "1",
        }
        if clock:
            environment[process.CLOCK] = str(stage.clock)
        self.log = stage.folder / "server.log"
        command = [sys.executable, "-m", "aver.server.drills.process", "serve", "--port", "0", "--json"]
        with self.log.open("ab") as log:
            piped = {
                "stdin": subprocess.PIPE,
                "stdout": subprocess.PIPE,
                "stderr": log,
                "cwd": stage.folder,
                "env": environment,
            }
            self._process: subprocess.Popen[bytes] = subprocess.Popen(command, **piped)  # type: ignore[call-overload]  # noqa: S603 - our own program
        self.url = self._announced()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _announced(self) -> str:
        assert self._process.stdout is not None
        said = b""
        until = time.monotonic() + _STARTS
        for line in self._process.stdout:
            said += line
            if b"}" in line or time.monotonic() > until:
                break
        try:
            return str(orjson.loads(said)["address"])
        except (ValueError, KeyError):
            self.stop()
            told = self.log.read_text(errors="replace").strip().splitlines()
            raise Unavailable(
                f"The copy could not be served: {told[-1][:200] if told else 'it ended'}", "Look at its log."
            ) from None

    def stop(self) -> None:
        """As an operator does; killed where that does not help."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class _Past:
    """A clock that is where it is put."""

    def __init__(self, now: datetime) -> None:
        self.at = now

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


def write_history(stage: Stage, turns: Sequence[Sequence[ClearStep]], lasting: timedelta, rate: float) -> int:
    """So much of a past in which nothing happened: what was recorded of ``turns`` by a server of the same copy, again and again in another order, at so many a
    second. What is usual is learnt from it. How many there are."""
    if not turns:
        raise Conflict("There is nothing to make a past of", "Report this.")
    chance = random.Random(7)  # noqa: S311 - an order
    clock = _Past(datetime.now(UTC) - lasting)
    count = int(lasting.total_seconds() * rate)
    with stage.opened() as application:
        services = application.tenant(stage.tenant)
        ledger = Ledger(services.store, clock)
        for start in range(0, count, _TURNS_A_COMMIT):
            drafts = []
            for _ in range(min(_TURNS_A_COMMIT, count - start)):
                some = chance.choice(turns)
                turn = new_id(some[0].turn.partition("_")[0])
                drafts += [Draft(turn, step.kind, None, step.facts) for step in some]  # type: ignore[arg-type]  # as it was read
            with services.store.begin() as tx:
                ledger.append_all(tx, drafts)
            clock.at += timedelta(seconds=_TURNS_A_COMMIT / rate)
        services.operations.read()
    return count
