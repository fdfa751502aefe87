"""The faults themselves: each is really brought about, can be told to have had its first effect, and is taken back."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import text

from aver.core.errors import Unavailable
from aver.knowledge.access import AccessList
from aver.knowledge.adapters.pgvector_schema import PASSAGES
from aver.knowledge.folder import FolderSource
from aver.server.drills.damage import fill, overwrite
from aver.server.drills.load import Kind, Load
from aver.server.drills.stage import Server, Stage
from aver.server.drills.world import Provider, write_private

__all__ = ["FAULTS", "Fault", "Scene", "disk"]

_ATTEMPTS = 5
_SMALL_DISK = 128 * 2**20
_OFF = -3600.0
"""Seconds by which the clock is put off."""
_AWAY = 12.0
"""Seconds for which a Postgres is gone."""
_LIMIT = 4096
"""Bytes that a process may write into a file where no disk can be made small."""


@dataclass(slots=True)
class Scene:
    """What a fault acts upon."""

    stage: Stage
    server: Server
    load: Load
    first: Provider
    small: bool = False
    """Whether the data lies on a disk of its own, which may be filled."""


class Fault(Protocol):
    means: str
    """How it is brought about, in words."""

    def begin(self, scene: Scene) -> None: ...

    def touched(self) -> float | None:
        """When it first had an effect that can be seen, by the monotonic clock; ``None`` before."""

    def end(self, scene: Scene) -> None:
        """Take it back. May be called whatever became of :meth:`begin`."""


class _AtOnce:
    """One that has its effect when it is brought about."""

    means = ""
    _at: float | None = None

    def begin(self, scene: Scene) -> None:
        self._do(scene)
        self._at = time.monotonic()

    def _do(self, scene: Scene) -> None:
        raise NotImplementedError

    def touched(self) -> float | None:
        return self._at

    def end(self, scene: Scene) -> None:
        """Nothing: the copy is thrown away."""


class _Answers:
    """One of the provider's: seen with the first answer that is other than usual."""

    def __init__(self, means: str, **values: float | bool) -> None:
        self.means = means
        self._values = values
        self._provider: Provider | None = None

    def begin(self, scene: Scene) -> None:
        self._provider = scene.first
        scene.first.touched = None
        for name, value in self._values.items():
            setattr(scene.first, name, value)

    def touched(self) -> float | None:
        at = self._provider.touched if self._provider else None
        slower = float(self._values.get("slower", 1.0))
        # That an answer is slow can be seen once it should have been there.
        return None if at is None else at + (1.0 if slower > 1 else 0.0)

    def end(self, scene: Scene) -> None:
        for name in self._values:
            setattr(scene.first, name, Provider.__dataclass_fields__[name].default)


class _Asked:
    """One of those who ask: seen with the first request of its kind that is answered."""

    def __init__(self, means: str, kind: Kind, rate: float) -> None:
        self.means = means
        self._kind: Kind = kind
        self._rate = rate
        self._load: Load | None = None

    def begin(self, scene: Scene) -> None:
        self._load = scene.load
        scene.load.rates[self._kind] = self._rate

    def touched(self) -> float | None:
        if self._load is None:
            return None
        found = [each.answered for each in list(self._load.samples) if each.kind == self._kind]
        return self._load.began + min(found) if found else None

    def end(self, scene: Scene) -> None:
        scene.load.rates.pop(self._kind, None)


class _Personal(_Asked):
    def __init__(self) -> None:
        super().__init__("a list of bank accounts taken in for everyone, and asked for once a second", "private", 1.0)

    def begin(self, scene: Scene) -> None:
        folder = scene.stage.folder / "payroll"
        folder.mkdir()
        write_private(folder)
        with scene.stage.opened() as application:
            services = application.tenant(scene.stage.tenant)
            for attempt in range(_ATTEMPTS):
                try:
                    services.knowledge.ingest(FolderSource(folder, "payroll"), AccessList.everyone())
                    break
                except Unavailable:  # it is there, and what it replaced could not be cleaned up beside so many readers
                    if attempt + 1 == _ATTEMPTS:
                        raise
        super().begin(scene)


