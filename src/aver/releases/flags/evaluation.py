"""Which variant of a flag somebody gets: pure, and the same on every replica."""

from __future__ import annotations

from typing import Any

from aver.releases.flags.types import Flag, FlagType, Resolved, Rule, type_of
from aver.releases.rollout.assignment import Who, bucket

__all__ = ["evaluate", "typed"]


def evaluate(flag: Flag, who: Who, *, killed: bool = False) -> Resolved:
    """What ``who`` gets. A flag that is ``killed`` gives everybody its default, as one that is disabled does."""
    if killed or not flag.enabled:
        return Resolved(flag.name, flag.variants[flag.default], flag.default, "DISABLED")
    for rule in flag.rules:
        if not _matches(rule, who):
            continue
        if not rule.percent:
            return Resolved(flag.name, flag.variants[rule.variant], rule.variant, "TARGETING_MATCH")
        if not who.user:
            cause = "a rule divides users by percent, and nobody is named"
            return Resolved(
                flag.name, flag.variants[flag.default], flag.default, "ERROR", "TARGETING_KEY_MISSING", cause
            )
        variant = _divided(flag, rule, who)
        return Resolved(flag.name, flag.variants[variant], variant, "SPLIT")
    return Resolved(flag.name, flag.variants[flag.default], flag.default, "DEFAULT" if flag.rules else "STATIC")


def typed(resolved: Resolved, wanted: FlagType, instead: Any) -> Resolved:
    """``resolved`` where its value is of the type ``wanted``, an integer being a float as well; else ``instead``, with the error."""
    if resolved.error is not None:
        return Resolved(resolved.flag, instead, "", "ERROR", resolved.error, resolved.said)
    found = type_of(resolved.value)
    if found == wanted:
        return resolved
    if (found, wanted) == ("integer", "float"):
        return Resolved(resolved.flag, float(resolved.value), resolved.variant, resolved.reason)
    return Resolved(
        resolved.flag, instead, "", "ERROR", "TYPE_MISMATCH", f"its values are of type {found}, not {wanted}"
    )


def _matches(rule: Rule, who: Who) -> bool:
    if not rule.targeted:
        return True
    tenant = {who.tenant, who.name} - {""}
    named = {who.user, *(f"{each}/{who.user}" for each in tenant)}
    return bool(
        tenant.intersection(rule.tenants) or named.intersection(rule.users) or who.groups.intersection(rule.groups)
    )


def _divided(flag: Flag, rule: Rule, who: Who) -> str:
    """By the user's place between 0 and 1, salted by the flag. A part that grows keeps whom it had, as long as it stands first."""
    place, total = bucket(f"flag {flag.name}", who.unit("user")) * sum(rule.percent.values()), 0.0
    for variant, percent in rule.percent.items():
        total += percent
        if place < total:
            return variant
    return list(rule.percent)[-1]
