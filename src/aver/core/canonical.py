"""One byte string for one value, so that a hash means the value."""

from __future__ import annotations

import hashlib
import json
from typing import Any

__all__ = ["canonical_json", "sha256_hex"]


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no white space: equal bytes if and only if equal JSON values.

    Numbers are written as Python does (``1`` and ``1.0`` differ), and lone surrogates are kept. ``ValueError`` for a float
    that JSON cannot hold and for a key that is not text, ``TypeError`` for a type that JSON does not know.
    """
    _check_keys(value)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def _check_keys(value: Any) -> None:
    # The standard library would write 1 and "1", None and "null" as the same key.
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise ValueError(f"the key {key!r} is not text")  # noqa: TRY004 - the value is wrong, the type is a mapping
            _check_keys(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_keys(inner)


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
