"""What came from a model or a tool, as it can be kept, and put before a person without deceiving them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from aver.core import canonical_json

__all__ = ["kept_value", "legible", "mixed_scripts", "visible"]

_HIDDEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800")
"""Drawn as nothing although they are letters, marks or symbols to Unicode (UTS 39, default ignorable)."""
_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "HEBREW", "ARABIC")


def kept_value(value: Any, most: int) -> Any:
    """``value`` as JSON gives it back, where it takes at most about ``most`` bytes; ``None`` else. Looks at no more of it than that."""
    left, pending = most, [value]
    while pending and left >= 0:
        each = pending.pop()
        left -= len(each) if isinstance(each, str | bytes | Mapping | list | tuple) else 1
        if left < 0:
            break
        if isinstance(each, Mapping):
            pending += each.keys()
            pending += each.values()
        elif isinstance(each, list | tuple):
            pending += each
    if left < 0:
        return None
    try:
        kept = orjson.loads(orjson.dumps(value))
        return kept if len(canonical_json(kept)) <= most else None
    except (TypeError, ValueError, RecursionError):
        return None


def visible(text: str) -> str:
    """``text`` with every character that cannot be seen, or that turns others around, written out as its code point."""
    return "".join(
        f"\\u{{{ord(char):x}}}" if char in _HIDDEN or (char != "\n" and unicodedata.category(char) in _UNSEEN) else char
        for char in text
    )


def mixed_scripts(text: str) -> list[str]:
    """The words of ``text`` that mix letters of several scripts, as a false address does that looks like another."""
    return [word for word in _WORD.findall(text) if len({_script(char) for char in word} - {""}) > 1]


def legible(value: Any) -> tuple[Any, Sequence[str]]:
    """Arguments as a person can judge them: texts made :func:`visible`, and a warning for each thing that would have misled."""
    warnings: list[str] = []

    def shown(part: Any) -> Any:
        if isinstance(part, str):
            seen = visible(part)
            if seen != part:
                warnings.append(f"It contains characters that cannot be seen: {seen[:80]}")
            warnings.extend(f"It mixes alphabets: {visible(word)[:80]}" for word in mixed_scripts(part))
            return seen
        if isinstance(part, Mapping):
            return {shown(str(name)): shown(each) for name, each in part.items()}
        return [shown(each) for each in part] if isinstance(part, list | tuple) else part

    return shown(value), tuple(dict.fromkeys(warnings))


def _script(char: str) -> str:
    name = unicodedata.name(char, "")
    return next((script for script in _SCRIPTS if name.startswith(script)), "")
