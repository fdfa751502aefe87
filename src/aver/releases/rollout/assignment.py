"""Who gets which arm: a pure function of the rollout and of who asks, so that every replica says the same without asking anybody.

A unit's place between 0 and 1 is a salted hash. The salt is the rollout's id, so that nobody is always among the first; a unit keeps its place
while the percent grows, and with it the candidate. Who is held out is decided by another hash, salted by the environment: the same units from one
release to the next, and independent of the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from aver.core.principal import Principal
from aver.releases.rollout.plan import Stage, UnitKind
from aver.releases.rollout.state import Rollout, Variant

__all__ = ["CONTROL", "GROUPS", "HOLDOUT", "Assigned", "Who", "assign", "bucket", "expected"]

CONTROL = "control"
HOLDOUT = "holdout"
GROUPS = 128
"""Units are counted in so many groups by their hash: enough for a standard error that knows of units, too few to know one again."""
_WHOLE = float(1 << 64)


@dataclass(frozen=True, slots=True)
class Who:
    """Who asks, as far as a rollout cares. ``tenant`` is the id, ``name`` what the tenant is called."""

    tenant: str
    user: str
    groups: frozenset[str] = frozenset()
    conversation: str = ""
    name: str = ""

    @classmethod
    def of(cls, principal: Principal, conversation: str = "", name: str = "") -> Who:
        return cls(principal.tenant, principal.user, principal.groups, conversation, name)

    def unit(self, kind: UnitKind) -> str:
        """What keeps its arm, under a name that no other has."""
        if kind == "conversation" and self.conversation:
            return f"conversation\0{self.tenant}\0{self.conversation}"
        return f"tenant\0{self.tenant}" if kind == "tenant" else f"user\0{self.tenant}\0{self.user}"


@dataclass(frozen=True, slots=True)
class Assigned:
    """What a turn gets: the release to serve, and what its evidence says of why."""

    digest: str
    arm: str
    """``control``, ``holdout``, or a variant's name (``candidate``)."""
    rollout: str
    stage: int
    group: int
    compared: bool
    """Whether chance alone decided, so that the turn may be compared with those of the other arms."""

    def facts(self) -> dict[str, Any]:
        """For the step ``admitted``, in clear: no name, and no hash that one could be found by."""
        return {
            "rollout": self.rollout,
            "arm": self.arm,
            "stage": self.stage,
            "group": self.group,
            "compared": self.compared,
        }


def assign(rollout: Rollout, who: Who, now: datetime | None = None) -> Assigned | None:
    """The arm of whoever asks; ``None`` where the rollout decides nothing (any more), and the environment's release is served.

    ``now`` is needed for a holdout that outlives the rollout. A paused rollout keeps everybody where they are.
    """
    if rollout.status not in ("running", "paused"):
        return _held_out_after(rollout, who, now)
    unit = who.unit(rollout.plan.unit)
    place, share, group = _places(rollout.id, unit)
    before, here = rollout.plan.stages[: rollout.stage], _matches(rollout.now, who)
    # Whom an earlier stage gave the candidate more readily than this one is no match for those whom chance alone divides here.
    forced = any(_matches(stage, who) and stage.percent > rollout.now.percent for stage in before)
    arm, digest = CONTROL, rollout.control
    if _held_out(rollout, unit):
        arm = HOLDOUT
    elif any(_matches(stage, who) and _given(stage, place) for stage in (*before, rollout.now)):
        chosen = _variant(rollout, share)
        # Who had a variant that was stopped is no match for those who always had the control.
        forced = forced or chosen.stopped
        arm, digest = (CONTROL, rollout.control) if chosen.stopped else (chosen.name, chosen.digest)
    return Assigned(digest, arm, rollout.id, rollout.stage, group, compared=here and not forced)


def bucket(salt: str, unit: str) -> float:
    """A place between 0 and 1, uniform over units and independent between salts: the first 64 bits of a BLAKE2b hash."""
    return int.from_bytes(blake2b(f"{salt}\0{unit}".encode(), digest_size=8).digest()) / _WHOLE


def expected(rollout: Rollout, stage: int) -> Mapping[str, float]:
    """By variant, the part of the compared turns of a stage that it should have; the rest is the control's, held out or not. Behind the last
    stage are the turns after a promotion, when all but those held out have the candidate."""
    plan = rollout.plan
    percent = plan.stages[stage].percent if stage < len(plan.stages) else 100.0
    tried = percent / 100 * (1 - (plan.holdout.percent / 100 if plan.holdout else 0.0))
    total = sum(variant.weight for variant in rollout.variants)
    return {variant.name: tried * variant.weight / total for variant in rollout.variants}


def _places(salt: str, unit: str) -> tuple[float, float, int]:
    """Three draws that do not depend on each other: a place for the percent, one among variants, and a group."""
    digest = blake2b(f"{salt}\0{unit}".encode(), digest_size=18).digest()
    place, share = int.from_bytes(digest[:8]) / _WHOLE, int.from_bytes(digest[8:16]) / _WHOLE
    return place, share, int.from_bytes(digest[16:]) % GROUPS


def _given(stage: Stage, place: float) -> bool:
    return place * 100 < stage.percent


def _matches(stage: Stage, who: Who) -> bool:
    if not stage.targeted:
        return True
    tenant = {who.tenant, who.name} - {""}
    named = {who.user, *(f"{each}/{who.user}" for each in tenant)}
    return bool(
        tenant.intersection(stage.tenants) or named.intersection(stage.users) or who.groups.intersection(stage.groups)
    )


def _variant(rollout: Rollout, share: float) -> Variant:
    """The variant at this place among all of them."""
    wanted = share * sum(variant.weight for variant in rollout.variants)
    for variant in rollout.variants:
        wanted -= variant.weight
        if wanted < 0:
            return variant
    return rollout.variants[-1]


def _held_out(rollout: Rollout, unit: str) -> bool:
    holdout = rollout.plan.holdout
    return holdout is not None and bucket(f"holdout {rollout.environment}", unit) * 100 < holdout.percent


def _held_out_after(rollout: Rollout, who: Who, now: datetime | None) -> Assigned | None:
    """Who is held out keeps the old release for a while after the promotion."""
    holdout = rollout.plan.holdout
    if rollout.status != "promoted" or holdout is None or now is None:
        return None
    if now - rollout.changed >= timedelta(seconds=holdout.lasting):  # a clock that is set back ends no holdout
        return None
    unit = who.unit(rollout.plan.unit)
    held = _held_out(rollout, unit)
    digest, arm = (rollout.control, HOLDOUT) if held else (rollout.variants[0].digest, rollout.variants[0].name)
    stage = len(rollout.plan.stages)  # behind the last: other parts of the traffic than in any of them
    return Assigned(digest, arm, rollout.id, stage, _places(rollout.id, unit)[2], compared=True)
