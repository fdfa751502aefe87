"""Whether a value occurs in a text: strictly, to lend it authority, and loosely, to find whence it may have come.

The two err on opposite sides. A value has a speaker's authority only when the speaker wrote it so, character for character but for
ASCII case and white space: a look-alike is another value. A value is held to come from untrusted content as soon as it could: after
compatibility folding, without what cannot be seen, with look-alikes taken for one letter.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any

from aver.policy.kinds import Kind, canonical, kind_of, kinds_in

__all__ = ["CODE", "LEAST", "Text", "number", "occurs", "resembles", "says", "shares", "taken"]

_SPACE = re.compile(r"[ \t\r\n]+")
_NUMBER = re.compile(r"(?<![\w.,])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w]|[.,]\d)", re.ASCII)
_WORD = re.compile(r"[^\W_]+")
_JOINERS = "@._-+/:%#&=?~\\'"
_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_LOOK_ALIKES = str.maketrans(
    dict(
        zip(
            "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u04bb\u043a\u043c\u0442\u0432\u043d",
            "aeopcyxljsdhkmtbh",
            strict=True,
        )
    )
    | dict(zip("\u03b1\u03b5\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u0131\u0261", "aelkvoptuxlg", strict=True))
    | {"0": "o", "1": "l", "i": "l"}
)
"""Cyrillic and Greek letters, digits and i, each as the Latin letter it is mistaken for."""
CODE = 6
"""Digits from which on a number is a name of something rather than a count."""
LEAST = 4
"""Characters of a text that say something when they turn up within a value."""


class Text:
    """A leaf of a JSON value, or something said, and each spelling of it that is compared, made once. Truth values and null say
    nothing."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.raw = value if isinstance(value, str) else "" if value is None or isinstance(value, bool) else str(value)
        self.is_number = isinstance(value, int | float) and not isinstance(value, bool)
        self._values: dict[Kind, frozenset[str]] = {}

    @cached_property
    def strict(self) -> str:
        return _SPACE.sub(" ", self.raw).strip(" ").translate(_ASCII_LOWER)

    @cached_property
    def speaks(self) -> bool:
        """Whether there is a letter or a digit in it: nothing else is ever said."""
        return any(each.isalnum() for each in self.strict)

    @cached_property
    def loose(self) -> str:
        folded = unicodedata.normalize("NFKD", self.raw).casefold()
        return "".join(each for each in folded if each.isalnum()).translate(_LOOK_ALIKES)

    @cached_property
    def kind(self) -> Kind:
        """The form that the whole of it has."""
        return kind_of(self.raw)

    @cached_property
    def urls(self) -> frozenset[str]:
        return self.values("url")

    def values(self, kind: Kind) -> frozenset[str]:
        """The values of one kind in it, in one spelling."""
        if kind not in self._values:
            self._values[kind] = kinds_in(self.raw, kind)
        return self._values[kind]

    @cached_property
    def pieces(self) -> frozenset[str]:
        """What is as good as the text itself when it turns up elsewhere: three words in a row, and single ones with digits in them."""
        words = _WORD.findall(self.raw.casefold())
        rows = (" ".join(words[at : at + 3]) for at in range(len(words) - 2))
        codes = (word for word in words if len(word) >= LEAST and any(each.isdigit() for each in word))
        return frozenset((*rows, *codes))

    @cached_property
    def numbers(self) -> frozenset[Decimal]:
        found = (number(each) for each in _NUMBER.findall(self.raw))
        return frozenset(each for each in found if each is not None)


def occurs(value: Text, text: Text) -> bool:
    """Whether ``text`` says ``value`` as a thing of its own: not as part of a longer word, address, path or number."""
    if value.is_number:
        return number(value.raw) in text.numbers
    wanted, within = value.strict, text.strict
    start = within.find(wanted) if value.speaks else -1
    while start >= 0:
        end = start + len(wanted)
        if not _joined(within, start - 1, -1) and not _joined(within, end, 1):
            return True
        start = within.find(wanted, start + 1)
    return False


def says(value: Text, text: Text) -> bool:
    """Whether ``text`` says ``value``, an address of the web with its scheme or without."""
    return occurs(value, text) or (value.kind == "url" and canonical(value.raw, "url") in text.urls)


def resembles(value: Text, text: Text) -> bool:
    """Whether ``value`` may have been taken from ``text``, whatever was done to its letters on the way."""
    if value.is_number:
        return occurs(value, text)
    return bool(value.loose) and value.loose in text.loose


def taken(value: Text, text: Text) -> bool:
    """Whether ``value`` may have been taken from ``text``, or holds it."""
    return resembles(value, text) or (
        isinstance(value.value, str) and len(text.raw) >= LEAST and resembles(text, value)
    )


def shares(value: Text, text: Text) -> bool:
    """Whether the two have a piece in common."""
    return not value.pieces.isdisjoint(text.pieces)


def number(text: str) -> Decimal | None:
    """The number that a text is, with or without commas between its thousands."""
    try:
        return Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None


def _joined(text: str, at: int, step: int) -> bool:
    """Whether what stands next to a match, ``at`` and on by ``step``, goes on with the same word, address or number."""
    while 0 <= at < len(text) and text[at] in _JOINERS:
        at += step
    if not 0 <= at < len(text):
        return False
    return text[at].isalnum() or unicodedata.category(text[at]) in {"Cf", "Mn", "Mc", "Me", "Cc", "Pc"}
