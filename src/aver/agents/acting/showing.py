"""Text that came from a model or a tool, as it can be put before a model or a person without deceiving either."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from aver.core import canonical_json

__all__ = ["kept_value", "legible", "mixed_scripts", "plain", "visible"]

# Sequences of ECMA-48: CSI, then OSC and the like up to their terminator, then any other escape.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?|\x1b[ -/]*[0-~]?"
)
_HIDDEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800")
"""Drawn as nothing although they are letters, marks or symbols to Unicode (UTS 39, default ignorable)."""
_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "HEBREW", "ARABIC")


def plain(text: str, most: int) -> str:
    """``text`` without terminal escapes and control characters, at most ``most`` characters of it; what is left out is said."""
    cut = text[:most]
    clean = _ESCAPES.sub("", cut)
    if not clean.replace("\n", "").isprintable():
        clean = "".join(char for char in clean if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs"))
    return clean if len(text) <= most else f"{clean}\n[cut: {len(text) - most:,} more characters]"


def kept_value(value: Any, most: int) -> Any:
    """``value`` as JSON gives it back, where it takes at most ``most`` bytes; ``None`` else."""
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
