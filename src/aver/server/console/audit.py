"""The Audit page: how the chain stands, who outside vouches for it, what controls come to, what an auditor takes away, who changed what, what there is."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from operator import attrgetter
from typing import Any, get_args

from aver.core.errors import AverError
from aver.core.principal import Principal
from aver.evidence.clear import clear_steps
from aver.evidence.recent import Recent, verify_recent
from aver.evidence.signing import fingerprint
from aver.evidence.store import SPARSE
from aver.evidence.types import StepKind
from aver.governance.anchors.types import Anchor, AnchorKind, Finding
from aver.governance.controls.reading import frameworks
from aver.governance.inventory.service import Inventory
from aver.governance.packs.shelf import Shelved
from aver.policy.access import allowed
from aver.server.application import Application
from aver.server.console.rooms import address
from aver.server.stocktaking import stock_of
from aver.server.story import sentence
from aver.server.tenancy import TenantServices

__all__ = ["AuditView", "audit"]

VERIFIED = 20_000
"""Steps that are verified while somebody waits: half a second."""
_CHANGES = 50
_ACTS: tuple[StepKind, ...] = tuple(
    kind
    for kind in get_args(StepKind)
    if kind in SPARSE and kind not in ("alerted", "case_labelled", "case_promoted", "evaluated", "gated", "incident")
)
"""What changes who may do what, and what is done with questions."""


@dataclass(frozen=True, slots=True)
class PlaceView:
    """A kind of place outside. ``last`` is the newest state it was told, ``failed`` why the last try came to nothing."""

    kind: AnchorKind
    declared: bool
    last: Anchor | None
    failed: str


@dataclass(frozen=True, slots=True)
class QueryView:
    query: str
    outcome: str
    said: str
    cannot: str
    samples: tuple[tuple[int, str], ...]
    """Steps that it rests on, each with its address."""


@dataclass(frozen=True, slots=True)
class ControlView:
    id: str
    title: str
    outcome: str
    cannot: str
    queries: tuple[QueryView, ...]


@dataclass(frozen=True, slots=True)
class FrameworkView:
    """``counts`` are controls by outcome. ``controls`` are told for the one that the address names."""

    name: str
    title: str
    edition: str
    note: str
    link: str
    counts: Mapping[str, int]
    controls: tuple[ControlView, ...]


@dataclass(frozen=True, slots=True)
class Act:
    """Something that somebody changed."""

    seq: int
    at: datetime
    kind: str
    said: str
    by: str
    link: str


@dataclass(frozen=True, slots=True)
class StepView:
    """One step, as the address names it by its place in the chain."""

    seq: int
    at: str
    kind: str
    turn: str
    link: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class AuditView:
    """Everything on the page. ``checked`` is the period that controls were worked out over last, ``None`` before the first time."""

    steps: int
    head: str
    fingerprint: str
    verified: Recent | None
    verify: str
    places: tuple[PlaceView, ...]
    findings: tuple[Finding, ...]
    may_anchor: bool
    checked: tuple[datetime, datetime] | None
    frameworks: tuple[FrameworkView, ...]
    framework: str
    packs: tuple[Shelved, ...]
    step: StepView | None
    kinds: tuple[str, ...]
    kind: str
    acts: tuple[Act, ...]
    older: str
    inventory: Inventory
    problem: tuple[str, str] | None = None


def audit(
    application: Application,
    services: TenantServices,
    principal: Principal,
    *,
    framework: str = "",
    kind: str = "",
    before: int = 0,
    step: int = 0,
    verify: bool = False,
    places: bool = False,
    problem: AverError | None = None,
) -> AuditView:
    """The page at an address. ``places``: hold the places outside against the chain, which reads all of its hashes."""
    known, kept = services.anchors.recent(100), services.controls.last()
    results = kept.results if kept else ()
    kind = kind if kind in _ACTS else ""
    acts, head = _acts(services, kind, before), services.ledger.head()
    return AuditView(
        steps=head.seq,
        head=head.hash,
        fingerprint=fingerprint(services.store.signing_key().public_key()),
        verified=verify_recent(services.store, VERIFIED) if verify else None,
        verify=address("/audit", verify="1"),
        places=tuple(_place(each, services.anchors.kinds, known) for each in get_args(AnchorKind)),
        findings=tuple(services.anchors.check()) if places else (),
        may_anchor=allowed(principal, "administer") and bool(services.anchors.kinds),
        checked=(kept.since, kept.until) if kept else None,
        frameworks=tuple(_framework(name, results, opened=name == framework) for name in frameworks()),
        framework=framework if framework in frameworks() else "",
        packs=tuple(services.shelf.all()),
        step=_step(services, step) if step else None,
        kinds=_ACTS,
        kind=kind,
        acts=tuple(acts[:_CHANGES]),
        older=f"{address('/audit', kind=kind, before=acts[_CHANGES - 1].seq)}#changes" if len(acts) > _CHANGES else "",
        inventory=stock_of(application, services),
        problem=(problem.cause, problem.next_step) if problem else None,
    )


def _place(kind: AnchorKind, declared: Sequence[AnchorKind], known: Sequence[Anchor]) -> PlaceView:
    mine = [each for each in known if each.kind == kind]
    last = next((each for each in mine if not each.problem), None)
    return PlaceView(kind, kind in declared, last, mine[0].problem if mine else "")


def _framework(name: str, results: Sequence[Mapping[str, Any]], *, opened: bool) -> FrameworkView:
    found = frameworks()[name]
    mine = {each["control"]: each for each in results if each["framework"] == name}
    counts = {word: sum(each["outcome"] == word for each in mine.values()) for word in ("met", "not_met", "no_data")}
    controls = []
    for control in found.controls if opened else ():
        result = mine.get(control.id)
        by_query = {each["query"]: each for each in result["results"]} if result else {}
        queries = []
        for ask in control.queries:
            one = by_query.get(ask.query, {})
            samples = tuple((seq, f"{address('/audit', step=seq)}#step") for seq in one.get("samples", ()))
            queries.append(
                QueryView(ask.query, one.get("outcome", "no_data"), one.get("said", ask.said), ask.cannot, samples)
            )
        outcome = str(result["outcome"]) if result else "no_data"
        controls.append(ControlView(control.id, control.title, outcome, control.cannot, tuple(queries)))
    link = f"{address('/audit', framework=name)}#controls"
    return FrameworkView(name, found.title, found.edition, found.note, link, counts, tuple(controls))


def _acts(services: TenantServices, kind: str, before: int) -> list[Act]:
    """The newest first, one more than is shown."""
    wanted = [each for each in _ACTS if not kind or each == kind]
    ledger = services.ledger
    found = (ledger.latest(each, _CHANGES + 1, before or None) for each in wanted)
    steps = islice(heapq.merge(*found, key=attrgetter("seq"), reverse=True), _CHANGES + 1)
    return [
        Act(
            step.seq,
            step.at,
            step.kind,
            sentence(step),
            str((step.body or {}).get("by", "")),
            f"{address('/audit', step=step.seq)}#step",
        )
        for step in steps
    ]


def _step(services: TenantServices, seq: int) -> StepView | None:
    found = clear_steps(services.store, seq - 1, 1) if seq > 0 else []
    if not found or found[0].seq != seq:
        return None
    step = found[0]
    link = address(f"/turns/{step.turn}") if step.turn.startswith("turn_") else ""
    facts = tuple((name, str(value)) for name, value in step.facts.items() if value is not None)
    return StepView(seq, step.at, step.kind, step.turn, link, facts)
