"""Feedback: how well an answer was, said afterwards by whoever can tell, as a step of evidence beside the call or turn it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any, Literal, get_args

from aver.core.errors import InvalidInput, NotFound
from aver.core.principal import user_reader
from aver.evidence import Draft, Ledger, Step
from aver.store import TenantStore

__all__ = [
    "BAD",
    "REASONS",
    "Given",
    "Reason",
    "Said",
    "feedback_of",
    "give_feedback",
    "give_feedback_on_all",
    "take_back",
]

Reason = Literal["wrong", "missed", "outdated", "incomplete", "unsafe", "slow", "other"]
REASONS: Mapping[Reason, str] = {
    "wrong": "It is wrong",
    "missed": "Not found, though it is there",
    "outdated": "It is outdated",
    "incomplete": "Something is missing",
    "unsafe": "It should not have been said or done",
    "slow": "It took too long",
    "other": "Something else",
}
"""Why an answer was not helpful, and in the words that people choose it by."""
BAD = 0.5
"""A score below which feedback is bad."""
_A_TRANSACTION = 500
_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of an answer: its ``score`` from 0 (useless) to 1 (right), and what may come with it: a reason, what would have been right, and
    words of one's own."""

    score: float
    reason: Reason | None = None
    correction: str = ""
    comment: str = ""

    def checked(self) -> Said:
        """Itself. Raises :class:`~aver.core.errors.InvalidInput` for what is out of bounds."""
        if not (isfinite(self.score) and 0 <= self.score <= 1):
            raise InvalidInput(f"A score of {self.score:g} is out of bounds", "Give one from 0 (useless) to 1 (right).")
        if self.reason is not None and self.reason not in get_args(Reason):
            raise InvalidInput(f"There is no reason {str(self.reason)[:40]!r}", f"There is {', '.join(REASONS)}.")
        for name, text in (("correction", self.correction), ("comment", self.comment)):
            if len(text) > _LONGEST or "\0" in text:
                raise InvalidInput(f"A {name} has at most {_LONGEST:,} characters", "Say it in fewer words.")
            try:
                text.encode()
            except UnicodeEncodeError:
                raise InvalidInput(f"The {name} is not valid Unicode", "Send it as UTF-8.") from None
        return self


@dataclass(frozen=True, slots=True)
class Given:
    """What was said last of an answer, and when. The words are empty where they were erased."""

    at: datetime
    said: Said

    @property
    def bad(self) -> bool:
        return self.said.score < BAD


def give_feedback(
    store: TenantStore, ledger: Ledger, call: str, said: Said | float, *, user: str | None = None
) -> None:
    """Record what is said of the answer to ``call`` (the id of a call, or of a turn), or only its score; of several, the last counts. With a
    ``user`` only calls of their own. Blocking.

    Raises :class:`~aver.core.errors.InvalidInput` for what is out of bounds and :class:`~aver.core.errors.NotFound` for a call that does not
    exist, was erased, or is somebody else's.
    """
    if _give(store, ledger, [(call, said if isinstance(said, Said) else Said(said))], user):
        raise NotFound("There is no such call, or it is not yours", "Take the id from the answer's X-Request-Id.")


def give_feedback_on_all(store: TenantStore, ledger: Ledger, scores: Iterable[tuple[str, float]]) -> list[str]:
    """The same for many; the calls that do not exist any more, of which nothing is recorded."""
    return _give(store, ledger, [(call, Said(score)) for call, score in scores], None)


def take_back(store: TenantStore, ledger: Ledger, call: str, *, user: str) -> None:
    """Take back what a user said of a call or turn of their own. It stays in the sealed record, and counts no more. Blocking.

    Raises :class:`~aver.core.errors.NotFound` where nothing was said, or the call is not theirs.
    """
    steps = ledger.turns([call] if call.isprintable() else ()).get(call, ())
    if _asker(steps) != user or feedback_of(steps) is None:
        raise NotFound("There is no feedback of yours on it", "Look at the id of the call or turn.")
    with store.begin() as tx:
        ledger.append_all(tx, [Draft(call, "judged", user_reader(user), {"taken_back": True}, {"score": None})])


def feedback_of(steps: Iterable[Step]) -> Given | None:
    """What was said last of a call or turn, from its steps; ``None`` where nothing was, it was taken back, or nothing of it can be read."""
    last = next((step for step in reversed(tuple(steps)) if step.kind == "judged"), None)
    if last is None:
        return None
    body: Mapping[str, Any] = last.body or {}
    score, reason = last.facts.get("score", body.get("score")), last.facts.get("reason")
    if not isinstance(score, int | float) or last.facts.get("taken_back"):
        return None
    known = reason if reason in get_args(Reason) else None
    words = (str(body.get(name) or "") for name in ("correction", "comment"))
    return Given(last.at, Said(float(score), known, *words))


def _give(store: TenantStore, ledger: Ledger, given: list[tuple[str, Said]], user: str | None) -> list[str]:
    for _, said in given:
        said.checked()
    unknown = []
    for start in range(0, len(given), _A_TRANSACTION):
        part = given[start : start + _A_TRANSACTION]
        # No id is anything but printable, and not every database takes what is not.
        found = ledger.turns(call for call, _ in part if call.isprintable())
        asked_by = {call: _asker(steps) for call, steps in found.items()}
        drafts = []
        for call, said in part:
            asker = asked_by.get(call)
            if asker is None or user not in (None, asker):
                unknown.append(call)
            else:
                drafts.append(_draft(call, asker, said))
        with store.begin() as tx:
            ledger.append_all(tx, drafts)
    return unknown


def _draft(call: str, asker: str, said: Said) -> Draft:
    """The score and the reason are facts; what people wrote is under the key of whose call it is."""
    facts = {"score": float(said.score), **({"reason": said.reason} if said.reason else {})}
    words = {"correction": said.correction.strip(), "comment": said.comment.strip()}
    facts |= {"corrected": True} if words["correction"] else {}
    return Draft(
        call, "judged", user_reader(asker), facts, {"score": said.score, **{k: v for k, v in words.items() if v}}
    )


def _asker(steps: Iterable[Step]) -> str | None:
    """Whose call or turn it is; ``None`` when that cannot be read any more, or it is none."""
    bodies = (step.body for step in steps if step.kind in ("called", "admitted") and step.body is not None)
    return next((str(body["user"]) for body in bodies if body.get("user")), None)