class _Index(_AtOnce):
    means = "every file of the index overwritten with noise of its length"

    def _do(self, scene: Scene) -> None:
        if scene.stage.like.index_engine == "pgvector":
            self.means = "every passage of the index in the database overwritten with noise"
            with scene.stage.opened() as application, application.tenant(scene.stage.tenant).store.begin() as tx:
                tx.execute(text(f"UPDATE {PASSAGES} SET passage = sha256(passage)"))  # noqa: S608 - a name of ours
            return
        overwrite(scene.stage.index)


class _Stale:
    means = "the folder of the source moved away"

    def __init__(self) -> None:
        self._load: Load | None = None
        self._moved: tuple[Path, Path] | None = None
        self._at: float | None = None
        self._seen = 0

    def begin(self, scene: Scene) -> None:
        wiki = scene.stage.wiki
        self._moved = (wiki, wiki.with_name("moved"))
        wiki.rename(self._moved[1])
        self._at = time.monotonic()

    def touched(self) -> float | None:
        """From when on what was changed at the source since would have had to be found: once its schedule has passed."""
        return None if self._at is None or time.monotonic() < self._at + _EVERY else self._at + _EVERY

    def end(self, scene: Scene) -> None:
        del scene
        if self._moved and self._moved[1].exists():
            self._moved[1].rename(self._moved[0])


_EVERY = 10.0
"""Seconds in which the wiki is followed."""


class _Database:
    """A file that is removed; of a Postgres, a server that lets nobody in for as long as another needs to take over."""

    def __init__(self) -> None:
        self.means = "the tenant's database file removed while the server has it open"
        self._at: float | None = None
        self._back: threading.Timer | None = None

    def begin(self, scene: Scene) -> None:
        copies, url = scene.stage.copies, scene.stage.database_url
        if copies is None or url is None:
            scene.stage.database.unlink()
        else:
            self.means = f"every connection to the database cut, and none let in for {_AWAY:g} seconds"
            copies.close_off(url)
            self._back = threading.Timer(_AWAY, copies.open_again, (url,))
            self._back.start()
        self._at = time.monotonic()

    def touched(self) -> float | None:
        return self._at

    def end(self, scene: Scene) -> None:
        del scene
        if self._back is not None:
            self._back.join()


class _Clock(_AtOnce):
    means = "the clock of the process put back by an hour"

    def _do(self, scene: Scene) -> None:
        scene.stage.clock.write_text(str(_OFF))


class _Disk(_AtOnce):
    means = "a small disk of memory (tmpfs) filled to the last byte"

    def _do(self, scene: Scene) -> None:
        if not scene.small:
            self.means = f"no file of the process may grow beyond {_LIMIT:,} bytes (RLIMIT_FSIZE): no small disk may be mounted here"
            resource.prlimit(scene.server.pid, resource.RLIMIT_FSIZE, (_LIMIT, _LIMIT))
            return
        fill(scene.stage.folder / "filler")

    def end(self, scene: Scene) -> None:
        (scene.stage.folder / "filler").unlink(missing_ok=True)


@contextmanager
def disk(folder: Path, holding: Path) -> Iterator[bool]:
    """Have ``folder`` be a small disk with room for what ``holding`` holds; whether that is permitted here."""
    size = sum(path.stat().st_size for path in holding.rglob("*") if path.is_file()) * 2 + _SMALL_DISK
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    command = [str(mount), "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    done = bool(mount and unmount) and os.geteuid() == 0
    done = done and subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603 - no word of it is anybody's
    try:
        yield done
    finally:
        if done:
            subprocess.run([str(unmount), "-l", str(folder)], capture_output=True, check=False)  # noqa: S603 - as above


FAULTS: Mapping[str, Callable[[], Fault]] = {
    "provider-outage": lambda: _Answers("the first provider answers everything with status 500", out=True),
    "slow-provider": lambda: _Answers("the first provider waits ten times as long", slower=10.0),
    "token-spend": lambda: _Answers("the first provider reports three times the tokens", dearer=3.0),
    "wrong-tool": lambda: _Answers("the first provider asks, in every task, for a message to a stranger", misled=True),
    "injection-campaign": lambda: _Asked("orders to give away the instructions, two a second", "attack", 2.0),
    "personal-data": _Personal,
    "index-corruption": _Index,
    "stale-source": _Stale,
    "database-loss": _Database,
    "clock-skew": _Clock,
    "disk-full": _Disk,
}
"""By scenario; each is made anew for each drill."""
