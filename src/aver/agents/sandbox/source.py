"""What travels into a sandbox, and how it is called there."""

from __future__ import annotations

from collections.abc import Mapping
from keyword import iskeyword
from pathlib import Path, PurePosixPath
from typing import Any

from aver.core.errors import InvalidInput, NotFound, TooLarge

__all__ = ["relative", "sources", "variables"]

_LARGEST = 2**20
"""Bytes of a tool's Python files together."""


def sources(path: Path) -> dict[str, str]:
    """A tool's file and the Python files beside it, by name."""
    if not path.is_file():
        raise NotFound(f"There is no tool's file {path}", "Correct the path in the bundle.")
    found: dict[str, str] = {}
    left = _LARGEST
    for each in [path, *sorted(path.parent.glob("*.py"))]:
        if not each.is_file():
            continue
        left -= each.stat().st_size if each.name not in found else 0
        if left < 0:
            raise TooLarge(f"The Python files in {path.parent} have more than 1 MB", "Keep there what tools need.")
        try:
            found[each.name] = each.read_text("utf-8")
        except UnicodeDecodeError:
            raise InvalidInput(f"{each} is not UTF-8", "Save it as UTF-8.") from None
    return found


def relative(name: str) -> str:
    """A path below a directory, as it is written; raises :class:`~aver.core.errors.InvalidInput` for one that leads out of it."""
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise InvalidInput(f"{name!r} is no path within a sandbox", "Write a relative path.")
    return str(path)


def variables(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """``values`` by names that variables can have; raises :class:`~aver.core.errors.InvalidInput` for another, and for one with underscores
    around it, which is Python's own."""
    for name in values:
        if not name.isidentifier() or iskeyword(name) or name.startswith("__"):
            raise InvalidInput(f"{name[:60]!r} is no name of a variable", "Use letters, digits and underscores.")
    return values
