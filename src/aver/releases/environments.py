"""Which release is in force where, and how that changes: promotion, which asks a lot, and rollback, which asks nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from aver.core import Clock, user_reader
from aver.core.errors import AverError, Conflict, Forbidden, InvalidInput, NotFound, VerificationFailed
from aver.releases import rows
from aver.releases.declaration import ENVIRONMENT, ReleaseConfig, Stage
from aver.releases.promoting import lacking
from aver.releases.types import Environment, Event, Manifest, Move, MoveKind, Record, Release, under_way
from aver.store import Store
from aver.store.control import past_rollouts

__all__ = ["Environments", "check_person", "check_reason"]

_LONGEST_REASON = 500


class Environments:
    """The environments of an installation, in its control database.

    ``record`` puts what happens on record with every tenant. A promotion that cannot be recorded does not take place; a rollback has
    taken place by then, because evidence that cannot be written is no reason to go on with what is bad. ``missing`` says which files of a release
    are not there. Thread-safe; blocking.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        record: Record = lambda _: None,
        missing: Callable[[Manifest], Sequence[str]] = lambda _: (),
    ) -> None:
        self._store = store
        self._clock = clock
        self._record = record
        self._missing = missing

    def pins(self) -> dict[str, Environment]:
        """All that a replica has to know, by environment, in one query of a few rows: asked several times a second."""
        with self._store.read() as tx:
            return rows.known_environments(tx)

    def environment(self, name: str) -> Environment:
        """Which release is in force there; none, at revision 0, where nothing was ever promoted to it."""
        with self._store.read() as tx:
            return _environment(tx, name)

    def environments(self) -> list[Environment]:
        """Those that a release was ever in, by name."""
        return list(self.pins().values())

    def moves(self, environment: str) -> list[Move]:
        """Every promotion and rollback of an environment, oldest first."""
        with self._store.read() as tx:
            return rows.moves_of(tx, environment)

    def lacking(self, environment: str, reference: str) -> tuple[str, ...]:
        """What a release lacks to be promoted to an environment, each in a few words: what it asks for itself, and what the release asks for that is
        in force there, so that leaving a condition out takes a release that meets it."""
        with self._store.read() as tx:
            was, release = _environment(tx, environment), rows.find(tx, reference)
            gone = [f"the bytes of {path!r} are gone" for path in self._missing(release.manifest)[:1]]
            return *gone, *_lacking(tx, release, _stages(tx, was, release))

    def promote(
        self,
        environment: str,
        reference: str,
        by: str,
        reason: str = "",
        *,
        roles: Collection[str] = (),
        force: bool = False,
        revision: int | None = None,
    ) -> Environment:
        """Put a release in force. A rollout that is under way there ends with it.

        With ``force`` it is done without what the release :meth:`lacks <lacking>`, by somebody who has one of the ``roles`` that may, for a
        ``reason`` that is kept. ``revision`` is that of the environment as it was read, where what was read matters. Raises
        :class:`~aver.core.errors.Conflict` for what is lacking and for an environment that was changed meanwhile,
        :class:`~aver.core.errors.Forbidden` without such a role, and :class:`~aver.core.errors.VerificationFailed` for a release whose files are
        gone, which nothing helps.
        """
        check_person(by)
        check_reason(reason)
        with self._store.begin() as tx:
            was, release = _environment(tx, environment, revision), rows.find(tx, reference)
            if release.digest == was.digest and not under_way(was.rollout):
                return was
            if gone := self._missing(release.manifest):
                cause = f"Release {release.digest[:12]} cannot be served: the bytes of {gone[0]!r} are gone"
                raise VerificationFailed(cause, "Restore a backup, or import it again: aver release import.")
            stages = _stages(tx, was, release)
            if lacked := _lacking(tx, release, stages):
                _check_force(stages, lacked, force, roles, reason)
            previous = was.previous if release.digest == was.digest else was.digest
            now = self._move(tx, was, "promoted", (release.digest, previous), by, reason, lacked)
            event = Event("release_promoted", now.digest, by, environment, was.digest, reason, "", lacked, _ended(was))
            self._record(event)
        return now

    def rollback(self, environment: str, by: str, reason: str, to: str | None = None) -> Environment:
        """Point an environment back: to the release that was in force before, or ``to`` an earlier one of this environment. A rollout that is
        under way ends; without ``to``, that alone is what is taken back. Nothing of bundles, models and gates is asked.

        Raises :class:`~aver.core.errors.NotFound` where there is nothing to go back to; and, once it is done, what kept it from being recorded.
        """
        check_person(by)
        if not check_reason(reason):
            raise InvalidInput("A rollback is recorded with its reason", "Say why.")
        with self._store.begin() as tx:
            was = _environment(tx, environment)
            now = self._move(tx, was, "rolled_back", _earlier(tx, was, to), by, reason)
        try:
            event = Event("release_rolled_back", now.digest, by, environment, was.digest, reason, rollout=_ended(was))
            self._record(event)
        except AverError as error:
            error.add_note(f"{environment} is rolled back; a tenant's evidence does not say so.")
            raise
        return now

    def save_rollout(self, environment: str, rollout: Mapping[str, Any] | None, *, revision: int) -> Environment:
        """Keep the state of a rollout, any JSON object with its ``id`` and its ``status``, with an environment that was read at ``revision``;
        ``None``, or one with another ``id``, puts it among the past ones. Raises :class:`~aver.core.errors.Conflict` when somebody has changed the
        environment since."""
        with self._store.begin() as tx:
            was = _environment(tx, environment, revision)
            return rows.point(tx, was, self._clock.now(), digest=was.digest, previous=was.previous, rollout=rollout)

    def past_rollouts(self, environment: str) -> list[Mapping[str, Any]]:
        """The last states of rollouts that have ended, oldest first."""
        mine = past_rollouts.c.environment == environment
        with self._store.read() as tx:
            return list(tx.scalars(select(past_rollouts.c.rollout).where(mine).order_by(past_rollouts.c.revision)))

    def _move(
        self,
        tx: Connection,
        was: Environment,
        kind: MoveKind,
        to: tuple[str, str],
        by: str,
        reason: str,
        lacked: tuple[str, ...] = (),
    ) -> Environment:
        """``to`` are the digest in force from now on, and the one before it."""
        now = rows.point(tx, was, self._clock.now(), digest=to[0], previous=to[1])
        assert now.changed is not None
        rows.add_move(tx, Move(was.name, now.revision, kind, to[0], was.digest, by, reason, now.changed, lacked))
        return now


