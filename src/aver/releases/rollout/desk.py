"""Where rollouts are kept: their state in the row of the environment, which every replica reads; their figures in a row of their own, which only
controllers do; what happens to them in every tenant's evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection, insert, select, update

from aver.core.clock import Clock
from aver.core.errors import AverError, Conflict, NotFound, VerificationFailed
from aver.evidence import Draft, Ledger
from aver.releases.rollout.controller import Kept, Measured
from aver.releases.rollout.state import Event, Kind, Rollout, from_json, to_json
from aver.store import TenantStore
from aver.store.control import rollout_figures

__all__ = ["Books", "Environment", "Environments", "RegistryDesk", "record_events"]

_OVERTAKEN = "the environment was promoted or rolled back meanwhile"
BY = "rollout"
"""Whom a promotion is said to be by that nobody made."""


class Environment(Protocol):
    """As the registry of releases has it (:class:`aver.releases.types.Environment`)."""

    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def rollout(self) -> Mapping[str, Any] | None: ...
    @property
    def revision(self) -> int: ...


class Environments(Protocol):
    """What is asked of the registry of releases (:class:`aver.releases.registry.Registry`)."""

    def environment(self, name: str, /) -> Environment: ...
    def pins(self) -> Mapping[str, Environment]: ...
    def get(self, reference: str, /) -> Any: ...
    def lacking(self, environment: str, reference: str, /) -> tuple[str, ...]: ...
    def promote(
        self, environment: str, reference: str, /, by: str, reason: str = "", *, revision: int | None = None
    ) -> Environment: ...
    def save_rollout(self, environment: str, rollout: Mapping[str, Any] | None, /, *, revision: int) -> Environment: ...
    def past_rollouts(self, environment: str, /) -> list[Mapping[str, Any]]: ...


class Control(Protocol):
    """The control tables (:class:`aver.store.Store`)."""

    def begin(self) -> AbstractContextManager[Connection]: ...
    def read(self) -> AbstractContextManager[Connection]: ...


Books = Callable[[], Mapping[str, tuple[TenantStore, Ledger]]]
"""Every tenant's store and ledger, by its id."""


