"""Rich text as Outlook packs it ([MS-OXRTFCP])."""

from __future__ import annotations

import struct

from aver.core.errors import InvalidInput, TooLarge

__all__ = ["unpack"]

_MOST = 32 * 2**20
_WINDOW = 4096
_DICTIONARY = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbol"
    b"ArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
"""What every window begins with, by the specification."""


def unpack(data: bytes) -> bytes:
    """The rich text in ``data``."""
    if len(data) < 16:
        raise InvalidInput("The message's rich text is damaged", "Save it again.")
    size, kind = struct.unpack_from("<4xI4s", data)
    if size > _MOST:
        raise TooLarge(f"The message's text unpacks to more than {_MOST // 2**20} MB", "Save it as plain text.")
    body = data[16:]
    return body[:size] if kind == b"MELA" else _inflated(body, size)


def _inflated(body: bytes, size: int) -> bytes:
    window = bytearray(_DICTIONARY.ljust(_WINDOW, b"\x00"))
    at, out, place = len(_DICTIONARY), bytearray(), 0
    while place < len(body) and len(out) < size:
        control = body[place]
        place += 1
        for bit in range(8):
            if control >> bit & 1:
                if place + 1 >= len(body):
                    return bytes(out)
                reference = body[place] << 8 | body[place + 1]
                place += 2
                start, length = reference >> 4, (reference & 15) + 2
                if start == at:
                    return bytes(out[:size])
                for step in range(length):
                    window[at] = window[(start + step) % _WINDOW]
                    out.append(window[at])
                    at = (at + 1) % _WINDOW
            else:
                if place >= len(body):
                    return bytes(out)
                window[at] = body[place]
                at = (at + 1) % _WINDOW
                out.append(body[place])
                place += 1
    return bytes(out[:size])
