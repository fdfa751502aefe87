"""What the Safety page shows: what checks found and where, how attacks fared, what policy denied and asked about, what waits, what is stopped. Blocking reads of sums,
of rows, and of the last steps of rare kinds; no chain is walked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from fastapi import APIRouter, Request, Response

from aver.core.principal import Principal
from aver.evals.redteam.types import SUITE
from aver.evidence import Step
from aver.guard.types import Place
from aver.ops.sums import Sums
from aver.ops.trends import Trends, trends
from aver.server.application import Application, TenantServices
from aver.server.console.charts import Point
from aver.server.console.entry import Page, application_of, entered, room
from aver.server.console.lines import Line, amounts, day_of, shares, span_of, turns_of
from aver.server.console.rooms import Period
from aver.server.console.rooms import period as named
from aver.server.switching import switches_of

__all__ = ["SafetyView", "router", "safety"]

_KINDS = ("check", "tool", "rule", "feature")
_FOUND = ("flag", "redact", "block")
_EXFILTRATION = "exfiltration"
_ROWS = 50
_CHARTS = 12
_RUNS = 50
_LOOKED_THROUGH = 400
"""Evaluations among which red-team runs are looked for."""
_FAMILIES = 8


@dataclass(frozen=True, slots=True)
class CheckView:
    """What one check made of texts at one place: of so many that it looked at, how many it flagged, cut something out of, or held back, and how often it broke."""

    check: str
    place: str
    looked: int
    flagged: int
    redacted: int
    blocked: int
    broken: int
    link: str

    @property
    def found(self) -> int:
        return self.flagged + self.redacted + self.blocked


@dataclass(frozen=True, slots=True)
class Decided:
    """A tool, or a rule of policy, with what was decided."""

    name: str
    decisions: int
    denied: int
    asked: int
    link: str


@dataclass(frozen=True, slots=True)
class Attacked:
    """A red-team run as its step of evidence has it. Shares lie between 0 and 1; an interval is ``None`` where too little was tried."""

    turn: str
    at: datetime
    target: str
    release: str
    attacks: int
    worked: int
    success: tuple[float | None, float | None, float | None]
    """The share of attacks that worked, and its interval's ends."""
    refused: tuple[float | None, float | None, float | None]
    """The same of benign look-alikes that were not served."""
    families: Mapping[str, tuple[float | None, float | None, float | None]]


@dataclass(frozen=True, slots=True)
class Stopped:
    """A kill switch that holds for this tenant."""

    kind: str
    name: str
    reason: str
    thrown: datetime
    everybody: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """How often people are asked, since the beginning; ``mine`` is how many wait for whoever looks, ``None`` where they answer nothing."""

    actions: int
    asked: int
    approved: int
    rejected: int
    expired: int
    pending: int
    mine: int | None


@dataclass(frozen=True, slots=True)
class SafetyView:
    """Everything on the page. ``held`` are turns that a check caught, of all; ``cut`` what checks for exfiltration took out or held back."""

    period: str
    since: str
    """The period as the addresses of turns take it."""
    counted: datetime | None
    place: str
    target: str
    turns: int
    held: int
    cut: int
    caught: Line
    checks: tuple[CheckView, ...]
    findings: tuple[Line, ...]
    runs: tuple[Attacked, ...]
    targets: tuple[str, ...]
    families: tuple[Line, ...]
    denied: Line
    asked: Line
    tools: tuple[Decided, ...]
    rules: tuple[Decided, ...]
    approvals: Asked
    switches: tuple[Stopped, ...]
    ends: tuple[str, str]
    places: tuple[str, ...] = get_args(Place)


def safety(
    application: Application,
    services: TenantServices,
    principal: Principal,
    within: Period,
    *,
    place: str = "",
    target: str = "",
) -> SafetyView:
    """The page for a period; of checks at one ``place`` alone, and of red-team runs against one ``target``, where these are given."""
    services.operations.freshen()
    now = application.clock.now()
    counted = trends(services.store, now, within.length, _KINDS)
    whole = counted.together("feature")
    checks = sorted(_checks(counted, within, place), key=lambda each: (-each.found, -each.looked, each.check))
    known = _runs(services, now - within.length)
    targets = tuple(sorted({each.target for each in known}))
    runs = [each for each in known if target in ("", each.target)]
    tools = counted.together("tool")
    return SafetyView(
        period=within.name,
        since=span_of(within),
        counted=counted.counted,
        place=place if place in get_args(Place) else "",
        target=target,
        turns=int(_total(whole, "feature:", "turns")),
        held=int(_total(whole, "feature:", "hits")),
        cut=sum(each.found for each in checks if each.check == _EXFILTRATION),
        caught=shares(whole, "feature:", "Turns that a check caught", "hits", "turns", turns_of(within)),
        checks=tuple(checks[:_ROWS]),
        findings=tuple(_findings(counted, checks)),
        runs=tuple(runs[:_RUNS]),
        targets=targets,
        families=tuple(_families(runs)),
        denied=amounts(tools, "tool:", "Calls that policy denied", "denied", "count", link=turns_of(within, denied=1)),
        asked=amounts(tools, "tool:", "Calls that people were asked about", "asked", "count"),
        tools=tuple(_decided(counted, "tool", within)),
        rules=tuple(_decided(counted, "rule", within)),
        approvals=_asked(application, services, principal),
        switches=tuple(
            Stopped(each.kind, each.name, each.reason, each.thrown, not each.tenant)
            for each in switches_of(application, principal.tenant)
        ),
        ends=(day_of(counted.starts[0]), day_of(now)),
    )


