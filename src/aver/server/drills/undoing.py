"""What a drill in place has to take back, written down before it is done: whoever finds the note and nobody behind it takes it back, also after ``kill -9``."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from aver.core.errors import Conflict

__all__ = ["Staged", "Take", "Undo", "pending", "staged", "taking_back", "undo"]

_NOTE, _LOCK = "drill.json", "drill.lock"
_LATE = 30.0
"""Seconds in which what follows from a fault's alerts comes: looks are 5 apart, and what was mended is told for 20."""


@dataclass(frozen=True, slots=True)
class Undo:
    """One thing to take back. ``remove`` takes a file away; ``file`` puts one back from beside, unless there is one; ``tree`` puts a directory back, unless there is more in it than
    there was: then what was damaged was made anew. ``source`` removes one with its documents, ``mitigations`` undoes what was done of itself since a moment: of these ``path``
    is the tenant's id, and ``aside`` the name, or the moment. ``until`` is for how long it is looked for again, in seconds since 1970: what follows from an alert may come late."""

    kind: Literal["remove", "file", "tree", "source", "mitigations"]
    path: str
    aside: str = ""
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Staged:
    """A fault that whoever serves brings about while it is noted and somebody is behind it: of ``outage`` and ``slow`` the ``name`` is the provider's address, and
    ``seconds`` by how much each answer is late; of ``source`` it is the source's, of the ``tenant`` with this id."""

    kind: Literal["outage", "slow", "source"]
    name: str
    tenant: str = ""
    seconds: float = 0.0


Take = Callable[[Undo], None]
"""Takes back what is no file."""


@contextmanager
def taking_back(data: Path, undoes: Sequence[Undo], take: Take, fault: Staged | None = None) -> Iterator[None]:
    """Within the block a drill may do what ``undoes`` take back, and ``fault`` is staged; afterwards all of it is over. Raises :class:`~aver.core.errors.Conflict` while another
    drill is under way. What cannot be taken back at the moment is taken back by whoever serves, once that can be done."""
    with _held(data) as mine:
        if not mine:
            raise Conflict("Another drill is under way in place", "Wait for it to end.")
        _take_back(data, take)  # what one before left
        _write(data, [*_read(data)[0], *undoes], fault)
        try:
            yield
        finally:
            _take_back(data, take)


def pending(data: Path) -> bool:
    """Whether a drill in place is under way, or left something to take back, or to look for again."""
    return (data / _NOTE).exists()


def undo(data: Path, take: Take) -> bool:
    """Take back what a drill left that is gone; whether there was anything. Nothing happens while one is under way."""
    if not pending(data):
        return False
    with _held(data) as mine:
        return mine and _take_back(data, take)


def staged(data: Path) -> Staged | None:
    """The fault of a drill that is under way, if it has one."""
    if not pending(data):
        return None
    found = _read(data)[1]
    if found is None:
        return None
    with _held(data, fcntl.LOCK_SH) as nobody:
        return None if nobody else found


@contextmanager
def _held(data: Path, how: int = fcntl.LOCK_EX) -> Iterator[bool]:
    handle = os.open(data / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, how | fcntl.LOCK_NB)
            mine = True
        except BlockingIOError:
            mine = False
        yield mine
    finally:
        os.close(handle)


def _write(data: Path, undoes: Sequence[Undo], fault: Staged | None) -> None:
    fresh = data / f"{_NOTE}.new"
    with fresh.open("w", encoding="utf-8") as file:
        json.dump({"undo": [asdict(each) for each in undoes], "fault": asdict(fault) if fault else None}, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(data / _NOTE)


def _read(data: Path) -> tuple[list[Undo], Staged | None]:
    try:
        note: dict[str, Any] = json.loads((data / _NOTE).read_text(encoding="utf-8"))
        fault = Staged(**note["fault"]) if note["fault"] else None
        return [Undo(**each) for each in note["undo"]], fault
    except (OSError, ValueError, TypeError, KeyError):  # it was cut off before anything was done
        return [], None


def _take_back(data: Path, take: Take) -> bool:
    """Whether there was anything but what is only looked for again."""
    if not pending(data):
        return False
    undoes, fault = _read(data)
    for each in undoes:
        if each.kind in ("source", "mitigations"):
            take(each)
        else:
            _one(each)
    now = time.time()
    late = [
        replace(each, until=each.until or now + _LATE)
        for each in undoes
        if each.kind == "mitigations" and (not each.until or each.until > now)
    ]
    if late:
        _write(data, late, None)
    else:
        (data / _NOTE).unlink(missing_ok=True)
    return fault is not None or any(not each.until for each in undoes)


def _one(undo: Undo) -> None:
    path, aside = Path(undo.path), Path(undo.aside)
    if undo.kind == "remove":
        path.unlink(missing_ok=True)
    elif undo.kind == "file":
        with suppress(FileNotFoundError):
            if path.exists():
                aside.unlink()
            else:
                aside.rename(path)
    elif aside.is_dir():
        if {each.name for each in path.iterdir()} - {each.name for each in aside.iterdir()}:
            shutil.rmtree(aside)
            return
        shutil.rmtree(path)
        aside.rename(path)
