"""From the arguments of an operation to an HTTP request (https://spec.openapis.org/oas/v3.1.1.html#style-values)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, unquote

import orjson

from aver.core.errors import InvalidInput

__all__ = ["Parameter", "Place", "body_of", "header_value", "query_of", "url_of"]

Place = Literal["path", "query", "header"]
_NAMED = re.compile(r"(\{[^{}]+\})")
_STATIC = "/:@!$&'()*+,;=~%-._"
_SEPARATORS = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """``argument`` is what it is called as an argument, ``name`` there."""

    argument: str
    name: str
    place: Place
    style: str
    explode: bool
    json: bool = False
    """Whether its value is written as JSON."""


def url_of(base: str, path: str, parameters: Sequence[Parameter], arguments: Mapping[str, Any]) -> str:
    """``base`` and ``path`` with its names filled in. Raises :class:`~aver.core.errors.InvalidInput` for a value that would change which
    path it is: nothing at all, and ``.`` and ``..``, alone or as a part, are steps and no names."""
    values = {each.name: (each, _flat(arguments[each.argument], each)) for each in parameters if each.place == "path"}
    filled = []
    for part in _NAMED.split(path):
        if (found := values.get(part[1:-1]) if part.startswith("{") else None) is None:
            filled.append(quote(part, safe=_STATIC))
            continue
        each, text = found
        if not text or _steps(text):
            raise InvalidInput(
                f"{each.argument!r} cannot be {text[:60]!r}: it is part of an address", "Name something."
            )
        filled.append(quote(text, safe=","))
    return base.rstrip("/") + "".join(filled)


def _steps(text: str) -> bool:
    """Whether ``text``, or what a far side may read it as that takes escapes back once too often, has a step of a path in it."""
    forms = [text]
    for _ in range(2):
        forms.append(unquote(forms[-1]))
    return any(step in (".", "..") for form in forms for step in re.split(r"[/\\]", form))


def query_of(parameters: Sequence[Parameter], arguments: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        pair
        for each in parameters
        if each.place == "query" and each.argument in arguments
        for pair in _pairs(each, arguments[each.argument])
    ]


def header_value(parameter: Parameter, value: Any) -> str:
    """Raises :class:`~aver.core.errors.InvalidInput` for what no header may hold."""
    text = _flat(value, parameter)
    if not all(" " <= character <= "~" for character in text):
        said = f"{parameter.argument!r} is sent as a header, which holds plain ASCII on one line"
        raise InvalidInput(said, "Leave out what is not.")
    return text


def body_of(value: Any, kind: str) -> bytes:
    """``value`` as the media type ``kind``: JSON, a form, or text."""
    if kind == "application/x-www-form-urlencoded":
        fields = value if isinstance(value, Mapping) else {}
        pairs = [(name, _text(each)) for name, inner in fields.items() for each in _items(inner)]
        return "&".join(f"{quote(name, safe='')}={quote(text, safe='')}" for name, text in pairs).encode()
    return str(value).encode() if kind.startswith("text/") else orjson.dumps(value)


def _pairs(each: Parameter, value: Any) -> list[tuple[str, str]]:
    if each.json:
        return [(each.name, _text(value))]
    if isinstance(value, Mapping):
        if each.style == "deepObject":
            return [(f"{each.name}[{name}]", _text(inner)) for name, inner in value.items()]
        if each.explode:
            return [(name, _text(inner)) for name, inner in value.items()]
        return [(each.name, ",".join(f"{name},{_text(inner)}" for name, inner in value.items()))]
    if isinstance(value, list) and not each.explode:
        return [(each.name, _SEPARATORS.get(each.style, ",").join(map(_text, value)))]
    return [(each.name, _text(item)) for item in _items(value)]


def _flat(value: Any, each: Parameter) -> str:
    """As the style ``simple`` writes it."""
    if each.json:
        return _text(value) if not isinstance(value, str) else orjson.dumps(value).decode()
    if isinstance(value, Mapping):
        between = "=" if each.explode else ","
        return ",".join(f"{name}{between}{_text(inner)}" for name, inner in value.items())
    return ",".join(map(_text, _items(value)))


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None or isinstance(value, Mapping | list):
        return orjson.dumps(value).decode()
    return str(value)
