"""Distinguished encoding rules, as far as timestamps need them: ITU-T X.690, to the letter, so that no two encodings mean the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from aver.governance.proof.terms import Bad

__all__ = ["Value", "read_der"]

BOOLEAN, INTEGER, BITS, OCTETS, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
SEQUENCE, SET, UTC_TIME, TIME = 0x30, 0x31, 0x17, 0x18


class Value(NamedTuple):
    """One value: ``tag`` with its class, ``body``, and ``raw`` with both and the length. What is not as expected raises :class:`Bad`."""

    tag: int
    body: bytes
    raw: bytes

    @property
    def parts(self) -> Sequence[Value]:
        found, rest = list[Value](), self.body
        while rest:
            value = _first_value(rest)
            found.append(value)
            rest = rest[len(value.raw) :]
        return found

    def part(self, number: int, tag: int | None = None) -> Value:
        parts = self.parts
        if number >= len(parts) or (tag is not None and parts[number].tag != tag):
            raise _unreadable()
        return parts[number]

    def tagged(self, tag: int) -> Value | None:
        return next((each for each in self.parts if each.tag == tag), None)

    @property
    def number(self) -> int:
        if self.tag != INTEGER or not self.body or (self.body[0] in (0, 255) and _is_padded(self.body)):
            raise _unreadable()
        return int.from_bytes(self.body, "big", signed=True)

    @property
    def oid(self) -> str:
        if self.tag != OID or not self.body or self.body[-1] & 0x80:
            raise _unreadable()
        numbers, value = list[int](), 0
        for byte in self.body:
            value = value << 7 | byte & 0x7F
            if not byte & 0x80:
                numbers.append(value)
                value = 0
        first = min(numbers[0] // 40, 2)
        return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))

    @property
    def bits(self) -> bytes:
        """Of a bit string of whole bytes."""
        if self.tag != BITS or self.body[:1] != b"\0":
            raise _unreadable()
        return self.body[1:]


def read_der(data: bytes) -> Value:
    """The one value that ``data`` is."""
    value = _first_value(data)
    if len(value.raw) != len(data):
        raise _unreadable()
    return value


def _first_value(data: bytes) -> Value:
    if len(data) < 2:
        raise _unreadable()
    length, begin = data[1], 2
    if length & 0x80:
        size = length & 0x7F
        if not 0 < size <= 4 or len(data) < 2 + size:
            raise _unreadable()
        length, begin = int.from_bytes(data[2 : 2 + size], "big"), 2 + size
        if length < 0x80 or data[2] == 0:  # could have been written shorter
            raise _unreadable()
    if len(data) < begin + length:
        raise _unreadable()
    return Value(data[0], data[begin : begin + length], data[: begin + length])


def _is_padded(body: bytes) -> bool:
    return len(body) > 1 and (body[0] == 0) == (body[1] < 0x80)


def _unreadable() -> Bad:
    return Bad("it is not written as X.690 has it")
