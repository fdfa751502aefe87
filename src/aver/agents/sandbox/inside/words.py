"""JSON, written until there is too much of it: the module ``json`` makes all of a text before anybody can say how long it is.

What is told to this process is marshalled, by the same interpreter, and read by what is built in.
"""

from __future__ import annotations

from _json import encode_basestring as _quoted  # what json.encoder itself uses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["LENGTH", "TooMuch", "written"]

LENGTH = ">I"
"""How the length of what follows is said, both ways."""
_INFINITY = float("inf")


class TooMuch(Exception):
    """More is to be said than may be."""


def written(value: Any, most: int) -> str:
    """``value`` as :func:`json.dumps` writes it, compactly and in Unicode.

    Raises :class:`TooMuch` as soon as it has more than ``most`` characters, so that no more than those is ever made of it; ``TypeError``
    and ``ValueError`` for what is no JSON, and ``RecursionError`` for what is too deep or holds itself.
    """
    writer = _Writer(most)
    writer.write(value)
    return "".join(writer.parts)


class _Writer:
    def __init__(self, most: int) -> None:
        self.parts: list[str] = []
        self._left = most

    def write(self, value: Any) -> None:
        if isinstance(value, str):
            if len(value) > self._left:
                raise TooMuch
            self._say(_quoted(value))
        elif isinstance(value, dict):
            self._between("{}", value.items(), self._pair)
        elif isinstance(value, list | tuple):
            self._between("[]", value, self.write)
        else:
            self._say(_plain(value))

    def _between(self, ends: str, values: Any, each: Any) -> None:
        self._say(ends[0])
        for number, value in enumerate(values):
            if number:
                self._say(",")
            each(value)
        self._say(ends[1])

    def _pair(self, pair: tuple[Any, Any]) -> None:
        key, value = pair
        if not isinstance(key, str):
            if key is not None and not isinstance(key, int | float):
                raise TypeError(f"keys must be str, int, float, bool or None, not {type(key).__name__}")
            key = _plain(key)
        self.write(key)
        self._say(":")
        self.write(value)

    def _say(self, text: str) -> None:
        self._left -= len(text)
        if self._left < 0:
            raise TooMuch
        self.parts.append(text)


def _plain(value: Any) -> str:
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        if value != value or value in (_INFINITY, -_INFINITY):  # noqa: PLR0124 - which is what a number that is none does
            raise ValueError("Out of range float values are not JSON compliant")
        return float.__repr__(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
