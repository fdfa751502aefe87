"""What may stand in clear beside the chain, for ever and after every erasure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

from aver.core.errors import InvalidInput, TooLarge

__all__ = ["clear_facts", "clear_name"]

_NAME = re.compile(r"[a-z][a-z0-9_.]{0,59}")
# Ids, modes, versions, digests, names of models ("openai/gpt-5:free"); no spaces, no @, nothing a sentence could be.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+-]{0,127}")
_UNCLEAR = re.compile(r"[^A-Za-z0-9._/+-]+")
_READER = re.compile(r"(user|group):")
_LARGEST_INTEGER = 2**53
_LONGEST_LIST = 256
_LARGEST = 8192
_KNOWN: set[str] = set()
_SEEN: set[str] = set()
"""Names and texts that were checked before: of most there are few, used again and again."""
_MOST_KNOWN = 1000


@lru_cache(4096)
def clear_name(name: str) -> str | None:
    """A name as it may stand among facts: what it has of letters, digits and ``._:/+-``; ``None`` when that is nothing."""
    if _ID.fullmatch(name) and not _READER.match(name):
        return name
    return _UNCLEAR.sub("_", name).strip("_-./:+")[:128] or None


def clear_facts(facts: Mapping[str, Any]) -> str:
    """``facts`` as JSON with sorted keys, or :class:`InvalidInput` naming the one that is not safe in clear.

    A fact has a lower-case name and is a boolean, a finite number (integers up to 2**53), ``None``, an id-like string of at
    most 128 characters (letters, digits and ``._:/+-``, but no reader such as ``user:NAME``), or a list of at most 256 of
    these; all of them together at most 8 KiB (:class:`TooLarge`). This catches what is obviously personal or
    confidential, not a name someone made look like an id: what a person wrote or read belongs in the body.
    """
    for name, value in facts.items():
        if name not in _KNOWN:
            _check_fact_name(name)
        kind = type(value)
        if value is None or kind is bool or (kind is str and value in _SEEN):
            continue
        if kind is int and -_LARGEST_INTEGER <= value <= _LARGEST_INTEGER:
            continue
        if kind is list or kind is tuple:
            _check_list(name, value)
        elif not _is_clear(value):
            raise _unclear(name)
        elif kind is str and len(_SEEN) < _MOST_KNOWN:
            _SEEN.add(value)
    text = orjson.dumps(facts, option=orjson.OPT_SORT_KEYS).decode()
    if len(text) > _LARGEST:
        raise TooLarge(f"The facts of one step take {len(text)} characters of {_LARGEST}", "Put them in the body.")
    return text


def _check_list(name: str, values: Sequence[object]) -> None:
    if not all(map(_is_clear, values)):
        raise _unclear(name)
    if len(values) > _LONGEST_LIST:
        raise TooLarge(
            f"The fact {name!r} lists {len(values)} values, and at most {_LONGEST_LIST} are allowed",
            "Put the list in the body and its length in the facts.",
        )


def _unclear(name: str) -> InvalidInput:
    return InvalidInput(
        f"The fact {name!r} is not a number, a boolean or an id, and facts stay in clear",
        "Put it in the body, where it is encrypted.",
    )


def _check_fact_name(name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidInput(f"{name!r:.60} cannot name a fact", "Use up to 60 of a-z, 0-9, _ and . after a letter.")
    if len(_KNOWN) < _MOST_KNOWN:
        _KNOWN.add(name)


def _is_clear(value: object) -> bool:
    if isinstance(value, str):
        return bool(_ID.fullmatch(value)) and not _READER.match(value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return abs(value) <= _LARGEST_INTEGER
    return value is None
