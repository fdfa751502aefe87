"""What LiteLLM lets keys, users and everybody spend by default, as budgets."""

from __future__ import annotations

from typing import NamedTuple

from aver.gateway.config.litellm_models import limit_in_dollars
from aver.gateway.config.litellm_source import Section
from aver.gateway.config.litellm_words import Fate
from aver.gateway.config.types import Budget, Period, Scope, Unit

__all__ = ["spending"]

_NEW = "keys and users that LiteLLM's database has limits of their own for need a budget with `of: NAME`."


class _Default(NamedTuple):
    section: str
    most: str
    each: str
    per: Scope


_DEFAULTS = (
    _Default("default_key_generate_params", "max_budget", "budget_duration", "key"),
    _Default("default_internal_user_params", "max_budget", "budget_duration", "user"),
    _Default("default_team_params", "max_budget", "budget_duration", "tenant"),
)
_RATES: dict[str, tuple[Unit, Period]] = {"rpm_limit": ("requests", "minute"), "tpm_limit": ("tokens", "minute")}
_OTHERS = Fate(
    "to do", "keys are made one by one: `aver keys create`, `list`, `revoke`; a key says who calls, and no more."
)


def spending(general: Section, server: Section) -> list[Budget]:
    """The budgets that sections of the file declare for all."""
    found: dict[tuple[Scope, Unit], Budget] = {}

    def add(per: Scope, unit: Unit, limit: int, period: Period, name: str = "") -> None:
        # Two on one account may contradict each other.
        found.setdefault((per, unit), Budget(name or f"{per}-{unit}-{period}", per, unit, limit, period))

    place = general.place_of("max_budget")
    limit = limit_in_dollars(general)
    if limit and place is not None:
        add("tenant", "usd", *limit, name="everything")
        general.notes.know(place, "max_budget: it holds for each tenant, which is the same while there is one.")
    limit = limit_in_dollars(general, "max_internal_user_budget", "internal_user_budget_duration")
    if limit:
        add("user", "usd", *limit)
    general.take("internal_user_budget_duration")
    place = general.place_of("max_end_user_budget") or server.place_of("max_end_user_budget")
    if place is not None:
        text = "the user is the one that a key was made for; write {per: user, limit: 5 usd, period: month}."
        general.notes.do(place, f"max_end_user_budget: {text}")
        general.take("max_end_user_budget")
        server.take("max_end_user_budget")
    for each in _DEFAULTS:
        section = general.below(each.section)
        if section.place is None:
            continue
        limit = limit_in_dollars(section, each.most, each.each)
        if limit:
            add(each.per, "usd", *limit)
        for field, (unit, period) in _RATES.items():
            most = section.whole(field, 10**12)
            if most:
                add(each.per, unit, most, period)
        general.notes.know(section.place, f"{each.section}: its limits are budgets; {_NEW}")
        section.tell({}, _OTHERS)
    return [*found.values()]
