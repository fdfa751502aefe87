"""Messages as OTLP describes them, written as Protocol Buffers and as JSON, from one tree and one description.

A description names each field as OTLP's JSON does, with its number and its kind; see
https://protobuf.dev/programming-guides/encoding/ for what becomes of them, and for JSON
https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding: integers of 64 bits are strings there, and ids are hexadecimal. A tree is
dictionaries and lists; what is left out has its default. It is the messages of three requests and no more: a library for all of
Protocol Buffers would be the only thing that an installation needs it for.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

__all__ = ["Field", "Message", "many", "of", "to_json", "to_protobuf"]

_VARINT, _FIXED64, _BYTES = 0, 1, 2
_WIRE = {
    "int": _VARINT,
    "enum": _VARINT,
    "bool": _VARINT,
    "fixed": _FIXED64,
    "double": _FIXED64,
    "text": _BYTES,
    "id": _BYTES,
}
_fixed = struct.Struct("<Q").pack
_double = struct.Struct("<d").pack


class Field(NamedTuple):
    """``tag`` is what precedes the value on the wire."""

    tag: bytes
    kind: str
    message: Message | None
    repeated: bool


Message = Mapping[str, Field]


def of(number: int, kind: str | Message) -> Field:
    """A field: ``int`` (of 64 bits), ``enum``, ``bool``, ``fixed`` (64 bits), ``double``, ``text``, ``id`` (bytes), ``fixeds`` and
    ``doubles`` (packed), or a message."""
    if isinstance(kind, str):
        return Field(_varint(number << 3 | _WIRE.get(kind, _BYTES)), kind, None, repeated=False)
    return Field(_varint(number << 3 | _BYTES), "message", kind, repeated=False)


def many(number: int, kind: Message) -> Field:
    """A repeated message."""
    return of(number, kind)._replace(repeated=True)


def to_protobuf(description: Message, tree: Mapping[str, Any]) -> bytes:
    """``tree`` on the wire. Raises ``KeyError`` for a field that the description lacks."""
    parts: list[bytes] = []
    for name, value in tree.items():
        tag, kind, message, repeated = description[name]
        if message is None:
            parts += (tag, _WRITERS[kind](value))
        else:
            for each in value if repeated else (value,):
                inner = to_protobuf(message, each)
                parts += (tag, _varint(len(inner)), inner)
    return b"".join(parts)


def to_json(description: Message, tree: Mapping[str, Any]) -> bytes:
    """``tree`` as OTLP's JSON."""
    return orjson.dumps(_plain(description, tree))


def _plain(description: Message, tree: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name, value in tree.items():
        _, kind, message, repeated = description[name]
        if message is not None:
            plain[name] = [_plain(message, each) for each in value] if repeated else _plain(message, value)
        else:
            plain[name] = _PLAIN[kind](value) if kind in _PLAIN else value
    return plain


def _varint(value: int) -> bytes:
    if 0 <= value < 128:
        return _SMALL[value]
    value &= 0xFFFFFFFFFFFFFFFF  # a negative number takes ten bytes
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    made.append(value)
    return bytes(made)


_SMALL = [bytes([value]) for value in range(128)]


def _text(value: str) -> bytes:
    said = value.encode("utf-8", "replace")
    return _varint(len(said)) + said


def _id(value: bytes) -> bytes:
    return _varint(len(value)) + value


def _fixeds(values: Sequence[int]) -> bytes:
    return _varint(8 * len(values)) + struct.pack(f"<{len(values)}Q", *values)


def _doubles(values: Sequence[float]) -> bytes:
    return _varint(8 * len(values)) + struct.pack(f"<{len(values)}d", *values)


_WRITERS: Mapping[str, Callable[[Any], bytes]] = {
    "int": _varint,
    "enum": _varint,
    "bool": _varint,
    "fixed": _fixed,
    "double": _double,
    "text": _text,
    "id": _id,
    "fixeds": _fixeds,
    "doubles": _doubles,
}
_PLAIN: Mapping[str, Callable[[Any], Any]] = {
    "int": str,
    "fixed": str,
    "id": bytes.hex,
    "fixeds": lambda values: [str(value) for value in values],
    "text": lambda value: value if value.isascii() else value.encode("utf-8", "replace").decode(),
}
