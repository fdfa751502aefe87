"""What a tool returned, as text that a model and a terminal can be shown: nothing in it hides, moves the cursor or goes on for ever."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

__all__ = ["clean", "clean_value", "present"]

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # control sequences: colours, cursor movements
    r"|\x9b[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[P\]X^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # strings: titles, links, the clipboard
    r"|\x1b[ -/]*[0-~]?"
)
"""ANSI escape sequences (ECMA-48, 5th edition, sections 5.3 to 5.6), whole: what stands within them is for a terminal alone."""
_BREAKS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Control characters, and what Unicode calls default ignorable or a bidirectional control: unseen by a reader, and read by a model. Tag
characters and the supplementary variation selectors, which can spell whole sentences, are among them."""
_JOINERS = re.compile("(?<![^\x00-\x7f])[\u200c\u200d\ufe00-\ufe0f]|[\u200c\u200d](?![^\x00-\x7f])|[\ufe00-\ufe0f]{2,}")
"""Joiners and variation selectors are part of how other scripts and emoji are spelt; beside ASCII, or in a row, they are not."""
_LONE = re.compile("[\ud800-\udfff]")
_LONGEST_RAW = 4
"""How many times the characters that are shown are looked at: the rest of a text that is cut anyway is not cleaned first."""


def clean(text: str) -> tuple[str, int]:
    """``text`` without escape sequences and unseen characters, and how many of its characters were taken out."""
    if text.isascii() and text.isprintable():
        return text, 0
    before = len(text)
    text = _ESCAPES.sub("", text)
    removed = before - len(text)
    text = _BREAKS.sub("\n", text)
    for unseen in (_UNSEEN, _JOINERS):
        before = len(text)
        text = unseen.sub("", text)
        removed += before - len(text)
    return _LONE.sub("\ufffd", text), removed


def clean_value(value: Any) -> tuple[Any, int]:
    """A JSON value, all texts in it cleaned, its keys included, and how many characters were taken out in all."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        removed, whole = 0, {}
        for key, inner in value.items():
            name, of_name = clean(str(key))
            whole[name], of_inner = clean_value(inner)
            removed += of_name + of_inner
        return whole, removed
    if isinstance(value, list | tuple):
        cleaned = [clean_value(each) for each in value]
        return [each for each, _ in cleaned], sum(count for _, count in cleaned)
    return value, 0


def present(value: Any, most: int) -> str:
    """A JSON value as a model is shown it: text as it is, anything else as indented JSON, of at most ``most`` characters. Notes in
    brackets at its end say what was taken out and what was cut."""
    notes = []
    if isinstance(value, str):
        length = len(value)
        text, removed = clean(value[: most * _LONGEST_RAW])
    else:
        cleaned, removed = clean_value(value)
        text = orjson.dumps(cleaned, option=orjson.OPT_INDENT_2).decode()
        length = len(text)
    if removed:
        notes.append(f"[{removed:,} invisible or control characters were removed]")
    if len(text) > most or length > most * _LONGEST_RAW:
        text = text[:most]
        notes.append(f"[cut: the first {len(text):,} of {length:,} characters are shown]")
    return "\n".join([text, *notes]) if notes else text
