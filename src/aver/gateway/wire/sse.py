"""Server-sent events, cut out of bytes as they arrive (WHATWG HTML, "Server-sent events", 9.2.6)."""

from __future__ import annotations

from typing import NamedTuple

from aver.core.errors import ProviderError

__all__ = ["Event", "EventReader"]

_LONGEST_EVENT = 16 * 2**20
"""Bytes. An event beyond this is a fault of the sender, not an answer."""
_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """``raw`` is the event with its blank line, as it arrived."""

    data: bytes
    raw: bytes
    name: str = ""


class EventReader:
    """Turns bytes, cut anywhere, into whole events. Lines end in LF, CR or CRLF; ``data`` lines of one event are joined by LF; comments
    and other fields are passed over; an event without data is none."""

    def __init__(self) -> None:
        self._rest = b""
        self._begun = False

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that ``chunk`` completes. Raises :class:`~aver.core.errors.ProviderError` on an event without end."""
        data = self._rest + chunk if self._rest else chunk
        if not self._begun and data:
            if _BOM.startswith(data[:3]) and len(data) < 3:
                self._rest = data
                return []
            data, self._begun = data.removeprefix(_BOM), True
        if b"\r" in data:
            # A CR at the end may be half of a CRLF: it waits for what follows.
            waiting = b"\r" if data.endswith(b"\r") else b""
            data = data.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n") + waiting
        *blocks, self._rest = data.split(b"\n\n")
        if len(self._rest) > _LONGEST_EVENT:
            raise ProviderError("The model provider sent an event without end", "Check that base_url is the API.")
        return [event for block in blocks if (event := _event(block)) is not None]


def _event(block: bytes) -> Event | None:
    if block.startswith(b"data: ") and b"\n" not in block:  # nearly all are one line
        return Event(block[6:], block + b"\n\n")
    name, data = "", []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace")
    return Event(b"\n".join(data), block.lstrip(b"\n") + b"\n\n", name) if data else None