def check_person(by: str) -> None:
    """Raises :class:`~aver.core.errors.InvalidInput` for what is no user's name."""
    user_reader(by)


def check_reason(reason: str) -> str:
    """``reason`` without spaces around it; :class:`~aver.core.errors.InvalidInput` for what cannot be shown in a line."""
    text = reason.strip()
    if len(text) > _LONGEST_REASON or not text.isprintable():
        raise InvalidInput("The reason cannot be shown in a line", f"Give up to {_LONGEST_REASON} plain characters.")
    return text


def _environment(tx: Connection, name: str, revision: int | None = None) -> Environment:
    """As it is now; :class:`Conflict` where it is not at ``revision``, if one is given."""
    if not ENVIRONMENT.fits(name):
        raise InvalidInput(f"{name[:60]!r} cannot name an environment", ENVIRONMENT.advice)
    found = rows.known_environments(tx, [name]).get(name, Environment(name, ""))
    if revision is not None and found.revision != revision:
        raise Conflict(f"The environment {name!r} was changed meanwhile", "Look at it again, and decide anew.")
    return found


def _ended(was: Environment) -> str:
    """The rollout that a move of the environment ends."""
    return str(was.rollout.get("id", "")) if was.rollout is not None and under_way(was.rollout) else ""


def _stages(tx: Connection, was: Environment, release: Release) -> list[Stage]:
    """What is asked of a release for an environment: by itself, and by the one in force there."""
    own = ReleaseConfig.of(release.manifest.declared).stage(was.name)
    current = rows.release_of(tx, was.digest)
    others = {} if current is None else ReleaseConfig.of(current.manifest.declared).environments
    return [own, others[was.name]] if was.name in others else [own]


def _lacking(tx: Connection, release: Release, stages: Sequence[Stage]) -> tuple[str, ...]:
    """What any of the stages asks for, and the release does not have."""
    sign_offs, gates = rows.sign_offs_of(tx, release.digest), rows.gates_of(tx, release.digest)
    befores = {stage.after for stage in stages if stage.after}
    was_in = frozenset(name for name in befores if rows.moves_of(tx, name, digest=release.digest))
    found = (lacking(stage, release, sign_offs=sign_offs, gates=gates, was_in=was_in) for stage in stages)
    return tuple(dict.fromkeys(each for lacks in found for each in lacks))


def _check_force(
    stages: Sequence[Stage], lacked: Sequence[str], force: bool, roles: Collection[str], reason: str
) -> None:
    missing = f"It may not be promoted to {stages[0].name}: {'; '.join(lacked)}"
    if not force:
        raise Conflict(missing, "See to that first, or have somebody who may override it do so with a reason.")
    for stage in stages:
        if not set(roles) & set(stage.override):
            named = " or ".join(stage.override) or "nobody"
            raise Forbidden(f"{missing}; without that, it may be promoted by: {named}", "Ask somebody with this role.")
    if not reason.strip():
        raise InvalidInput(f"{missing}; who overrides that says why", "Give a reason.")


def _earlier(tx: Connection, was: Environment, to: str | None) -> tuple[str, str]:
    """The digest to go back to, and the one before that."""
    if to is None and under_way(was.rollout):
        return was.digest, was.previous
    if to is None:
        target = was.previous
    else:
        target = rows.find(tx, to).digest
        if not rows.moves_of(tx, was.name, digest=target):
            raise NotFound(f"{was.name} was never on release {target[:12]}", "See where it was: aver release history")
    if not target or rows.release_of(tx, target) is None:
        raise NotFound(f"{was.name} has no earlier release to go back to", "Promote another: aver release promote")
    if target == was.digest and not under_way(was.rollout):
        raise Conflict(f"{was.name} is on this release already", "Name an earlier one.")
    befores = [move.before for move in rows.moves_of(tx, was.name, digest=target) if move.kind == "promoted"]
    previous = befores[-1] if befores else ""
    return target, previous if previous != target and rows.release_of(tx, previous) is not None else ""
