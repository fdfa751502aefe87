"""Reading fields of a JSON body that a stranger wrote, and writing one that any server reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

from aver.core.errors import InvalidInput

__all__ = ["as_json", "data_url", "flag", "items", "number", "object_of", "of_data_url", "text", "wrong"]


def as_json(value: Any) -> bytes:
    """UTF-8 JSON. Lone surrogates, which it cannot hold, become question marks."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def wrong(place: str, wanted: str) -> InvalidInput:
    return InvalidInput(f"{place} is not {wanted}", f"Send {wanted} there.")


def text(body: Mapping[str, Any], name: str, place: str = "") -> str:
    """A text, ``""`` where there is none. Raises :class:`~aver.core.errors.InvalidInput`, as all here do."""
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise wrong(f"{place}{name}", "a text")
    return value


def number(body: Mapping[str, Any], name: str) -> float | None:
    value = body.get(name)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise wrong(name, "a number")


def flag(body: Mapping[str, Any], name: str, place: str = "") -> bool | None:
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise wrong(f"{place}{name}", "true or false")


def items(value: object, place: str) -> list[dict[str, Any]]:
    """A list of objects, empty where there is none."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise wrong(place, "a list of objects")
    return value


def object_of(value: object, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise wrong(place, "an object")
    return value


def of_data_url(url: str, place: str) -> tuple[str, str]:
    """``(media_type, data in base64)`` of ``data:MEDIA;base64,DATA``."""
    head, comma, data = url.partition(",")
    media_type, _, encoding = head.removeprefix("data:").rpartition(";")
    if not comma or encoding != "base64":
        raise wrong(place, "a data URL in base64")
    return media_type, data


def data_url(media_type: str, data: str) -> str:
    return f"data:{media_type or 'application/octet-stream'};base64,{data}"
