"""What the sections ``routes`` and ``budgets`` look like."""

from __future__ import annotations

from typing import Any, get_args

from aver.gateway.config.quantities import Duration, Limit
from aver.gateway.config.shapes import Boolean, Choice, Either, Field, ListOf, Made, MapOf, Number, Record, Whole
from aver.gateway.config.types import (
    Arm,
    Budget,
    CachePolicy,
    Cascade,
    Check,
    Coalesce,
    ErrorClass,
    Hedge,
    Learned,
    Period,
    Retries,
    Route,
    Scope,
    Strategy,
    Unit,
)
from aver.gateway.config.words import CAPABILITIES, INSIDE, NAME, NAMES, SHARE, parts, record

__all__ = ["BUDGET", "ROUTE"]

LIFETIME = Duration()
ARM = Record(
    lambda model, weight=1.0: Arm(model, weight),
    {
        "model": Field(NAME, "A model, or another route.", required=True),
        "weight": Field(Number(0, 1e9, above=True), "Its share among the others."),
    },
    lambda arm: {"model": arm.target, "weight": arm.weight},
)
ARMS = ListOf(
    Either(Made(NAME, Arm, lambda arm: arm.target), ARM, lambda arm: arm.weight != 1.0),
    least=1,
    empty="Name the models that answer, the first choice first.",
)
RETRIES = record(
    Retries,
    attempts=Field(Whole(1, 10), "How often one model is asked, the first time included."),
    budget=Field(SHARE, "Retries are at most this share of all calls."),
    base=Field(LIFETIME, "The wait before the first retry; it doubles each time."),
    longest=Field(LIFETIME, "No wait is longer; a provider that wants more is left for the next model."),
)
HEDGE = record(
    Hedge,
    quantile=Field(Number(0, 1, above=True, below=True), "A second model is asked when the first is slower than this."),
    spend=Field(SHARE, "What hedges may cost, as a share of all spending of the route."),
    least=Field(LIFETIME, "Before this nothing is hedged."),
)
CASCADE = record(
    Cascade,
    checks=Field(ListOf(Choice("check", get_args(Check)), least=1), "What a cheap answer must pass to be kept."),
)
LEARNED = record(
    Learned,
    model=Field(INSIDE, "The trained router: a file in the bundle."),
    explore=Field(SHARE, "The share of calls answered at random."),
    target=Field(SHARE, "The share of the best model's success that is to be kept."),
)
CACHE = record(
    CachePolicy,
    exact=Field(LIFETIME, "How long an answer serves the same request again; 0 is never."),
    semantic=Field(LIFETIME, "How long it serves a request that means the same; 0 is never."),
    wrong=Field(SHARE, "Wrong semantic hits are kept below this."),
    shadow=Field(SHARE, "The share of semantic hits that is answered afresh and compared."),
    shared=Field(Boolean(), "Whether an answer is given to other users too; only where requests do not tell who asks."),
    prior=Field(Boolean(), "Whether what was measured of the matching beforehand counts as observed."),
    coalesce=Field(
        Choice("way to coalesce", get_args(Coalesce)),
        "Which equal requests of one person, under way at the same time, are answered by one call.",
    ),
)


def _route(name: str, models: tuple[Arm, ...], **given: Any) -> Route:
    return Route(name, models, **given)


def _route_parts(route: Route) -> dict[str, Any]:
    others = parts(route)
    return {"models": others.pop("arms"), **others}


ROUTE = Record(
    _route,
    {
        "models": Field(ARMS, "Who answers, the first choice first.", required=True),
        "strategy": Field(Choice("strategy", get_args(Strategy)), "How the order is found."),
        "fallback": Field(
            MapOf(Choice("class of error", get_args(ErrorClass)), NAMES),
            "Who is asked instead of the models that are left, after a failure of this class.",
        ),
        "retries": Field(RETRIES, "How often one model is tried again."),
        "hedge": Field(HEDGE, "A second model is asked when the first is slow."),
        "cascade": Field(CASCADE, "When a cheap answer is kept."),
        "learned": Field(LEARNED, "A router trained from outcomes."),
        "cache": Field(CACHE, "How long answers serve again, and to whom."),
        "sticky": Field(
            ListOf(Choice("part of a person's name", ("tenant", "user")), least=1),
            "What an experiment's arm is chosen by.",
        ),
        "requires": Field(CAPABILITIES, "What a model must be able to do to answer here."),
        "region": Field(NAME, "Only models of this region answer."),
        "compress": Field(Number(0, 1, below=True), "The share of a long prompt's context that may be left out."),
        "last_resort": Field(Boolean(), "Whether the extractive model answers when nothing else can."),
    },
    _route_parts,
)


def _budget(per: Scope, limit: tuple[int, Unit], period: Period, of: str = "", name: str = "") -> Budget:
    amount, unit = limit
    return Budget(name or "-".join(filter(None, (per, of, unit, period))), per, unit, amount, period, of)


def _budget_parts(budget: Budget) -> dict[str, Any]:
    limit = (budget.limit, budget.unit)
    of = {"of": budget.of} if budget.of else {}
    return {"name": budget.name, "per": budget.per, **of, "limit": limit, "period": budget.period}


BUDGET = Record(
    _budget,
    {
        "name": Field(NAME, "What it is called in errors and reports."),
        "per": Field(Choice("scope of a budget", get_args(Scope)), "Who each has one of its own.", required=True),
        "of": Field(NAME, "Only for this one."),
        "limit": Field(Limit(), "20 usd, 60 requests or 1_000_000 tokens.", required=True),
        "period": Field(Choice("period", get_args(Period)), "When it begins anew.", required=True),
    },
    _budget_parts,
)
