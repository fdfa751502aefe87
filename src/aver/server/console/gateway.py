"""What the Gateway page shows: routes, models and providers with how they do, the cache, budgets, spending, and the books behind it. Blocking reads of sums and
rows; no chain is walked."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from aver.core.errors import AverError
from aver.gateway.budgets import Spending, spending
from aver.gateway.budgets.windows import Window, window
from aver.gateway.config.types import GatewayConfig
from aver.gateway.prices.book import PriceBook, price_of
from aver.gateway.prices.ledger import is_balanced, postings
from aver.ops.sums import quantile
from aver.ops.trends import Trends, trends
from aver.server.application import Application, TenantServices
from aver.server.console.charts import Column, Mark, Part
from aver.server.console.entry import Page, application_of, entered, room
from aver.server.console.knowledge import rhythm, span
from aver.server.console.lines import Line, amounts, day_of, levels, shares, span_of, turns_of
from aver.server.console.rooms import Period, address
from aver.server.console.rooms import period as named

__all__ = ["GatewayView", "gateway", "router"]

_KINDS = ("model", "provider", "route", "key", "spender", "cache", "prices")
_ROWS = 50
_CHARTS = 8
_CHECKED = 1000
"""Steps at the end of the chain whose calls are posted anew to see that debits and credits balance."""
_NANO = 1e-9
_MARKS = frozenset({"anomaly:spending", "anomaly:cost", "anomaly:new_model", "anomaly:new_key"})
_CACHE = {
    "exact": ("pass", "answered from an equal request"),
    "semantic": ("pass", "answered from one that means the same"),
    "coalesced": ("pass", "answered together with others"),
    "shadowed": ("undecided", "found, answered afresh and compared"),
    "refused": ("flag", "found, and not for this person to read"),
    "miss": ("muted", "not found"),
    "off": ("muted", "not looked for"),
}
"""The colour and the meaning of each verdict."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What one model, feature or key came to in the period."""

    name: str
    calls: int
    failed: int
    tokens: int
    nano_usd: int
    p95_ms: float | None
    link: str


@dataclass(frozen=True, slots=True)
class Breaker:
    """How a model stands in this process: ``state`` is ``closed``, ``open`` or ``half-open``; times in seconds. ``release`` is empty for a bundle that is
    followed."""

    model: str
    provider: str
    release: str
    state: str
    retry_after: float
    in_flight: int
    waiting: int


@dataclass(frozen=True, slots=True)
class RouteView:
    """A declared route: who answers, in which order, and what it came to. ``arms`` are models or routes with their weights."""

    name: str
    strategy: str
    arms: tuple[tuple[str, float], ...]
    fallback: tuple[tuple[str, tuple[str, ...]], ...]
    settings: tuple[str, ...]
    calls: int
    failed: int
    link: str


@dataclass(frozen=True, slots=True)
class ProviderView:
    """A provider over the period, in every process; ``kind`` is empty for one that is not declared any more."""

    name: str
    kind: str
    calls: int
    failed: int
    nano_usd: int
    p50_ms: float | None
    p95_ms: float | None
    breakers: tuple[Breaker, ...]
    link: str

    @property
    def state(self) -> str:
        """The worst of its models' breakers here; empty where nobody here has called it."""
        known = {each.state for each in self.breakers}
        return next((each for each in ("open", "half-open", "closed") if each in known), "")