class RegistryDesk:
    """A :class:`~aver.releases.rollout.controller.Desk` over the registry of releases. Blocking, thread-safe."""

    def __init__(self, registry: Environments, control: Control, books: Books, clock: Clock) -> None:
        self._registry = registry
        self._control = control
        self._books = books
        self._clock = clock

    def start(self, rollout: Rollout) -> Kept:
        """Begin a rollout. Raises :class:`~aver.core.errors.Conflict` where the environment has one already, or serves another release by now than
        its control, and :class:`~aver.core.errors.NotFound` for a release that does not exist."""
        for variant in rollout.variants:
            self._registry.get(variant.digest)
        environment = self._registry.environment(rollout.environment)
        if (known := self.find(rollout.environment)) and not known.rollout.ended:
            raise Conflict(
                f"{rollout.environment} has {known.rollout.kind} {known.rollout.id} under way",
                "Abort it, or wait for its end.",
            )
        if environment.digest != rollout.control:
            raise Conflict(f"{rollout.environment} serves another release by now", "Begin again.")
        return self._kept(
            self._registry.save_rollout(environment.name, to_json(rollout), revision=environment.revision)
        )

    def find(self, environment: str) -> Kept | None:
        """What an environment's row holds: the rollout that is under way, or the last one as long as somebody is held out by it."""
        found = self._registry.environment(environment)
        return self._kept(found) if found.rollout else None

    def one(self, environment: str) -> Kept:
        """The same; :class:`~aver.core.errors.NotFound` where there is none."""
        found = self.find(environment)
        if found is None:
            raise NotFound(f"There is no rollout in {environment!r}", "Begin one: aver rollout start.")
        return found

    def latest(self, environment: str, kind: Kind | None = None) -> Rollout:
        """The rollout or experiment of an environment, that is under way or was last; of one ``kind`` where it is given. Raises
        :class:`~aver.core.errors.NotFound` where there was none."""
        current = self.find(environment)
        for each in ([current.rollout] if current else []) + self.past(environment)[::-1]:
            if kind in (None, each.kind):
                return each
        raise NotFound(
            f"There was no {kind or 'rollout'} in {environment!r} yet", f"Begin one: aver {kind or 'rollout'} start."
        )

    def past(self, environment: str) -> list[Rollout]:
        """Those that have ended, oldest first, also by a promotion or a rollback of the environment over their heads; what is there of a row that
        cannot be read any more is left out."""
        found = []
        for row in self._registry.past_rollouts(environment):
            try:
                rollout = from_json(row)
            except VerificationFailed:
                continue
            found.append(rollout if rollout.ended else replace(rollout, status="aborted", reason=_OVERTAKEN))
        return found

    def change(self, environment: str, act: Callable[[Rollout], Rollout]) -> Rollout:
        """Have a person's word take effect, whatever the controller does at the same time; what follows from it is put on record at once."""
        for _ in range(10):
            kept = self.one(environment)
            after = act(kept.rollout)
            try:
                self.save(kept, after)
            except Conflict:
                continue
            return after
        raise Conflict("The rollout is changed by others all the time", "Try again.")

    def under_way(self) -> list[Kept]:
        """Also those that have ended, while their end is not carried out. A row that cannot be read is nobody's to go on with."""
        found = []
        for environment in self._registry.pins().values():
            if environment.rollout is None:
                continue
            try:
                kept = self._kept(environment)
            except VerificationFailed:
                continue
            if not self._settled(environment, kept.rollout):
                found.append(kept)
        return found

    def save(self, kept: Kept, rollout: Rollout) -> Kept:
        return self._kept(self._registry.save_rollout(rollout.environment, to_json(rollout), revision=kept.revision))

    def measured(self, rollout: Rollout) -> tuple[Measured, int]:
        query = select(rollout_figures).where(rollout_figures.c.rollout == rollout.id)
        with self._control.read() as tx:
            row = tx.execute(query).one_or_none()
        return (Measured.of(rollout), 0) if row is None else (Measured.from_json(row.figures), row.revision)

    def keep(self, rollout: Rollout, measured: Measured, revision: int) -> None:
        values = {"figures": measured.to_json(), "revision": revision + 1}
        mine = (rollout_figures.c.rollout == rollout.id, rollout_figures.c.revision == revision)
        with self._control.begin() as tx:
            known = tx.execute(
                select(rollout_figures.c.revision).where(rollout_figures.c.rollout == rollout.id)
            ).scalar()
            if (known or 0) != revision:
                raise Conflict("Another replica has counted on meanwhile", "Look again.")
            if known is None:
                tx.execute(insert(rollout_figures), {"rollout": rollout.id, **values})
            else:
                tx.execute(update(rollout_figures).where(*mine).values(**values))

    def gone(self, digests: Iterable[str]) -> set[str]:
        found = set()
        for digest in digests:
            try:
                self._registry.get(digest)
            except NotFound:
                found.add(digest)
        return found

    def lacking(self, environment: str, digest: str) -> tuple[str, ...]:
        try:
            return self._registry.lacking(environment, digest)
        except NotFound:
            return ("its release is gone",)

    def record(self, rollout: Rollout, events: Iterable[Event]) -> None:
        record_events(self._books(), rollout, list(events))

    def end(self, kept: Kept) -> None:
        rollout = kept.rollout
        environment = self._registry.environment(rollout.environment)
        if rollout.status == "promoted":
            digest = rollout.variants[0].digest
            if environment.digest != digest:
                self._registry.promote(
                    rollout.environment, digest, by=BY, reason=_reason(rollout), revision=environment.revision
                )
                environment = self._registry.environment(rollout.environment)
            if self._lasts(rollout):
                if environment.rollout is None:  # put away by the promotion, and needed as long as somebody is held out
                    self._registry.save_rollout(rollout.environment, to_json(rollout), revision=environment.revision)
                return
        if environment.rollout is not None:
            self._registry.save_rollout(rollout.environment, None, revision=environment.revision)

    def _kept(self, environment: Environment) -> Kept:
        assert environment.rollout is not None, "asked of an environment that has a rollout"
        return Kept(from_json(environment.rollout), environment.revision)

    def _settled(self, environment: Environment, rollout: Rollout) -> bool:
        """Whether only those held out keep the row there."""
        promoted = rollout.status == "promoted" and environment.digest == rollout.variants[0].digest
        return promoted and not rollout.pending and self._lasts(rollout)

    def _lasts(self, rollout: Rollout) -> bool:
        holdout, now = rollout.plan.holdout, self._clock.now()
        return holdout is not None and _since(rollout.changed, now) < timedelta(seconds=holdout.lasting)


def record_events(books: Mapping[str, tuple[TenantStore, Ledger]], rollout: Rollout, events: list[Event]) -> None:
    """One step ``staged`` an event in every tenant's evidence, each once: a tenant that has it already is passed over. Raises what kept one of them from
    being written, after all others were."""
    failed: AverError | None = None
    for store, ledger in books.values():
        try:
            with store.begin() as tx:  # one writer at a time: what another replica records meanwhile is known by then
                known = {step.facts.get("number") for step in ledger.turns([rollout.id]).get(rollout.id, ())}
                ledger.append_all(tx, [_draft(rollout, event) for event in events if event.number not in known])
        except AverError as error:
            failed = failed or error
    if failed is not None:
        raise failed


def _draft(rollout: Rollout, event: Event) -> Draft:
    facts = {
        "rollout": rollout.id,
        "kind": rollout.kind,
        "event": event.kind,
        "number": event.number,
        "stage": event.stage,
        "control": rollout.control[:64],
        "variants": [each.digest[:64] for each in rollout.variants],
        "verdict": event.found.get("verdict"),
    }
    body = {
        "environment": rollout.environment,
        "at": event.at,
        "reason": event.reason,
        "by": event.by,
        "found": dict(event.found),
    }
    return Draft(rollout.id, "staged", None, facts, body)


def _reason(rollout: Rollout) -> str:
    return f"{rollout.id}: {rollout.reason}"[:500]


def _since(then: datetime, now: datetime) -> timedelta:
    return max(now - then, timedelta(0))
