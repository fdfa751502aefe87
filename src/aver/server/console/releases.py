"""What the Releases page shows: what is in force where, releases with what people and gates say of them, what differs between two, and rollouts as they stand. Blocking
reads of the registry's rows, of rollouts' figures, and of the last steps of rare kinds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aver.core.errors import AverError, VerificationFailed
from aver.core.principal import Principal
from aver.evidence import Step
from aver.policy.access import allowed
from aver.releases import Environment, Registry, Release
from aver.releases.declaration import ReleaseConfig
from aver.releases.diffing import Change, compare
from aver.releases.roles import role_of
from aver.releases.types import GateRecord, Move, SignOff, under_way
from aver.server.application import Application, TenantServices
from aver.server.console.rollouts import Named, Past, Rollouts, RolloutView, called
from aver.server.console.rooms import address
from aver.server.releasing import registry

__all__ = ["ReleasesView", "releases"]

_A_PAGE = 50
_MOVES = 10
_GATES = 200
"""The last verdicts of gates among which those of a release are looked for."""
_CHANGES = 200


@dataclass(frozen=True, slots=True)
class Judged:
    """What one condition of a gate came to; ``low`` and ``high`` are the ends of the interval of ``value``."""

    condition: str
    slice: str
    outcome: str
    said: str
    value: float | None
    low: float | None
    high: float | None
    bound: float
    needed: int | None
    cases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GateView:
    """A verdict on record with this tenant, ``conditions`` first those that are not met."""

    at: datetime
    outcome: str
    release: str
    conditions: tuple[Judged, ...]
    objections: tuple[str, ...]
    signed: bool


@dataclass(frozen=True, slots=True)
class EnvironmentView:
    """An environment: what is in force, and what a rollback goes back to."""

    name: str
    release: Named | None
    previous: Named | None
    changed: datetime | None
    letting_in: bool
    needs: tuple[str, ...]
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A release in the list. ``gate`` is the last verdict on it, empty for none; ``turns`` links to what it answered."""

    named: Named
    tags: tuple[str, ...]
    created: datetime
    created_by: str
    note: str
    environments: tuple[str, ...]
    gate: str
    signed: tuple[str, ...]
    turns: str


@dataclass(frozen=True, slots=True)
class Way:
    """What a release lacks to be promoted to an environment, and who may promote it without; ``here`` says that it is in force there. ``rolls`` is whether the
    release says how it is rolled out."""

    environment: str
    here: bool
    lacks: tuple[str, ...]
    may_force: bool
    rolls: bool


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """One release, opened. ``signing`` are roles in which whoever looks may sign it off and has not."""

    row: ReleaseRow
    software: str
    files: Mapping[str, int]
    origin: tuple[tuple[str, str], ...]
    sign_offs: tuple[SignOff, ...]
    gates: tuple[GateView, ...]
    records: tuple[GateRecord, ...]
    ways: tuple[Way, ...]
    signing: tuple[str, ...]
    against: Named | None


@dataclass(frozen=True, slots=True)
class Difference:
    """What is otherwise in ``after`` than in ``before``; ``problem`` says why nobody can tell."""

    before: Named
    after: Named
    changes: tuple[Change, ...]
    more: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ReleasesView:
    """Everything on the page. ``may`` is whether whoever looks may promote, roll back and steer rollouts."""

    may: bool
    environments: tuple[EnvironmentView, ...]
    rows: tuple[ReleaseRow, ...]
    page: int
    earlier: str
    later: str
    opened: ReleaseView | None
    difference: Difference | None
    rollouts: tuple[RolloutView, ...]
    past: tuple[Past, ...]
    gates: tuple[GateView, ...]
    problem: AverError | None = None

    @property
    def going(self) -> bool:
        return any(each.going for each in self.rollouts)


def releases(
    application: Application,
    services: TenantServices,
    principal: Principal,
    *,
    release: str = "",
    before: str = "",
    after: str = "",
    page: int = 1,
    problem: AverError | None = None,
) -> ReleasesView:
    """The page at an address. :class:`~aver.core.errors.NotFound` for a release that is not there."""
    known = registry(application)
    look = _Look(application, services, principal, known)
    page = max(page, 1)
    found = known.all(_A_PAGE + 1, (page - 1) * _A_PAGE)
    verdicts = services.ledger.latest("gated", _GATES)
    return ReleasesView(
        may=allowed(principal, "release"),
        environments=tuple(look.environment(each) for each in look.pins.values()),
        rows=tuple(look.row(each) for each in found[:_A_PAGE]),
        page=page,
        earlier=address("/releases", page=page - 1) if page > 1 else "",
        later=address("/releases", page=page + 1) if len(found) > _A_PAGE else "",
        opened=look.opened(known.get(release), verdicts) if release else None,
        difference=look.difference(before, after) if before and after else None,
        rollouts=tuple(look.rollouts.going()),
        past=tuple(look.rollouts.past()),
        gates=tuple(_gate(each) for each in verdicts[:_MOVES]),
        problem=problem,
    )


