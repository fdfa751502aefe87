"""AWS's binary event stream, cut out of bytes as they arrive, and written.

A message is its whole length, its headers' length and a CRC-32 of these two, the headers, the payload, and a CRC-32 of all of it; numbers
are big-endian. Reference: https://smithy.io/2.0/aws/amazon-eventstream.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from struct import Struct
from types import MappingProxyType
from typing import NamedTuple
from zlib import crc32

from aver.gateway.wire.refusals import unreadable

__all__ = ["EventStreamReader", "StreamMessage", "write_message"]

_PRELUDE = Struct(">III")
_CRC = Struct(">I")
_LEAST = 16
_LONGEST = 24 * 2**20
"""Bytes of a message: the format's own limit."""
_STRING = 7
_SIZED = (6, _STRING)  # bytes, string
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}  # true, false, byte, short, integer, long, timestamp, UUID


class StreamMessage(NamedTuple):
    """``headers`` are those whose value is a string."""

    headers: Mapping[str, str]
    payload: bytes


class EventStreamReader:
    """Turns bytes, cut anywhere, into whole messages."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[StreamMessage]:
        """The messages that ``chunk`` completes. Raises :class:`~aver.core.errors.ProviderError` on bytes that are none."""
        data = self._rest + chunk if self._rest else chunk
        messages: list[StreamMessage] = []
        start, end = 0, len(data)
        while end - start >= 12:
            length, headers_length, check = _PRELUDE.unpack_from(data, start)
            if crc32(data[start : start + 8]) != check:
                raise unreadable("its event stream does not begin with a message")
            if not _LEAST + headers_length <= length <= _LONGEST:
                raise unreadable("its event stream holds a message of an impossible length")
            if end - start < length:
                break
            last = start + length - 4
            if crc32(data[start:last]) != _CRC.unpack_from(data, last)[0]:
                raise unreadable("a message of its event stream does not fit its checksum")
            payload_at = start + 12 + headers_length
            messages.append(StreamMessage(_headers(data[start + 12 : payload_at]), data[payload_at:last]))
            start += length
        self._rest = data[start:]
        return messages


@lru_cache(256)
def _headers(block: bytes) -> Mapping[str, str]:
    """The messages of one stream begin with a handful of different headers."""
    headers: dict[str, str] = {}
    at = 0
    try:
        while at < len(block):
            name_end = at + 1 + block[at]
            name, kind = block[at + 1 : name_end].decode(), block[name_end]
            at = name_end + 1
            if kind in _SIZED:
                value_end = at + 2 + int.from_bytes(block[at : at + 2])
                if value_end > len(block):
                    raise unreadable("a header of its event stream is cut short")
                if kind == _STRING:
                    headers[name] = block[at + 2 : value_end].decode()
                at = value_end
            else:
                at += _FIXED[kind]
    except (IndexError, KeyError, UnicodeDecodeError) as error:
        raise unreadable("the headers of its event stream cannot be read") from error
    return MappingProxyType(headers)


def write_message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """A whole message."""
    block = b"".join(_header(name, value) for name, value in headers.items())
    length = _LEAST + len(block) + len(payload)
    lengths = length.to_bytes(4) + len(block).to_bytes(4)
    message = lengths + crc32(lengths).to_bytes(4) + block + payload
    return message + crc32(message).to_bytes(4)


def _header(name: str, value: str) -> bytes:
    name_, value_ = name.encode(), value.encode()
    return len(name_).to_bytes(1) + name_ + bytes([_STRING]) + len(value_).to_bytes(2) + value_
