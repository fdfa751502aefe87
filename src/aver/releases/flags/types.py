"""A flag, who gets which of its variants, and what came of asking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = [
    "Flag",
    "FlagError",
    "FlagType",
    "FlagsConfig",
    "Reason",
    "Resolved",
    "Rule",
    "Source",
    "VendorKind",
    "type_of",
]

FlagType = Literal["boolean", "string", "integer", "float", "object"]
Reason = Literal["STATIC", "DEFAULT", "TARGETING_MATCH", "SPLIT", "DISABLED", "ERROR"]
"""OpenFeature's words (https://openfeature.dev/specification/types). ``STATIC``: the flag has no rules; ``DEFAULT``: none of them matched."""
FlagError = Literal["FLAG_NOT_FOUND", "TYPE_MISMATCH", "TARGETING_KEY_MISSING", "GENERAL"]
VendorKind = Literal["flagd", "launchdarkly", "optimizely"]


@dataclass(frozen=True, slots=True)
class Rule:
    """Who of ``tenants``, ``users`` (``NAME`` or ``TENANT/NAME``) and ``groups`` gets ``variant``, or one of ``percent`` by a salted hash of the
    user; everybody, where none is named. Of several rules the first that matches counts."""

    variant: str = ""
    percent: Mapping[str, float] = field(default_factory=dict)
    tenants: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def targeted(self) -> bool:
        return bool(self.tenants or self.users or self.groups)


@dataclass(frozen=True, slots=True)
class Flag:
    """``variants`` are values by name, all of one type. One that is not ``enabled`` gives everybody its ``default``."""

    name: str
    variants: Mapping[str, Any]
    default: str
    rules: tuple[Rule, ...] = ()
    enabled: bool = True
    about: str = ""

    @property
    def type(self) -> FlagType:
        return type_of(self.variants[self.default])


@dataclass(frozen=True, slots=True)
class Source:
    """A file in a vendor's format, inside of the bundle, which is asked instead of what is declared."""

    kind: VendorKind
    file: str


@dataclass(frozen=True, slots=True)
class FlagsConfig:
    """The section ``flags`` of a bundle."""

    declared: Mapping[str, Flag] = field(default_factory=dict)
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """What was given, of which variant, and why. With an ``error`` it is what the caller said to give then."""

    flag: str
    value: Any
    variant: str
    reason: Reason
    error: FlagError | None = None
    said: str = ""


def type_of(value: Any) -> FlagType:
    """A truth value is no number."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int):
        return "integer"
    return "float" if isinstance(value, float) else "object"
