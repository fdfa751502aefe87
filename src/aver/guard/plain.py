"""A text as a reader takes it in, with a map back to where each character stands.

Attacks write letters that look like others (confusables, full width, mathematical alphabets), put invisible characters between them, hide
whole sentences in the tag block of Unicode or in the variation selectors of an emoji, or turn the direction of writing. What is found in the plain text is pointed out in the
original. Normalisation is NFKC (https://unicode.org/reports/tr15/); the letters that look like Latin ones are the common part of
https://www.unicode.org/Public/security/latest/confusables.txt.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Plain", "plain"]

_LATIN = dict(
    zip(
        # Cyrillic, then Greek, then letters of their own kind.
        "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0455\u0456\u0458\u0501\u051b\u051d\u04bb\u04cf\u0475"
        "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0405\u0406\u0408\u050c\u051a\u051c\u04ae"
        "\u03b1\u03b5\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u03b3\u03f3"
        "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
        "\u0131\u0251\u0261\u0269\u028f\u1d04\u1d0f\u1d1c\u1d20\u1d21\u1d22\u0578\u0585\u0570\u0581\u057d\u13a0\u13a1\u13a2",
        "abekmhopctyxsijdqwhlvABEKMHOPCTYXSIJGQWYaeiKvoptuxyjABEZHIKMNOPTYXiagiycouvwznohguDRT",
        strict=True,
    )
)
_LUNATE = {"\u03f2": "c", "\u03f9": "C"}
"""Forms of sigma that look like Latin letters, which normalisation would make into those that do not."""
_SHARED_SCRIPTS = re.compile(r"[\u0370-\u03ff\u0400-\u052f\u0561-\u0587]")
_WORD = re.compile(r"[^\W\d_]+")
_RUN = re.compile(r"\x1b\[[0-9;?]{0,20}[@-~]|[\t-\r -~]+|[\s\S]")
"""What a terminal takes as an order; characters that are read as they are; any other."""
_UNSEEN = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_INVISIBLE = frozenset("\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d")
_BLANK = frozenset("\x85\u2800\u3164\uffa0")
"""What takes room and shows nothing: a space to whoever reads."""
_TAGS = range(0xE0020, 0xE007F)
_VARIATIONS = range(0xE0100, 0xE01F0)
_SMUGGLED = 0xE0100 - 16
"""The variation selector of a byte from 16 on, as https://paulbutler.org/2025/smuggling-arbitrary-data-through-an-emoji/ has it."""
_PRINTABLE = range(32, 127)
_SPELT = re.compile("[\U000e0020-\U000e007e]+|[\U000e0110-\U000e016e]{4,}")
_FIRST_SELECTOR = "\U000e0100"
_MARKS = re.compile(r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f]")


@dataclass(frozen=True, slots=True)
class Plain:
    """``text`` and, unless it is the original as it was, where each of its characters begins and ends there."""

    text: str
    hidden: Sequence[tuple[int, int]] = ()
    """Spans of the original that are written in characters nobody sees and yet say something: the tag block, variation selectors."""
    _starts: Sequence[int] | None = None
    _ends: Sequence[int] | None = None

    @property
    def is_original(self) -> bool:
        """Whether the text was plain already."""
        return self._starts is None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The span in the original of characters ``start`` to ``end``, which are some: ``start < end``."""
        if self._starts is None or self._ends is None:
            return start, end
        return self._starts[start], self._ends[end - 1]


def plain(text: str) -> Plain:
    """Linear in ``len(text)``; text in ASCII without control characters is itself.

    Invisible characters, control characters but white space, and direction marks go, and accents that are written as characters of their own;
    the tag block, and variation selectors in which ASCII is smuggled, become the ASCII they stand for; compatibility characters become what they stand for; letters that look Latin become so in words that have Latin letters,
    and in words that are made of such letters alone where the text has no other word of their script.
    """
    if text.isascii() and not _UNSEEN.search(text):
        return Plain(text)
    letters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for run in _RUN.finditer(text):
        start, end = run.span()
        if text[start] < "\x80" and not _UNSEEN.match(run[0]):
            letters.append(run[0])
            starts += range(start, end)
            ends += range(start + 1, end + 1)
        else:
            letters.append(read := _read(run[0][0]))
            starts += [start] * len(read)
            ends += [end] * len(read)
    joined = "".join(letters)
    if _SHARED_SCRIPTS.search(joined):
        joined = _latinised(joined)
    return Plain(joined, tuple(_hidden(text)), starts, ends)


@lru_cache(8192)
def _read(char: str) -> str:
    """What one character that is not ASCII says."""
    code = ord(char)
    if code in _TAGS:
        return chr(code - 0xE0000)
    if code in _VARIATIONS:
        byte = code - _SMUGGLED
        return chr(byte) if byte in _PRINTABLE else ""
    if char in _BLANK or unicodedata.category(char) == "Zs":
        return " "
    if char in _INVISIBLE or _MARKS.match(char) or unicodedata.category(char) in {"Cc", "Cf", "Cs"}:
        return ""
    if char in _LUNATE:
        return _LUNATE[char]
    return "".join(_own(each) for each in unicodedata.normalize("NFKC", char) if not _MARKS.match(each))


def _own(char: str) -> str:
    """Letters outside Greek, Cyrillic and Armenian that pass for Latin ones are so everywhere."""
    return char if _SHARED_SCRIPTS.match(char) else _LATIN.get(char, char)


def _latinised(text: str) -> str:
    words = list(_WORD.finditer(text))
    # Real words of the script give themselves away by a letter that no Latin one looks like.
    foreign = any(
        not any(map(_latin, word[0])) and any(_SHARED_SCRIPTS.match(c) and c not in _LATIN for c in word[0])
        for word in words
    )
    parts: list[str] = []
    end = 0
    for word in words:
        read = word[0]
        if _SHARED_SCRIPTS.search(read) and (
            any(map(_latin, read)) or (not foreign and all(c in _LATIN for c in read))
        ):
            read = "".join(_LATIN.get(char, char) for char in read)
        parts += (text[end : word.start()], read)
        end = word.end()
    return "".join([*parts, text[end:]])


def _latin(char: str) -> bool:
    return char < "\u0250" and char.isalpha()


def _hidden(text: str) -> Iterator[tuple[int, int]]:
    """Runs in the tag block, and of variation selectors that spell ASCII. A flag's tags, which follow a black flag, are seen."""
    for run in _SPELT.finditer(text):
        if run[0][0] >= _FIRST_SELECTOR or text[run.start() - 1 : run.start()] != "\U0001f3f4":
            yield run.span()
