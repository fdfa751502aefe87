"""What evidence says of turns: how one stands, and what of those before it a conversation is reminded of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from sqlalchemy import select

from aver.agents.acting.journal import Journal
from aver.agents.acting.state import Action, State
from aver.agents.acting.store import acting
from aver.agents.acting.types import Acted, Outcome, OutcomeStatus, Performed, ToolStatus
from aver.agents.store import turns
from aver.core import Principal
from aver.core.labels import ANYTHING, combined
from aver.evidence import Step
from aver.policy import Origin, origin_to

__all__ = ["WITHHELD", "earlier", "may_read", "outcome"]

_EARLIER = 4
"""Turns of a conversation that a turn is told of."""
_LARGEST_VALUES = 100_000
"""Characters of what trusted tools returned in one of them that its values are known from, about."""
_HAPPENED = frozenset({"intended", "done", "failed", "not_run", "undecided"})


WITHHELD = "What this rested on you may no longer read."


def may_read(principal: Principal, steps: Iterable[Step]) -> bool:
    """Whether ``principal`` may read, today, all that a turn with these steps was told: by tools, by memory, by the turns before it."""
    return all(principal.readers & frozenset(readers) for readers in _labels(steps))


def _labels(steps: Iterable[Step]) -> list[Sequence[str]]:
    """Who may read each thing that is not everybody's."""
    found: list[Sequence[str] | None] = []
    for step in steps:
        body = step.body or {}
        if step.kind == "executed":
            found.append(body.get("readers"))
        elif step.kind == "admitted":
            found += (each["origin"]["readers"] for each in body.get("recalled", ()))
            found += (readers for each in body.get("earlier", ()) for readers in each["readers"])
    return [readers for readers in found if readers is not None]


def outcome(state: State) -> Outcome:
    """How a turn stands, with every call that was asked for and every effect it came to."""
    status, text = _standing(state)
    performed = tuple(
        Performed(action.id, action.tool, action.arguments or {}, cast(ToolStatus, action.status), _back(state, action))
        for action in state.actions()
        if action.status in _HAPPENED and not action.only_reads
    )
    output = state.answer.get("output") if state.answer else None
    actions = tuple(
        Acted(action.id, action.tool, action.arguments or {}, action.status, action.reason, action.approval)
        for action in state.actions()
    )
    return Outcome(
        state.turn,
        state.conversation,
        status,
        text,
        output,
        state.error,
        state.approvals,
        performed,
        actions,
        state.stopped,
    )


def earlier(journal: Journal, principal: Principal, conversation: str) -> list[dict[str, Any]]:
    """The last turns of a conversation, oldest first, as a turn is begun with them: see :attr:`State.earlier`. Those that rest on what
    ``principal`` may no longer read are left out. The owner is checked when the conversation is entered. Blocking."""
    acted = select(turns.c.id).join(acting, acting.c.turn == turns.c.id)
    query = acted.where(turns.c.conversation == conversation, turns.c.status == "sealed")
    with journal.store.read() as tx:
        ids = list(tx.execute(query.order_by(turns.c.ordinal.desc()).limit(_EARLIER)).scalars())
    found = journal.ledger.turns(reversed(ids)).items()
    return [told for turn, steps in found if may_read(principal, steps) and (told := _told(turn, steps))]


def _told(turn: str, steps: Sequence[Step]) -> dict[str, Any] | None:
    state = State(turn)
    state.apply((step.kind, step.facts, step.body) for step in steps)
    if state.erased or state.answer is None or "text" not in state.answer:
        return None
    text = state.answer["text"]
    return {
        "turn": turn,
        "question": state.task,
        "heard": state.told.get("input", state.task),
        "answer": text,
        "written": state.answer.get("written", text),
        "values": _values(state),
        "readers": _labels(steps),
        **({"label": combined(labels.values()).plain()} if (labels := state.labels) else {}),
        **({"stated": state.stated.plain()} if state.stated != ANYTHING else {}),
    }


def _values(state: State) -> list[list[Any]]:
    """What trusted tools returned: in a later turn still the tenant's own word, but nobody's choice."""
    found, left = [], _LARGEST_VALUES
    for action in state.actions():
        if action.status == "done" and action.value is not None and action.is_trusted:
            left -= len(action.text)
            readers = None if action.readers is None else frozenset(action.readers)
            if left >= 0:
                found.append(
                    [action.value, origin_to(Origin("trusted", f"{state.turn}-{action.id}", readers, action.label))]
                )
    return found


def _back(state: State, action: Action) -> str:
    """What became of its compensation."""
    if action.id in state.impossible:
        return "impossible"
    return state.compensations[action.id].status if action.id in state.compensations else ""


def _standing(state: State) -> tuple[OutcomeStatus, str]:
    if state.ended and state.answer is not None:
        return "answered", str(state.answer["text"])
    if state.ended:
        return ("cancelled" if state.error == "cancelled" else "failed"), state.detail
    return ("waiting" if state.approvals and not state.error else "running"), state.detail
