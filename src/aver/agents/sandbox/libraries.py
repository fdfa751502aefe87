"""What of this machine a tool may read: Python's own modules, installed packages, shared libraries, time zones and certificates."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

__all__ = ["anyone_comes_to", "anyone_reads", "imports", "libraries"]

_OF_SYSTEM = (
    "/usr/lib",
    "/usr/lib64",
    "/lib",
    "/lib64",
    "/usr/share/zoneinfo",
    "/etc/ssl/certs",
    "/etc/ld.so.cache",
    "/etc/localtime",
)
_PACKAGES = ("site-packages", "dist-packages")


@lru_cache
def imports(more: Sequence[Path] = ()) -> tuple[str, ...]:
    """Where modules are looked for: as here, without the directories of this program and of whoever started it."""
    standard = Path(sys.base_prefix).resolve()
    found = [
        entry
        for entry in sys.path
        if entry and (Path(entry).name in _PACKAGES or Path(entry).resolve().is_relative_to(standard))
    ]
    return (*map(str, more), *found)


@lru_cache
def libraries(more: Sequence[Path] = ()) -> tuple[str, ...]:
    """Paths that a tool may read, none within another."""
    base = Path(sys.base_prefix)
    named = [*_OF_SYSTEM, str(base / "lib"), str(base / "lib64"), *imports(more)]
    found = sorted({path for path in named if Path(path).exists() and not _is_link_of_system(path)})
    return tuple(path for path in found if not any(_within(path, other) for other in found if other != path))


@lru_cache
def anyone_reads(paths: Sequence[str]) -> bool:
    """Whether a user without rights comes to each of these paths, and can read it."""
    return all(Path(path).stat().st_mode & 0o4 and anyone_comes_to(Path(path)) for path in paths)


def anyone_comes_to(path: Path) -> bool:
    """Whether a user without rights may pass through every directory above a path."""
    return all(parent.stat().st_mode & 0o1 for parent in path.resolve().parents)


def _is_link_of_system(path: str) -> bool:
    """``/lib`` where it is a link to ``usr/lib``: it is made again as one."""
    return path in ("/lib", "/lib64") and Path(path).is_symlink()


def _within(path: str, other: str) -> bool:
    return os.path.commonpath([path, other]) == other
