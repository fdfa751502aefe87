"""One field of a secret that has several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from aver.core.errors import ProviderDenied
from aver.gateway.credentials.types import Reference

__all__ = ["field_of", "field_within"]


def field_of(fields: Mapping[str, Any], reference: Reference) -> str:
    """The field that the reference names, or the only one."""
    name = reference.part or (next(iter(fields)) if len(fields) == 1 else "")
    if not name:
        raise ProviderDenied(
            f"{reference} has {len(fields)} fields, and the reference names none", "Write #FIELD at its end."
        )
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ProviderDenied(f"{reference}: there is no such field, or it is no text", "Correct what stands after #.")
    return value.strip()


def field_within(text: str, reference: Reference) -> str:
    """A field of a secret that is JSON; all of it where the reference names none."""
    if not reference.part:
        if not text.strip():
            raise ProviderDenied(f"{reference} is empty", "Write the provider's key into it.")
        return text.strip()
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        fields = None
    if not isinstance(fields, dict):
        raise ProviderDenied(f"{reference} is no JSON object, so it has no fields", "Leave out what begins with #.")
    return field_of(fields, reference)
