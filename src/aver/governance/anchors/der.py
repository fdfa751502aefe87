"""Distinguished encoding rules, as far as timestamps need them: ITU-T X.690."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from aver.core.errors import VerificationFailed

__all__ = ["Value", "encoded", "integer", "read", "sequence"]

INTEGER, BOOLEAN, OCTETS, NULL, OID, SEQUENCE, SET, TIME = 0x02, 0x01, 0x04, 0x05, 0x06, 0x30, 0x31, 0x18


class Value(NamedTuple):
    """One value: ``tag`` with its class, ``body``, and ``raw`` with both and the length."""

    tag: int
    body: bytes
    raw: bytes

    @property
    def parts(self) -> Sequence[Value]:
        found, rest = list[Value](), self.body
        while rest:
            value = _first(rest)
            found.append(value)
            rest = rest[len(value.raw) :]
        return found

    def part(self, number: int, tag: int | None = None) -> Value:
        parts = self.parts
        if number >= len(parts) or (tag is not None and parts[number].tag != tag):
            raise _broken()
        return parts[number]

    def tagged(self, tag: int) -> Value | None:
        return next((each for each in self.parts if each.tag == tag), None)

    @property
    def number(self) -> int:
        return int.from_bytes(self.body, "big", signed=True)

    @property
    def oid(self) -> str:
        numbers, value = list[int](), 0
        for byte in self.body:
            value = value << 7 | byte & 0x7F
            if not byte & 0x80:
                numbers.append(value)
                value = 0
        first = min(numbers[0] // 40, 2) if numbers else 0
        return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]])) if numbers else ""


def read(data: bytes) -> Value:
    """The one value that ``data`` is. Raises :class:`~aver.core.errors.VerificationFailed`."""
    value = _first(data)
    if len(value.raw) != len(data):
        raise _broken()
    return value


def encoded(tag: int, body: bytes) -> bytes:
    length = len(body)
    if length < 0x80:
        return bytes([tag, length]) + body
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size, "big") + body


def sequence(*parts: bytes) -> bytes:
    return encoded(SEQUENCE, b"".join(parts))


def integer(value: int) -> bytes:
    return encoded(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def _first(data: bytes) -> Value:
    if len(data) < 2:
        raise _broken()
    length, begin = data[1], 2
    if length & 0x80:
        size = length & 0x7F
        if not 0 < size <= 4 or len(data) < 2 + size:
            raise _broken()
        length, begin = int.from_bytes(data[2 : 2 + size], "big"), 2 + size
    if len(data) < begin + length:
        raise _broken()
    return Value(data[0], data[begin : begin + length], data[: begin + length])


def _broken() -> VerificationFailed:
    return VerificationFailed(
        "The answer of the timestamp authority cannot be read", "Check its address, or take another."
    )
