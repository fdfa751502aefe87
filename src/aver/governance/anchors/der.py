"""Distinguished encoding rules, as far as a query for a timestamp needs them: ITU-T X.690."""

from __future__ import annotations

from aver.governance.proof.der import INTEGER, SEQUENCE

__all__ = ["encoded", "integer", "sequence"]


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
