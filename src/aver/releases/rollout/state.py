"""Where a rollout stands: small, immutable, and whole in one row that every replica reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, get_args

from aver.core.canonical import canonical_json
from aver.core.clock import rfc3339
from aver.core.errors import SettingsError, VerificationFailed
from aver.core.yaml import parse_yaml
from aver.releases.rollout.plan import Plan, Stage

__all__ = ["ENDED", "Event", "EventKind", "Kind", "Rollout", "Status", "Variant", "from_json", "to_json"]

Kind = Literal["rollout", "experiment"]
Status = Literal["running", "paused", "promoted", "concluded", "rolled_back", "aborted"]
ENDED: frozenset[Status] = frozenset({"promoted", "concluded", "rolled_back", "aborted"})
EventKind = Literal[
    "began", "advanced", "held", "stopped", "rolled_back", "promoted", "concluded", "paused", "resumed", "aborted"
]
"""``held``: a stage that could have ended goes on, because nothing is certain. ``stopped``: one variant of several gets no more traffic.
``concluded``: an experiment has its result."""
FORMAT = "aver-rollout-1"
_TAKE_BACK = "Restore it, or end the rollout: aver release rollback. The control is served meanwhile."


@dataclass(frozen=True, slots=True)
class Variant:
    """A release that is tried. ``weight`` is its part of what is not control."""

    name: str
    digest: str
    weight: float = 1.0
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a rollout, for the evidence. ``number`` counts from 1. ``found`` are the figures that it rests on."""

    number: int
    kind: EventKind
    at: str
    stage: int
    reason: str
    by: str = ""
    found: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rollout:
    """A release on its way to everybody in one environment, or an experiment. ``control`` is the digest of what the environment serves."""

    id: str
    kind: Kind
    environment: str
    control: str
    variants: tuple[Variant, ...]
    plan: Plan
    status: Status
    stage: int
    """From 0."""
    began: datetime
    changed: datetime
    ran: float = 0.0
    """Seconds that this stage has been running for, by the looks at it: neither a pause nor a clock that jumps counts."""
    looked: datetime | None = None
    """When it was looked at last, while it was running."""
    reason: str = ""
    """Why it is where it is, for people."""
    held: tuple[str, ...] = ()
    """Kinds of reasons for which this stage was held, each of which is put on record once."""
    events: int = 0
    """How many there were."""
    pending: tuple[Event, ...] = ()
    """Events that the evidence does not have yet."""

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of all arms, the control's first."""
        return ("control", *(variant.name for variant in self.variants))

    @property
    def now(self) -> Stage:
        return self.plan.stages[self.stage]

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    def happened(
        self,
        kind: EventKind,
        at: datetime,
        reason: str,
        by: str = "",
        found: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> Rollout:
        """The rollout after an event of this kind."""
        stage = changes.get("stage", self.stage)
        event = Event(self.events + 1, kind, rfc3339(at), stage, reason, by, found or {})
        return replace(self, reason=reason, changed=at, events=event.number, pending=(*self.pending, event), **changes)


def to_json(rollout: Rollout) -> dict[str, Any]:
    """What a row holds of it, JSON."""
    from aver.releases.rollout.declaration import written

    return {
        "format": FORMAT,
        "id": rollout.id,
        "kind": rollout.kind,
        "environment": rollout.environment,
        "control": rollout.control,
        "variants": [
            {"name": each.name, "digest": each.digest, "weight": each.weight, "stopped": each.stopped}
            for each in rollout.variants
        ],
        "plan": written(rollout.plan),
        "status": rollout.status,
        "stage": rollout.stage,
        "began": rfc3339(rollout.began),
        "changed": rfc3339(rollout.changed),
        "ran": rollout.ran,
        "looked": None if rollout.looked is None else rfc3339(rollout.looked),
        "reason": rollout.reason,
        "held": list(rollout.held),
        "events": rollout.events,
        "pending": [
            {
                "number": each.number,
                "kind": each.kind,
                "at": each.at,
                "stage": each.stage,
                "reason": each.reason,
                "by": each.by,
                "found": dict(each.found),
            }
            for each in rollout.pending
        ],
    }


def from_json(value: Mapping[str, Any]) -> Rollout:
    """The inverse of :func:`to_json`. Raises :class:`~aver.core.errors.VerificationFailed` for a row that this version of Aver did not write."""
    if value.get("format") != FORMAT or value.get("status") not in get_args(Status):
        raise VerificationFailed("The row of a rollout is not of a format that this version reads", "Update Aver.")
    try:
        plan = _plan(canonical_json(value["plan"]).decode())
        rollout = Rollout(
            value["id"],
            value["kind"],
            value["environment"],
            value["control"],
            tuple(Variant(**each) for each in value["variants"]),
            plan,
            value["status"],
            value["stage"],
            datetime.fromisoformat(value["began"]),
            datetime.fromisoformat(value["changed"]),
            value["ran"],
            None if value["looked"] is None else datetime.fromisoformat(value["looked"]),
            value["reason"],
            tuple(value["held"]),
            value["events"],
            tuple(Event(**each) for each in value["pending"]),
        )
    except (KeyError, TypeError, ValueError, SettingsError) as error:
        cause = f"The row of a rollout cannot be read ({type(error).__name__}: {error})"
        raise VerificationFailed(cause, _TAKE_BACK) from None
    if not 0 <= rollout.stage < len(plan.stages):
        raise VerificationFailed("The row of a rollout names a stage that its plan lacks", _TAKE_BACK)
    return rollout


@lru_cache(64)
def _plan(text: str) -> Plan:
    """JSON is YAML: a plan is read back by what reads it from a bundle. Kept, as replicas read the same row again and again."""
    from aver.releases.rollout.declaration import read_plan

    return read_plan(parse_yaml(text, "rollout"))
