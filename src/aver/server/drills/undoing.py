"""What a drill in place has to take back, written down before it is done: whoever finds the note and nobody behind it takes it back, also after ``kill -9``."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from aver.core.errors import Conflict

__all__ = ["Undo", "pending", "taking_back", "undo"]

_NOTE, _LOCK = "drill.json", "drill.lock"


@dataclass(frozen=True, slots=True)
class Undo:
    """One thing to take back. ``remove`` takes a file away; ``file`` puts one back from beside, unless there is one; ``tree`` puts a directory back, unless there is more in it than
    there was: then what was damaged was made anew."""

    kind: Literal["remove", "file", "tree"]
    path: str
    aside: str = ""


@contextmanager
def taking_back(data: Path, undoes: Sequence[Undo]) -> Iterator[None]:
    """Within the block a drill may do what ``undoes`` take back; afterwards they have. Raises :class:`~aver.core.errors.Conflict` while another drill is under way."""
    with _held(data) as mine:
        if not mine:
            raise Conflict("Another drill is under way in place", "Wait for it to end.")
        _take_back(data)  # what one before left
        note = data / _NOTE
        with note.open("w", encoding="utf-8") as file:
            json.dump([asdict(each) for each in undoes], file)
            file.flush()
            os.fsync(file.fileno())
        try:
            yield
        finally:
            _take_back(data)


def pending(data: Path) -> bool:
    """Whether a drill in place is under way, or left something to take back."""
    return (data / _NOTE).exists()


def undo(data: Path) -> bool:
    """Take back what a drill left that is gone; whether there was anything. Nothing happens while one is under way."""
    if not pending(data):
        return False
    with _held(data) as mine:
        return mine and _take_back(data)


@contextmanager
def _held(data: Path) -> Iterator[bool]:
    handle = os.open(data / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mine = True
        except BlockingIOError:
            mine = False
        yield mine
    finally:
        os.close(handle)


def _take_back(data: Path) -> bool:
    note = data / _NOTE
    try:
        undoes = [Undo(**each) for each in json.loads(note.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return False
    except (ValueError, TypeError):  # it was cut off before anything was done
        undoes = []
    for each in undoes:
        _one(each)
    note.unlink(missing_ok=True)
    return bool(undoes)


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
