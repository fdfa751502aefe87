"""What a family must tell the fake model server: its voice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from aver.testing.replies import Asked, ErrorKind, Operation, Received, Reply

__all__ = ["Answer", "Route", "Streamed", "Voice", "as_event", "as_json", "by_shared_words", "cut_up", "vectors"]


class Route(NamedTuple):
    """``path`` as aiohttp's router reads it: ``{name}`` stands for one segment or a part of it, ``{name:REGEX}`` for more."""

    method: str
    path: str
    operation: Operation = "chat"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, right or an error."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Streamed:
    """A streamed answer, one event a piece. ``ending`` begins where the last block closes: a reply that breaks off shows ``pieces``
    without it."""

    pieces: list[bytes]
    ending: list[bytes]
    content_type: str = "text/event-stream"


class Voice(Protocol):
    """How one family is spoken. The server reads requests, keeps keys, paces streams and breaks things off; a voice only knows its
    protocol. It has no state."""

    family: str
    routes: tuple[Route, ...]

    def admits(self, received: Received, key: str) -> bool:
        """Whether the request shows this key the way the family shows keys. Header names are read without regard to case."""

    def asked(self, received: Received) -> Asked:
        """What the request asks for. May raise ``ValueError``, ``TypeError``, ``KeyError`` or ``AttributeError`` for one that is none; the
        caller then gets ``invalid_request``."""

    def whole(self, received: Received, reply: Reply) -> Answer:
        """The reply in one piece; for the operation ``models``, the list of models. With the fault ``empty-choices``, an answer of the
        right form with nothing in it."""

    def stream(self, received: Received, reply: Reply) -> Streamed:
        """The reply as the events of a stream, text and arguments ``reply.piece`` characters at a time (see :func:`cut_up`). ``reply``
        may be one that breaks off: its arguments need not be JSON then."""

    def error(self, received: Received, kind: ErrorKind, message: str, status: int | None) -> Answer:
        """An error of this kind as the family words it. ``status`` overrides the kind's own; without ``message``, one like the family's."""

    def stream_error(self, received: Received, kind: ErrorKind, message: str) -> bytes:
        """An error reported within a stream, as one event."""

    def malformed(self) -> bytes:
        """An event whose content is not what the protocol says."""


def as_json(value: Any) -> bytes:
    """JSON as providers write it: UTF-8, without escapes for letters."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def as_event(value: Any, name: str = "") -> bytes:
    """A server-sent event."""
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + as_json(value) + b"\n\n"


def cut_up(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), max(1, size))]


def vectors(texts: Sequence[str], dimensions: int = 8) -> list[list[float]]:
    """A unit vector for each text, near for texts that share words; the same on every run."""
    return [_vector(text, dimensions) for text in texts]


def _vector(text: str, dimensions: int) -> list[float]:
    total = [0.0] * dimensions
    for word in [*text.lower().split(), ""]:
        digest = hashlib.shake_256(word.encode("utf-8", "replace")).digest(dimensions)
        total = [value + (byte - 127.5) / 127.5 for value, byte in zip(total, digest, strict=True)]
    length = sum(value * value for value in total) ** 0.5
    return [value / length for value in total]


def by_shared_words(query: str, documents: Sequence[str]) -> list[tuple[int, float]]:
    """``(index, relevance)`` of every document by falling relevance: the share of the query's words that it has."""
    words = set(query.lower().split())
    scored = [
        (number, len(words & set(document.lower().split())) / max(1, len(words)))
        for number, document in enumerate(documents)
    ]
    return sorted(scored, key=lambda pair: (-pair[1], pair[0]))