def _total(counted: Trends, series: str, name: str) -> float:
    return counted.whole(series).get(name, 0.0)


def _checks(counted: Trends, within: Period, wanted: str) -> Iterable[CheckView]:
    for name in counted.names("check"):
        sums = counted.whole(f"check:{name}")
        for place in get_args(Place):
            looked = int(sums.get(f"{place}.looked", 0))
            if looked and wanted in ("", place):
                found = (int(sums.get(f"{place}.{each}", 0)) for each in (*_FOUND, "broken"))
                flagged, redacted, blocked, broken = found
                link = turns_of(within, check=name)
                yield CheckView(name, place, looked, flagged, redacted, blocked, broken, link)


def _findings(counted: Trends, checks: Sequence[CheckView]) -> Iterable[Line]:
    """Of the checks that found most: the share of texts in which they found something."""
    for each in checks[:_CHARTS]:
        if not each.found:
            continue
        series = f"check:{each.check}"
        both = {number: _summed(sums, each.place) for number, sums in counted.slots[series].items()}
        yield shares(counted.of({series: both}), series, f"{each.check} · {each.place}", "found", "looked", each.link)


def _summed(sums: Sums, place: str) -> Sums:
    found = sum(sums.get(f"{place}.{each}", 0.0) for each in _FOUND)
    return {"found": found, "looked": sums.get(f"{place}.looked", 0.0)}


def _decided(counted: Trends, kind: str, within: Period) -> Iterable[Decided]:
    """What was denied or asked about most, first; of a rule only that is known."""
    found = []
    for name in counted.names(kind):
        sums = counted.whole(f"{kind}:{name}")
        decisions, denied, asked = (int(sums.get(each, 0)) for each in ("decisions", "denied", "asked"))
        if decisions or denied or asked:
            link = turns_of(within, tool=name, denied=1) if kind == "tool" else turns_of(within, denied=1)
            found.append(Decided(name, decisions, denied, asked, link))
    return sorted(found, key=lambda each: (-each.denied, -each.asked, each.name))[:_ROWS]


def _runs(services: TenantServices, since: datetime) -> list[Attacked]:
    """Red-team runs, newest first."""
    found = services.ledger.latest("evaluated", _LOOKED_THROUGH)
    return [_attacked(each) for each in found if each.at >= since and each.facts.get("suite") == SUITE and each.body]


def _attacked(step: Step) -> Attacked:
    body: Mapping[str, Any] = step.body or {}
    families = body.get("by", {}).get("category", {})
    return Attacked(
        step.turn,
        step.at,
        str(body.get("target", "")),
        str(step.facts.get("release") or ""),
        int(body.get("attacks", 0)),
        len(body.get("worked", ())),
        _ends(body.get("attack_success")),
        _ends(body.get("false_refusals")),
        {str(name): _ends(each) for name, each in families.items()},
    )


def _ends(interval: Mapping[str, Any] | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if interval is None else (interval["value"], interval["low"], interval["high"])


def _families(runs: Sequence[Attacked]) -> Iterable[Line]:
    """Attack success over time: of all attacks, then by family, those first that worked most often last."""
    if not runs:
        return
    by_time = sorted(runs, key=lambda each: each.at)
    yield Line("all attacks", "share", tuple(Point(each.at.timestamp(), *each.success) for each in by_time))
    last: dict[str, float] = {}
    for each in by_time:
        last |= {name: ends[0] or 0.0 for name, ends in each.families.items()}
    for name in sorted(last, key=lambda family: (-last[family], family))[:_FAMILIES]:
        told = [(each.at, each.families[name]) for each in by_time if name in each.families]
        yield Line(name, "share", tuple(Point(at.timestamp(), *ends) for at, ends in told))


def _asked(application: Application, services: TenantServices, principal: Principal) -> Asked:
    if not application.servings.any_agents():
        return Asked(0, 0, 0, 0, 0, 0, None)
    found = services.approvals.asking()
    mine = len(services.approvals.pending(principal, _ROWS))
    counts = (found.actions, found.asked, found.approved, found.rejected, found.expired, found.pending)
    return Asked(*counts, mine)


router = APIRouter(route_class=Page, include_in_schema=False)


@router.get("/safety")
async def page(request: Request, period: str = "", place: str = "", target: str = "") -> Response:
    """What was found, denied, attacked and stopped."""
    principal, services = await entered(request, "oversee")
    application = application_of(request)
    view = await asyncio.to_thread(safety, application, services, principal, named(period), place=place, target=target)
    return await room(request, principal, services, "safety.html", view)
