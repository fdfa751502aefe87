"""Shapes that several sections of the bundle share, and records by their defaults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, get_args

from aver.gateway.config.quantities import Duration
from aver.gateway.config.shapes import Choice, Field, ListOf, Number, Record, Text
from aver.gateway.config.types import Capability, CredentialScheme

__all__ = [
    "CAPABILITIES",
    "CREDENTIAL",
    "INSIDE",
    "NAME",
    "NAMES",
    "POSITIVE",
    "SHARE",
    "TEXT",
    "URL",
    "parts",
    "record",
]

NAME = Text(expected="a name of printable characters without spaces around it", longest=200)
TEXT = Text()
SHARE = Number(0, 1)
POSITIVE = Duration(above=True)
"""Seconds above zero."""
CAPABILITIES = ListOf(Choice("capability", get_args(Capability)), frozenset)
NAMES = ListOf(NAME, least=1)
CREDENTIAL = Text(
    rf"^({'|'.join(get_args(CredentialScheme))}):\S(.*\S)?$",
    "a reference to a credential, never the credential itself",
    "Write env:NAME for an environment variable, file:PATH, or a place of vault:, aws:, gcp: or azure:.",
    secret=True,
)
URL = Text(
    r"^https?://[^\s/?#@]+[^\s?#@]*$",
    "an address such as https://api.example.com/v1, without a user or a query",
    "Correct this line; a key belongs into credential.",
    secret=True,
)
INSIDE = Text(
    r"^(?!.*\.\.)[^/\\\s~]([^\\]*[^\\\s])?$", "a path inside the bundle", "Put the file into the bundle and name it."
)


def _default(each: Any) -> Any:
    if each.default is not MISSING:
        return each.default
    return None if each.default_factory is MISSING else each.default_factory()


def parts(record: Any) -> dict[str, Any]:
    """A record's fields that are not as by default."""
    return {
        each.name: value
        for each in fields(record)
        if each.name != "name" and (value := getattr(record, each.name)) != _default(each)
    }


def record(make: Callable[..., Any], **of: Field) -> Record[Any]:
    return Record(make, of, parts)
