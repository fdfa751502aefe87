"""Feedback: how well an answer was, said afterwards by whoever can tell, as a step of evidence beside the call it is about."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

from aver.core.errors import InvalidInput, NotFound
from aver.core.principal import user_reader
from aver.evidence import Draft, Ledger, Step
from aver.store import TenantStore

__all__ = ["give_feedback", "give_feedback_on_all"]

_A_TRANSACTION = 500


def give_feedback(store: TenantStore, ledger: Ledger, call: str, score: float, *, user: str | None = None) -> None:
    """Record that the answer to ``call`` (the id of a call, or of an assistant's turn) was worth ``score``, from 0 to 1; of several, the
    last counts. With a ``user`` only calls of their own. Blocking.

    Raises :class:`~aver.core.errors.InvalidInput` for another score and :class:`~aver.core.errors.NotFound` for a call that does not
    exist, was erased, or is somebody else's.
    """
    if _give(store, ledger, [(call, score)], user):
        raise NotFound("There is no such call, or it is not yours", "Take the id from the answer's X-Request-Id.")


def give_feedback_on_all(store: TenantStore, ledger: Ledger, scores: Iterable[tuple[str, float]]) -> list[str]:
    """The same for many; the calls that do not exist any more, of which nothing is recorded."""
    return _give(store, ledger, list(scores), None)


def _give(store: TenantStore, ledger: Ledger, scores: list[tuple[str, float]], user: str | None) -> list[str]:
    for _, score in scores:
        if not (isfinite(score) and 0 <= score <= 1):
            raise InvalidInput(f"A score of {score:g} is out of bounds", "Give one from 0 (useless) to 1 (right).")
    unknown = []
    for start in range(0, len(scores), _A_TRANSACTION):
        part = scores[start : start + _A_TRANSACTION]
        # No id is anything but printable, and not every database takes what is not.
        found = ledger.turns(call for call, _ in part if call.isprintable())
        asked_by = {call: _asker(steps) for call, steps in found.items()}
        drafts = []
        for call, score in part:
            asker = asked_by.get(call)
            if asker is None or user not in (None, asker):
                unknown.append(call)
            else:
                drafts.append(Draft(call, "judged", user_reader(asker), {"score": float(score)}, {"score": score}))
        with store.begin() as tx:
            ledger.append_all(tx, drafts)
    return unknown


def _asker(steps: Iterable[Step]) -> str | None:
    """Whose call it is; ``None`` when that cannot be read any more, or it is none."""
    return next((step.body["user"] for step in steps if step.kind == "called" and step.body is not None), None)
