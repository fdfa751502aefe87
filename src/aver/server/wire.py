"""One way to write a record as JSON, for the command line and for HTTP alike."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from aver.core.clock import rfc3339

__all__ = ["to_json"]


def to_json(value: Any, *, indent: bool = False) -> bytes:
    """UTF-8 JSON: dataclasses as objects, times in RFC 3339, sets as sorted lists, floats that JSON cannot hold as null."""
    options = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS | (orjson.OPT_INDENT_2 if indent else 0)
    return orjson.dumps(value, default=_plain, option=options)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