class _Look:
    """One look at the registry, in which names are told once."""

    def __init__(
        self, application: Application, services: TenantServices, principal: Principal, known: Registry
    ) -> None:
        self._principal = principal
        self._known = known
        self.pins = known.pins()
        self._named: dict[str, Named] = {}
        self.rollouts = Rollouts(application, services, self.pins, self.named)

    def named(self, digest: str) -> Named:
        if digest not in self._named:
            try:
                tags = self._known.get(digest).tags
            except AverError:  # forgotten, or changed outside Aver: its digest is what is left
                tags = ()
            self._named[digest] = called(digest, tags)
        return self._named[digest]

    def row(self, release: Release) -> ReleaseRow:
        self._named[release.digest] = named = called(release.digest, release.tags)
        gates = self._known.gates(release)
        return ReleaseRow(
            named,
            release.tags,
            release.created,
            release.created_by,
            release.provenance.note,
            tuple(name for name, each in self.pins.items() if each.digest == release.digest),
            gates[-1].outcome if gates else "",
            tuple(dict.fromkeys(each.role for each in self._known.sign_offs(release))),
            address("/turns", release=release.digest),
        )

    def environment(self, each: Environment) -> EnvironmentView:
        needs: list[str] = []
        try:
            stage = ReleaseConfig.of(self._known.get(each.digest).manifest.declared).stage(each.name)
        except AverError:  # it is not declared by what is in force there, or that is gone
            stage = None
        if stage is not None:
            needs += [f"has been in {stage.after}"] if stage.after else []
            needs += ["passed its gate"] if stage.gate else []
            needs += [f"signed off as {role}" for role in stage.sign_offs]
        moves = self._known.moves(each.name)
        return EnvironmentView(
            each.name,
            self.named(each.digest) if each.digest else None,
            self.named(each.previous) if each.previous else None,
            each.changed,
            under_way(each.rollout),
            tuple(needs),
            tuple(moves[::-1][:_MOVES]),
        )

    def opened(self, release: Release, verdicts: Sequence[Step]) -> ReleaseView:
        manifest, made = release.manifest, release.provenance
        files: dict[str, int] = {}
        for file in manifest.files:
            role = role_of(file.path, manifest.declared)
            files[role] = files.get(role, 0) + 1
        said = (("commit", made.commit), ("branch", made.branch), ("repository", made.repository))
        origin = [(name, value) for name, value in (*said, ("made by", made.builder)) if value]
        given = self._known.sign_offs(release)
        return ReleaseView(
            self.row(release),
            manifest.software,
            files,
            (*origin, *([("files", "differed from that commit")] if made.dirty else [])),
            tuple(given),
            tuple(_gate(each) for each in verdicts if each.facts.get("release") == release.digest),
            tuple(self._known.gates(release)[::-1][:_MOVES]),
            tuple(self._ways(release)),
            tuple(self._signing(release, given)),
            next((self.named(each.digest) for each in self._serving() if each.digest != release.digest), None),
        )

    def _serving(self) -> Iterable[Environment]:
        """Environments, the last in order first: it is the one that users meet."""
        return reversed([each for each in self.pins.values() if each.digest])

    def _signing(self, release: Release, given: Sequence[SignOff]) -> Iterable[str]:
        asked = set(ReleaseConfig.of(release.manifest.declared).signing)
        for each in self.pins.values():
            try:
                asked |= ReleaseConfig.of(self._known.get(each.digest).manifest.declared).signing
            except AverError:
                continue
        done = {each.role for each in given if each.by == self._principal.user}
        return sorted((asked & set(self._principal.roles)) - done)

    def _ways(self, release: Release) -> Iterable[Way]:
        declared = ReleaseConfig.of(release.manifest.declared)
        rolls = "rollout" in release.manifest.declared
        for name, stage in declared.environments.items():
            pin = self.pins.get(name)
            here = pin is not None and pin.digest == release.digest
            try:
                lacks = () if here else self._known.lacking(name, release.digest)
            except AverError as error:
                lacks = (error.cause,)
            may = bool(set(self._principal.roles) & set(stage.override))
            yield Way(name, here, tuple(lacks), may, rolls and pin is not None and bool(pin.digest))

    def difference(self, before: str, after: str) -> Difference:
        old, new = self._known.get(before), self._known.get(after)
        try:
            found = compare(old.manifest, new.manifest, self._known.read, self._known.read)
        except VerificationFailed as error:  # a file's bytes are gone
            return Difference(self.named(old.digest), self.named(new.digest), (), 0, error.cause)
        shown, more = tuple(found[:_CHANGES]), max(0, len(found) - _CHANGES)
        return Difference(self.named(old.digest), self.named(new.digest), shown, more)


def _gate(step: Step) -> GateView:
    body: Mapping[str, Any] = step.body or {}
    order = {"fail": 0, "inconclusive": 1, "pass": 2}
    judged = sorted((_judged(each) for each in body.get("judged", ())), key=lambda each: order.get(each.outcome, 3))
    objections = [f"{suite}: {why}" for suite, several in body.get("objections", {}).items() for why in several]
    facts = step.facts
    return GateView(
        step.at,
        str(facts["outcome"]),
        str(facts.get("release") or ""),
        tuple(judged),
        tuple(objections),
        bool(facts.get("attestation")),
    )


def _judged(said: Mapping[str, Any]) -> Judged:
    found: Mapping[str, Any] = said.get("found") or {}
    return Judged(
        str(said["condition"]),
        str(said.get("slice", "")),
        str(said["outcome"]),
        str(said.get("said", "")),
        found.get("value"),
        found.get("low"),
        found.get("high"),
        float(said.get("bound", 0.0)),
        said.get("needed"),
        tuple(said.get("cases", ()))[:5],
    )
