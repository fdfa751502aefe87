"""A difference by meaning, and how values that are declared are compared: pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

__all__ = ["NOTHING", "Change", "Kind", "lines_between", "named", "settings", "shown", "walk"]

Kind = Literal["added", "removed", "changed"]
NOTHING = object()
"""Stands where one of the two says nothing."""
_LONGEST = 80
_KEYS = ("name", "metric", "suite", "measure", "rubric", "function", "model", "slice")
"""Fields by which the items of a list are known."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. ``part`` is what it is a part of (``model``, ``prompt``, ``tool`` ...), ``name`` which one, ``text`` the whole of it in a
    few words; ``before`` and ``after`` are the values where there are such, JSON."""

    part: str
    name: str
    kind: Kind
    text: str
    before: Any = None
    after: Any = None


def shown(value: Any) -> str:
    """A value in a few words."""
    if value is NOTHING or value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(each, str | int | float) for each in value):
        text = ", ".join(map(str, value)) or "none"
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def walk(before: Any, after: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Where two declared values differ: the path to each place, and what stands there. Items of a list are known by what names them, and a
    list of plain values is one value."""
    if before == after:
        return
    old, new = _by_name(before), _by_name(after)
    if old is None or new is None:
        yield path, before, after
        return
    for name in [*old, *(each for each in new if each not in old)]:
        yield from walk(old.get(name, NOTHING), new.get(name, NOTHING), (*path, name))


def _by_name(value: Any) -> Mapping[str, Any] | None:
    if isinstance(value, Mapping):
        return value
    if value is NOTHING or not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        return None
    named: dict[str, Any] = {}
    for each in value:
        words = [str(each[key]) for key in _KEYS if isinstance(each.get(key), str)]
        name = key = " ".join(words) or "item"
        number = 1
        while key in named:
            number += 1
            key = f"{name} {number}"
        named[key] = each
    return named


def settings(part: str, name: str, before: Any, after: Any, *, prefix: str = "") -> Iterator[Change]:
    """The differences of one declared thing, each ``PREFIX: FIELD OLD → NEW``."""
    subject = prefix or f"{part} {name}".strip()
    for path, old, new in walk(before, after):
        field = ".".join(path)
        text = f"{subject}: {field} {shown(old)} → {shown(new)}" if field else f"{subject}: {shown(old)} → {shown(new)}"
        kind: Kind = "added" if old is NOTHING else "removed" if new is NOTHING else "changed"
        yield Change(part, name, kind, text, None if old is NOTHING else old, None if new is NOTHING else new)


def named(
    part: str, before: Mapping[str, Any], after: Mapping[str, Any], *, about: str = ""
) -> Iterator[tuple[str, Any, Any] | Change]:
    """Things by name: those that came or went as changes, those that are otherwise as ``(name, before, after)``. ``about`` is the field that
    says in a word what one is."""
    for name in [*before, *(each for each in after if each not in before)]:
        old, new = before.get(name, NOTHING), after.get(name, NOTHING)
        if old is NOTHING or new is NOTHING:
            kind: Kind = "added" if old is NOTHING else "removed"
            value = new if old is NOTHING else old
            word = value.get(about) if about and isinstance(value, Mapping) else None
            said = f" ({shown(word)})" if word else ""
            ends = (None, value) if old is NOTHING else (value, None)
            yield Change(part, name, kind, f"{part} {name}{said} {kind}", *ends)
        elif old != new:
            yield name, old, new


def lines_between(before: Sequence[str], after: Sequence[str]) -> int:
    """How many lines differ; one that was written anew counts once."""
    matcher = SequenceMatcher(None, before, after, autojunk=len(before) > 5000)
    return sum(
        max(old_end - old, new_end - new) for tag, old, old_end, new, new_end in matcher.get_opcodes() if tag != "equal"
    )
