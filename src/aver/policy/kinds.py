"""The kinds of values that have a form of their own, and one spelling of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

__all__ = ["Kind", "canonical", "kind_of", "kinds_in"]

Kind = Literal["email", "account", "url", "id", "other"]
"""``id`` is digits alone, ``other`` what no form tells apart."""

_FILES = "csv|docx?|eml|gif|gz|html?|ics|jpe?g|js|json|log|md|mp[34]|pdf|png|pptx?|py|txt|xlsx?|xml|ya?ml|zip"
"""What ends a file's name, where a host's would end."""
_TAIL = r"[^\s<>\"'\])}]"
# Each begins where no match of it can have begun before, so that it takes time linear in the text.
_PATTERNS: Mapping[Kind, re.Pattern[str]] = {
    "email": re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)++"),
    "account": re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?![A-Za-z0-9])"),
    "url": re.compile(
        rf"(?:https?://|www\.){_TAIL}++"
        rf"|(?<![\w@.-])(?:[\w-]++\.)+(?!(?:{_FILES})\b)[a-z]{{2,}}+(?![\w@-]|\.\w)(?:[/?#:]{_TAIL}*+)?"
    ),
}
_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def kind_of(value: Any) -> Kind:
    """The form that the whole of a value has."""
    text = str(value).strip()
    if text.isdigit():
        return "id"
    return next((kind for kind, pattern in _PATTERNS.items() if pattern.fullmatch(text)), "other")


def kinds_in(text: str, kind: Kind) -> frozenset[str]:
    """The values of one kind in a text, in one spelling."""
    pattern = _PATTERNS.get(kind)
    return frozenset(canonical(each, kind) for each in pattern.findall(text)) if pattern else frozenset()


def canonical(value: str, kind: Kind) -> str:
    """One spelling of a value of a kind. Letters beyond ASCII stay as they are: some have a look-alike for their lower case."""
    value = value.strip().translate(_ASCII_LOWER)
    if kind == "account":
        return value.replace(" ", "")
    if kind == "url":
        return re.sub(r"^(?:https?://)?(?:www\.)?", "", value.rstrip(".,;:!?/"))
    return value.rstrip(".")
