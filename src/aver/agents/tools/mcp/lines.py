"""Lines cut out of bytes as they arrive, of which none grows without end."""

from __future__ import annotations

from typing import Final

__all__ = ["TOO_LONG", "Lines"]

TOO_LONG: Final = None
"""Stands for a line that was longer than is kept."""


class Lines:
    """Turns bytes, cut anywhere, into whole lines. Of a line of more than ``longest`` bytes nothing is kept."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._rest = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes | None]:
        """The lines that ``data`` completes, without their ends; :data:`TOO_LONG` in place of one as soon as it is known to be."""
        found: list[bytes | None] = []
        *whole, rest = data.split(b"\n")
        for piece in whole:
            if self._skipping:
                self._skipping = False
            elif len(self._rest) + len(piece) > self._longest:
                found.append(TOO_LONG)
            else:
                found.append(bytes(self._rest + piece))
            self._rest.clear()
        if not self._skipping:
            self._rest += rest
            if len(self._rest) > self._longest:
                found.append(TOO_LONG)
                self._rest.clear()
                self._skipping = True
        return found