@dataclass(frozen=True, slots=True)
class BudgetView:
    """A budget in the window that holds now. Amounts in requests, tokens or nano-dollars, as ``unit`` says; ``link`` is empty where turns cannot be told by it."""

    name: str
    per: str
    of: str
    period: str
    ends: str
    unit: str
    limit: int
    used: int
    reserved: int
    abandoned: int
    link: str

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used - self.reserved - self.abandoned)

    @property
    def parts(self) -> tuple[Part, ...]:
        tone = "block" if not self.left else "accent"
        return (
            Part(self.used, "spent", tone),
            Part(self.reserved, "reserved", "flag"),
            Part(self.abandoned, "abandoned by processes that died", "muted"),
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the cache had for so many calls."""

    name: str
    said: str
    tone: str
    calls: int

    @property
    def part(self) -> Part:
        return Part(self.calls, f"{self.name}: {self.calls:,}", self.tone)


@dataclass(frozen=True, slots=True)
class Books:
    """The price book, and whether the last calls' debits and credits balance. ``newest`` is the latest day on which a price of a declared model begins."""

    version: str
    newest: date | None
    unpriced: tuple[str, ...]
    unchecked: tuple[str, ...]
    calls: int
    debits: int
    credits: int
    balanced: bool
    used: tuple[str, ...]
    """Versions of the book by which calls of the period were priced."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class GatewayView:
    """Everything on the page. ``process`` is the one whose breakers are shown; all else is of every process. ``counted`` is how far evidence was counted."""

    period: str
    since: str
    """The period as the addresses of turns take it."""
    counted: datetime | None
    process: str
    routes: tuple[RouteView, ...]
    providers: tuple[ProviderView, ...]
    health: tuple[Line, ...]
    cache: tuple[Verdict, ...]
    budgets: tuple[BudgetView, ...]
    budgets_more: int
    spent: Line
    calls: int
    tokens: int
    by_time: tuple[Column, ...]
    """The same, a column a slot, in another colour where something unusual began."""
    marks: tuple[Mark, ...]
    models: tuple[Spent, ...]
    features: tuple[Spent, ...]
    keys: tuple[Spent, ...]
    more: Mapping[str, int]
    """By ``models``, ``features`` and ``keys``, how many are left out."""
    books: Books
    ends: tuple[str, str]


def gateway(application: Application, services: TenantServices, within: Period) -> GatewayView:
    """The page for a period."""
    services.operations.freshen()
    now, config = application.clock.now(), application.declared()
    counted = trends(services.store, now, within.length, _KINDS)
    breakers = _breakers(application)
    providers = _providers(counted, config, breakers, within)
    budgets = sorted(
        _budgets(services, config, now), key=lambda each: (each.left / each.limit if each.limit else 0, each.name)
    )
    spent = {
        "models": _spent(counted, "model", within, "model"),
        "features": _spent(counted, "spender", within, "feature"),
        "keys": _spent(counted, "key", within, "key"),
    }
    together = counted.together("model")
    total = together.whole("model:")
    whole = amounts(together, "model:", f"Spent {rhythm(counted.size)}", "spent", "usd", _NANO)
    marks = tuple(_anomalies(services, now - within.length))
    return GatewayView(
        period=within.name,
        since=span_of(within),
        counted=counted.counted,
        process=f"process {os.getpid()} on {socket.gethostname()}",
        routes=tuple(_routes(counted, config, within)),
        providers=providers,
        health=tuple(_health(counted, providers, within)),
        cache=_cache(counted),
        budgets=tuple(budgets[:_ROWS]),
        budgets_more=max(0, len(budgets) - _ROWS),
        spent=whole,
        calls=int(total.get("calls", 0)),
        tokens=int(total.get("tokens", 0)),
        by_time=tuple(_columns(whole, counted.size, marks)),
        marks=marks,
        models=spent["models"][:_ROWS],
        features=spent["features"][:_ROWS],
        keys=spent["keys"][:_ROWS],
        more={name: max(0, len(rows) - _ROWS) for name, rows in spent.items()},
        books=_books(application, services, config, counted),
        ends=(day_of(counted.starts[0]), day_of(now)),
    )


def _spent(counted: Trends, kind: str, within: Period, word: str) -> tuple[Spent, ...]:
    found = []
    for name in counted.names(kind):
        sums = counted.whole(f"{kind}:{name}")
        calls, failed = int(sums.get("calls", 0)), int(sums.get("failed", 0))
        tokens, spent = int(sums.get("tokens", 0)), int(sums.get("spent", 0))
        link = turns_of(within, **{word: name})
        found.append(Spent(name, calls, failed, tokens, spent, quantile(sums, "latency_ms", 0.95), link))
    return tuple(sorted(found, key=lambda each: (-each.nano_usd, -each.calls, each.name)))


def _routes(counted: Trends, config: GatewayConfig, within: Period) -> Iterable[RouteView]:
    for name, route in config.routes.items():
        sums = counted.whole(f"route:{name}")
        kept = (("exact", route.cache.exact), ("semantic", route.cache.semantic))
        said = [f"{kind} cache for {span(seconds)}" for kind, seconds in kept if seconds]
        said += [f"region {route.region}"] if route.region else []
        said += ["hedged"] if route.hedge else []
        said += ["last resort: extractive"] if route.last_resort else []
        yield RouteView(
            name,
            route.strategy,
            tuple((arm.target, arm.weight) for arm in route.arms),
            tuple((str(error), targets) for error, targets in route.fallback.items()),
            tuple(said),
            int(sums.get("calls", 0)),
            int(sums.get("failed", 0)),
            turns_of(within),
        )


def _breakers(application: Application) -> Sequence[Breaker]:
    found = []
    for serving in application.servings.at_work():
        if "gateway" not in vars(serving):  # nobody called a model here yet
            continue
        models: Mapping[str, Mapping[str, Any]] = serving.gateway.status()["models"]
        for name, each in models.items():
            busy = (int(each["in_flight"]), int(each["provider_waiting"]))
            state, again = str(each["breaker"]), float(each["retry_after"])
            found.append(Breaker(name, str(each["provider"]), serving.digest[:12], state, again, *busy))
    return found


def _providers(
    counted: Trends, config: GatewayConfig, breakers: Sequence[Breaker], within: Period
) -> tuple[ProviderView, ...]:
    names = [*config.providers, *(each for each in counted.names("provider") if each not in config.providers)]
    found = []
    for name in names:
        sums, declared = counted.whole(f"provider:{name}"), config.providers.get(name)
        found.append(
            ProviderView(
                name,
                declared.kind if declared else "",
                int(sums.get("calls", 0)),
                int(sums.get("failed", 0)),
                int(sums.get("spent", 0)),
                quantile(sums, "latency_ms", 0.5),
                quantile(sums, "latency_ms", 0.95),
                tuple(each for each in breakers if each.provider == name),
                turns_of(within, provider=name),
            )
        )
    return tuple(found[:_ROWS])


def _health(counted: Trends, providers: Sequence[ProviderView], within: Period) -> Iterable[Line]:
    """Of the providers that were called most: how many calls failed, and how long answers took."""
    for each in sorted(providers, key=lambda one: -one.calls)[: _CHARTS // 2]:
        series = f"provider:{each.name}"
        if each.calls:
            failed = turns_of(within, provider=each.name, outcome="failed")
            yield shares(counted, series, f"{each.name}: calls that fail", "failed", "ended", failed)
            yield levels(counted, series, f"{each.name}: 95 % of answers within", "latency_ms", 0.95, each.link)


def _cache(counted: Trends) -> tuple[Verdict, ...]:
    found = []
    for name in counted.names("cache"):
        tone, said = _CACHE.get(name, ("muted", name))
        found.append(Verdict(name, said, tone, int(counted.whole(f"cache:{name}").get("calls", 0))))
    order = list(_CACHE)
    return tuple(sorted(found, key=lambda each: order.index(each.name) if each.name in order else len(order)))


def _budgets(services: TenantServices, config: GatewayConfig, now: datetime) -> Iterable[BudgetView]:
    """Each declared budget in the window of now, for everything it is counted by; one that nothing was spent under yet stands whole."""
    known: dict[tuple[str, str, str], list[Spending]] = {}
    for each in spending(services.grants, now):
        known.setdefault((each.budget, each.unit, each.period), []).append(each)
    for budget in config.budgets:
        current = window(budget.period, now.timestamp())
        found = known.get((budget.name, budget.unit, current.name), [])
        for each in found:
            per, _, of = each.value.partition(":")
            amounts_of = (each.limit, each.used, each.reserved, each.abandoned)
            yield _budget(budget.name, per, of, current, budget.unit, amounts_of)
        if not found:
            yield _budget(budget.name, budget.per, budget.of, current, budget.unit, (budget.limit, 0, 0, 0))


def _budget(name: str, per: str, of: str, current: Window, unit: str, found: tuple[int, int, int, int]) -> BudgetView:
    since = datetime.fromtimestamp(current.start, UTC).isoformat() if current.end_text else ""
    told = per in ("feature", "model", "key") and of
    link = address("/turns", **{per: of}, since=since) if told else address("/turns", since=since)
    return BudgetView(name, per, "" if per == "tenant" else of, current.name, current.end_text, unit, *found, link)


def _columns(spent: Line, size: int, marks: Sequence[Mark]) -> Iterable[Column]:
    """A column a slot that opens the turns of its time."""
    for point in spent.points:
        ends = point.at + size
        unusual = [each.words for each in marks if point.at <= each.at < ends]
        began, ended = (datetime.fromtimestamp(each, UTC) for each in (point.at, ends))
        told = [f"{day_of(began)}: {spent.tell(point.value or 0.0)}", *unusual]
        link = address("/turns", since=began.isoformat(), until=ended.isoformat())
        yield Column("; ".join(told), (Part(point.value or 0.0, "spent", "flag" if unusual else "accent"),), link)


def _anomalies(services: TenantServices, since: datetime) -> Iterable[Mark]:
    """What departed from what is usually spent, of the last alerts."""
    for each in services.operations.alerts.alerts(standing=False, most=200):
        if each.rule in _MARKS and each.began >= since:
            link = address("/incidents", incident=each.incident)
            yield Mark(each.began.timestamp(), each.said, link)


def _books(application: Application, services: TenantServices, config: GatewayConfig, counted: Trends) -> Books:
    """Of the last calls: posted anew, a debit of a feature and a credit of a provider each."""
    book: PriceBook = application.prices
    prices = {name: price_of(model, book) for name, model in config.models.items()}
    days = [each.since for each in prices.values() if each is not None and each.since != date.min]
    made, problem = [], ""
    try:
        head = services.ledger.head().seq
        made = postings(services.ledger.of_kind("called", after=max(0, head - _CHECKED)))
    except AverError as error:  # changed outside Aver: whoever verifies the chain is told more
        problem = error.cause
    return Books(
        book.version,
        max(days, default=None),
        tuple(name for name, each in prices.items() if each is None),
        tuple(name for name, each in prices.items() if each is not None and not each.checked),
        sum(each.calls for each in made),
        sum(each.debit for each in made),
        sum(each.credit for each in made),
        is_balanced(made),
        tuple(counted.names("prices")),
        problem,
    )


router = APIRouter(route_class=Page, include_in_schema=False)


@router.get("/gateway")
async def page(request: Request, period: str = "") -> Response:
    """Who answers calls to models, how that goes, and what it costs."""
    principal, services = await entered(request, "oversee")
    view = await asyncio.to_thread(gateway, application_of(request), services, named(period))
    return await room(request, principal, services, "gateway.html", view)
