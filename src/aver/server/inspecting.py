"""One turn looked at: in clear by whoever oversees the tenant, with its words by whoever asked, and by those who may inspect, who are put on record before they see any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from aver.agents.types import PastTurn
from aver.core.errors import InvalidInput, NotFound
from aver.core.ids import new_id
from aver.core.principal import Principal
from aver.evidence.proof import Proof
from aver.evidence.types import Draft, Step
from aver.ops.incidents.types import Incident
from aver.ops.turns.types import TurnRow
from aver.policy.access import allowed, check
from aver.server.tenancy import TenantServices

__all__ = ["WITHHELD", "Look", "Sight", "inspect", "look"]

Sight = Literal["own", "inspected", "clear"]
"""``own``: whoever looks asked. ``inspected``: they are on record for it. ``clear``: they see no words."""
WITHHELD = "What was asked, found and said is for whoever asked, and for those who may inspect."
_LONGEST_WHY = 500
_NO_WORDS = {"withheld": WITHHELD}


@dataclass(frozen=True, slots=True)
class Look:
    """A turn as somebody may see it. ``row`` is ``None`` where the index has not read it yet, or it is one that nobody was shown. ``answer`` is the assistant's, where
    its words may be seen and are there; ``inspectable`` says whether whoever looks might see the words if they went on record."""

    turn: str
    sight: Sight
    inspectable: bool
    row: TurnRow | None
    steps: tuple[Step, ...]
    answer: PastTurn | None
    proof: Proof
    erased: bool
    incidents: tuple[Incident, ...] = ()


def look(services: TenantServices, principal: Principal, turn: str) -> Look:
    """A turn as ``principal`` may see it without being put on record. Raises :class:`~aver.core.errors.NotFound` where there is none, or none that they may see.
    Blocking."""
    steps = _own(services, principal, turn)
    if steps is not None:
        return _look(services, principal, turn, "own", steps)
    if not allowed(principal, "oversee"):
        raise _none()
    steps = tuple(step if step.body is None else replace(step, body=_NO_WORDS) for step in _steps(services, turn))
    return _look(services, principal, turn, "clear", steps)


def inspect(services: TenantServices, principal: Principal, turn: str, why: str = "") -> Look:
    """A turn with its words, as far as ``principal`` may read what they rest on; of another's, the look is on record before it is shown. Raises
    :class:`~aver.core.errors.Forbidden` for whoever may not inspect, and :class:`~aver.core.errors.NotFound` where there is none. Blocking."""
    steps = _own(services, principal, turn)
    if steps is not None:
        return _look(services, principal, turn, "own", steps)
    check(principal, "inspect")
    if len(why) > _LONGEST_WHY or "\0" in why:
        raise InvalidInput(f"A reason has at most {_LONGEST_WHY} characters", "Say it in a sentence.")
    steps = _steps(services, turn)
    with services.store.begin() as tx:
        body = {"by": principal.user, "why": why.strip(), "of": turn}
        draft = Draft(new_id("inspection"), "inspected", None, {"turn": steps[0].turn}, body)
        services.ledger.append_all(tx, [draft])
    return _look(services, principal, turn, "inspected", _as_read(services, principal, turn, steps))


def _look(services: TenantServices, principal: Principal, turn: str, sight: Sight, steps: tuple[Step, ...]) -> Look:
    services.operations.freshen()
    row = services.operations.turns.one(turn)
    if row is not None and not allowed(
        principal, "oversee"
    ):  # who reads documents is told of sources by what they may read
        row = replace(row, sources=())
    return Look(
        turn=turn,
        sight=sight,
        inspectable=sight == "clear" and allowed(principal, "inspect"),
        row=row,
        steps=steps,
        answer=None if sight == "clear" else _answer(services, principal, turn),
        proof=services.ledger.proof(turn),
        erased=any(step.erased for step in steps),
        incidents=tuple(services.operations.incidents_of(row)) if row and allowed(principal, "oversee") else (),
    )


def _own(services: TenantServices, principal: Principal, turn: str) -> tuple[Step, ...] | None:
    """The steps of a turn or a call of one's own, as they may be read now; ``None`` for any other."""
    if (
        principal.tenant != services.store.tenant.id or not turn.isprintable()
    ):  # no id is, and not every database takes what is not
        raise _none()
    for read in (services.turns.evidence, services.conversations.evidence) if allowed(principal, "ask") else ():
        try:
            return read(principal, turn)
        except NotFound:
            continue
    if not allowed(principal, "models"):
        return None
    steps = services.ledger.turns([turn]).get(turn, ())
    mine = any(step.kind == "called" and (step.body or {}).get("user") == principal.user for step in steps)
    return steps if mine and steps[0].kind != "admitted" else None


def _steps(services: TenantServices, turn: str) -> tuple[Step, ...]:
    """Those of a turn or a call; what else there is on record is none."""
    steps = services.ledger.turns([turn]).get(turn, ())
    if not any(step.kind in ("admitted", "called") for step in steps):
        raise _none()
    return steps


def _as_read(services: TenantServices, principal: Principal, turn: str, steps: Sequence[Step]) -> tuple[Step, ...]:
    try:
        shown = services.turns.shown(principal, turn)
    except NotFound:
        shown = services.conversations.shown(principal, steps)
    if not any("withheld" in (step.body or {}) for step in shown):
        return shown
    # What a caller brought along as history may quote what the viewer may not read.
    kept = ("question", "user", "groups", "withheld")
    return tuple(
        replace(step, body={name: step.body[name] for name in kept if name in step.body})
        if step.kind == "admitted" and step.body is not None
        else step
        for step in shown
    )


def _answer(services: TenantServices, principal: Principal, turn: str) -> PastTurn | None:
    """What the assistant answered, as it may be read now; ``None`` for a call, for an agent's turn, and where its words are gone."""
    steps = services.ledger.turns([turn])[turn]
    return services.conversations.past(principal, steps) if steps[0].kind == "admitted" else None


def _none() -> NotFound:
    return NotFound("There is no such turn, or it is not yours", "Check the id of the turn.")
