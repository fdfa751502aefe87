"""An answer as it is kept: encrypted under the data key of who asked, bound to its row."""

from __future__ import annotations

import base64
import hmac
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from aver.core import canonical_json
from aver.evidence.keys import DataKey, decrypt, encrypt
from aver.gateway.types import Completion, Text, Usage

__all__ = ["Entry", "keepable", "open_entry", "seal_entry"]


class Entry(NamedTuple):
    completion: Completion
    documents: frozenset[str]
    vector: NDArray[np.float32] | None
    """Of the question, where there is one that others may ask in other words."""


def keepable(completion: Completion) -> bool:
    """Whether it is whole and nothing but text: thoughts and opaque parts belong to the call they were made in."""
    return (
        completion.finish == "stop"
        and completion.text != ""
        and all(isinstance(part, Text) for part in completion.parts)
    )


def seal_entry(key: DataKey, row: dict[str, Any], tenant: str, entry: Entry) -> bytes:
    """``entry`` for the row whose other columns are ``row``."""
    usage = entry.completion.usage or Usage()
    plain = {
        "text": entry.completion.text,
        "model": entry.completion.model,
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "documents": sorted(entry.documents),
        "vector": None if entry.vector is None else base64.b64encode(entry.vector.astype("<f2").tobytes()).decode(),
    }
    return encrypt(_key(key, row["id"]), orjson.dumps(plain), _bound(row, tenant))


def open_entry(key: DataKey, row: dict[str, Any], tenant: str, content: bytes) -> Entry | None:
    """What was sealed, or ``None`` when key and row do not belong together. The answer costs nothing: nobody is asked for it."""
    plain = decrypt(_key(key, row["id"]), content, _bound(row, tenant))
    if plain is None:
        return None
    value = orjson.loads(plain)
    vector = value["vector"] and np.frombuffer(base64.b64decode(value["vector"]), "<f2").astype(np.float32)
    usage = Usage(value["input"], value["output"], cost_usd=0.0)
    completion = Completion((Text(value["text"]),), "stop", usage, model=value["model"])
    return Entry(completion, frozenset(value["documents"]), vector)


def _key(key: DataKey, entry: str) -> bytes:
    # Apart from the keys of steps, which begin with other words.
    return hmac.digest(key.secret, b"aver cached answer " + entry.encode(), "sha256")


def _bound(row: dict[str, Any], tenant: str) -> bytes:
    return canonical_json(
        [tenant, row["id"], row["exact"], row["form"], row["subject"], row["created"], row["expires"]]
    )
