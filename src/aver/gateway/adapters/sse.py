"""Server-sent events, parsed as they arrive."""

from __future__ import annotations

import codecs

from aver.core.errors import ProviderError

__all__ = ["EventParser"]

_LONGEST_EVENT = 4 * 2**20
"""Characters. An event beyond this is a fault of the sender, not an answer."""


class EventParser:
    """Turns bytes, cut anywhere, into the data of whole events (WHATWG HTML, "Server-sent events", 9.2.6).

    Lines end in LF, CR or CRLF; ``data`` lines of one event are joined by LF; comments and other fields are passed over; an event
    without data is none.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._rest = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[str]:
        """The data of the events that ``chunk`` completes. Raises :class:`~aver.core.errors.ProviderError` on bytes that are not UTF-8
        and on an event without end."""
        try:
            text = self._rest + self._decoder.decode(chunk)
        except UnicodeDecodeError as error:
            raise ProviderError(
                "The model provider's stream is not UTF-8", "Check that base_url is the API."
            ) from error
        # A CR at the end may be half of a CRLF: it waits for what follows.
        waiting = "\r" if text.endswith("\r") else ""
        lines = text.removesuffix(waiting).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._rest = lines.pop() + waiting
        events = [data for line in lines if (data := self._line(line)) is not None]
        if self._size + len(self._rest) > _LONGEST_EVENT:
            raise ProviderError("The model provider sent an event without end", "Check that base_url is the API.")
        return events

    def _line(self, line: str) -> str | None:
        if line:
            name, _, value = line.partition(":")
            if name == "data":
                self._data.append(value.removeprefix(" "))
                self._size += len(value)
            return None
        event = "\n".join(self._data) if self._data else None
        self._data, self._size = [], 0
        return event
