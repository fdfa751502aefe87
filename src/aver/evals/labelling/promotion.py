"""Turns of production made into cases: what people asked where the answer was not good, without who they are.

What a turn was is read from its evidence. A case has its question and those before it in the conversation, redacted; the groups that decide what may be
read; and where it comes from: turn, release, the hash that sealed it, and for whom it can be erased. It has no label but what the turn itself tells, and waits
as a draft.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import numpy as np
from sqlalchemy import select

from aver.agents.store import turns as turn_rows
from aver.core.errors import InvalidInput, NotFound
from aver.core.principal import user_reader
from aver.evals.datasets.clusters import CONVERSATION
from aver.evals.datasets.fields import case_of
from aver.evals.datasets.similarity import Known, form
from aver.evals.labelling.redaction import Redactor
from aver.evals.types import Case
from aver.evidence import Ledger, Step
from aver.gateway.types import Embedder
from aver.store import TenantStore

__all__ = ["ASKER", "Promoted", "Promoter", "Wanted", "subject_tag"]

ASKER = "evaluation"
"""Who asks the questions of a set that name nobody: their turns are no production."""
_BAD = 0.5
"""A score below which feedback is bad."""
_A_QUERY = 100
_HISTORY = 6
"""Questions before one that are kept with it."""
_SAME = 0.95
"""Cosine at which a question is taken for one that is known."""
Why = Literal["bad feedback", "good feedback", "abstained", "failed", "blocked", "named", "any"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which turns. Of ``feedback``, ``abstained``, ``failed`` and ``blocked`` any is enough; with none of them every turn is. ``turns`` are
    ids; ``incident`` is what went wrong, by its id in the evidence, which lists more of them. At most ``most`` cases, the oldest turns first."""

    since: datetime | None = None
    until: datetime | None = None
    feedback: frozenset[str] = frozenset()
    """``bad``, ``good`` or both."""
    abstained: bool = False
    failed: bool = False
    blocked: bool = False
    turns: frozenset[str] = frozenset()
    incident: str = ""
    features: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset([ASKER])
    """Users whose turns are passed over."""
    most: int = 100
    answers: bool = False
    """Whether the answer that was given is kept with the case, redacted: it quotes documents that a labeller may not be allowed to read."""


@dataclass(frozen=True, slots=True)
class Promoted:
    """A case, and the name of whose data it is: ``user:NAME``."""

    case: Case
    subject: str
    facts: Mapping[str, Any]


@dataclass(slots=True)
class Promoter:
    """Reads one tenant's turns. ``known`` are questions that there are cases of already, ``promoted`` the turns that were promoted before; with an
    ``embedder`` what means the same is found too. ``left_out`` counts why turns were not taken."""

    store: TenantStore
    ledger: Ledger
    redactor: Redactor
    known: Iterable[str] = ()
    promoted: frozenset[str] = frozenset()
    embedder: Embedder | None = None
    left_out: Counter[str] = field(default_factory=Counter)

    def promote(self, wanted: Wanted, new_id: Callable[[], str]) -> Iterator[Promoted]:
        """The cases, each as it is found. Blocking. Raises :class:`~aver.core.errors.NotFound` for an incident of which the evidence lists no turn."""
        met = _Met(self.known, self.embedder)
        count = 0
        for steps in self._turns(wanted):
            if count >= wanted.most:
                self.left_out["more than were wanted"] += 1
                continue
            turn = _Turn.of(steps)
            if turn is None and all(step.kind != "admitted" for step in steps):
                self.left_out["no turn, but a call"] += 1
            elif turn is None:
                self.left_out["erased, or not readable"] += 1
            elif turn.user not in wanted.without and (why := turn.why(wanted)):
                if turn.id in self.promoted:
                    self.left_out["promoted before"] += 1
                elif found := self._case(turn, wanted, why, new_id(), met):
                    count += 1
                    yield found

    def _turns(self, wanted: Wanted) -> Iterator[Sequence[Step]]:
        if named := wanted.turns | self._listed(wanted.incident):
            found = self.ledger.turns(sorted(filter(str.isprintable, named)))
            self.left_out["no turn of this tenant"] += len(named) - len(found)
            yield from found.values()
            return
        batch: list[str] = []
        for step in self.ledger.of_kind("admitted", wanted.since):
            if wanted.until is not None and step.at >= wanted.until:
                break
            if not wanted.features or step.facts.get("feature") in wanted.features:
                batch.append(step.turn)
            if len(batch) == _A_QUERY:
                yield from self.ledger.turns(batch).values()
                batch = []
        yield from self.ledger.turns(batch).values()

    def _listed(self, incident: str) -> frozenset[str]:
        """The turns that weighed most in what went wrong, as its steps list them."""
        if not incident:
            return frozenset()
        steps = self.ledger.turns([incident] if incident.isprintable() else ()).get(incident, ())
        found = frozenset(turn for step in steps for turn in _turns_in(step.body))
        if not found:
            raise NotFound(
                f"The evidence lists no turn of {incident[:80]!r}",
                "Give the id of a rollout that was rolled back, or turns: --turn.",
            )
        return found

    def _case(self, turn: _Turn, wanted: Wanted, why: Why, name: str, met: _Met) -> Promoted | None:
        if met.exactly(turn.question):
            self.left_out["asked before"] += 1
            return None
        before = [*turn.said, *self._before(turn)][-_HISTORY:]
        answer = turn.answer if wanted.answers else ""
        try:
            texts = self.redactor.redact(turn.conversation, [turn.question, answer, *before], [turn.user])
        except InvalidInput:
            self.left_out["personal data that cannot be cut out"] += 1
            return None
        question, answer, *before = texts
        if met.nearly(question):
            self.left_out["nearly asked before"] += 1
            return None
        met.add(turn.question, question)
        subject = subject_tag(self.store, turn.user)
        metadata = {
            "turn": turn.id,
            CONVERSATION: turn.conversation,
            "release": turn.release,
            "sealed": turn.sealed,
            "asked": turn.at.date().isoformat(),
            "why": why,
            "subject": subject,
            "feedback": turn.score,
            "incident": wanted.incident,
            "cited": list(turn.cited),
            "answer": answer,
        }
        fields = {
            "id": name,
            "question": question,
            "user": f"person-{subject[:8]}",
            "groups": list(turn.groups),
            "history": [{"role": "user", "content": text} for text in before],
            # What was cited in an answer that somebody called good is a first idea of what answers it.
            "documents": list(turn.cited) if why == "good feedback" else [],
            "status": "draft",
            "origin": "production",
            "tags": [f"incident {wanted.incident}"] if wanted.incident else [],
            "metadata": {key: value for key, value in metadata.items() if value not in (None, "", [])},
        }
        facts = {"turn": turn.id, "release": turn.release or None, "sealed": turn.sealed or None}
        case = case_of(f"turn {turn.id}", fields, needs_label=False)
        return Promoted(case, user_reader(turn.user), facts | {"subject": subject})

    def _before(self, turn: _Turn) -> list[str]:
        """What was asked before in the conversation."""
        query = select(turn_rows.c.id).where(
            turn_rows.c.conversation == turn.conversation, turn_rows.c.ordinal < turn.ordinal
        )
        with self.store.read() as tx:
            ids = list(tx.execute(query.order_by(turn_rows.c.ordinal.desc()).limit(_HISTORY)).scalars())
        found = [_Turn.of(steps) for steps in self.ledger.turns(reversed(ids)).values()]
        return [each.question for each in found if each is not None]


def _turns_in(body: Any) -> Iterator[str]:
    """What the content of a step lists as ``turns``, wherever in it."""
    if isinstance(body, Mapping):
        listed = body.get("turns")
        yield from (each for each in listed if isinstance(each, str)) if isinstance(listed, list) else ()
        body = list(body.values())
    if isinstance(body, list):
        for each in body:
            yield from _turns_in(each)


def subject_tag(store: TenantStore, user: str) -> str:
    """A name for whose data a case is, that says nothing without the tenant's key."""
    return hmac.digest(store.master_key(), b"aver case subject\0" + user.encode(), "sha256").hex()[:32]


@dataclass(frozen=True, slots=True)
class _Turn:
    """What the evidence says of a turn, an assistant's or an agent's."""

    id: str
    at: datetime
    question: str
    user: str
    groups: tuple[str, ...]
    conversation: str
    ordinal: int
    release: str
    said: tuple[str, ...]
    sealed: str
    score: float | None
    abstained: bool
    failed: bool
    blocked: bool
    cited: tuple[str, ...]
    answer: str

    @classmethod
    def of(cls, steps: Sequence[Step]) -> _Turn | None:
        """``None`` where it is erased, or no turn that was asked."""
        by_kind = {step.kind: step for step in steps}
        admitted = by_kind.get("admitted")
        if admitted is None or admitted.body is None or not str(admitted.body.get("question", "")).strip():
            return None
        facts, body = admitted.facts, admitted.body
        responded, judged = by_kind.get("responded"), by_kind.get("judged")
        end = by_kind.get("sealed") or by_kind.get("failed")
        answer = (responded.body or {}).get("answer") if responded else None
        given: Mapping[str, Any] = answer if isinstance(answer, Mapping) else {}
        score = (judged.body or {}).get("score") if judged else None
        return cls(
            id=admitted.turn,
            at=admitted.at,
            question=str(body["question"]).strip(),
            user=str(body.get("user", "")),
            groups=tuple(sorted(map(str, body.get("groups", ())))),
            conversation=str(facts.get("conversation", "")),
            ordinal=int(facts.get("ordinal", 1)),
            release=str(facts.get("release", "")),
            said=tuple(str(each["text"]) for each in body.get("history", ()) if each.get("role") == "user"),
            sealed=end.hash if end else "",
            score=score if isinstance(score, int | float) else None,
            abstained=bool(responded and responded.facts.get("abstained")),
            failed="failed" in by_kind,
            blocked=any(step.facts.get("outcome") == "block" or step.facts.get("error") == "blocked" for step in steps),
            cited=tuple(dict.fromkeys(str(each["document"]) for each in given.get("citations", ()))),
            answer=str(given.get("answer", answer if isinstance(answer, str) else "")),
        )

    def why(self, wanted: Wanted) -> Why | None:
        """Why it is wanted, if it is."""
        bad = self.score is not None and self.score < _BAD
        reasons: tuple[tuple[bool, Why], ...] = (
            ("bad" in wanted.feedback and bad, "bad feedback"),
            (wanted.failed and self.failed, "failed"),
            (wanted.blocked and self.blocked, "blocked"),
            (wanted.abstained and self.abstained, "abstained"),
            ("good" in wanted.feedback and self.score is not None and not bad, "good feedback"),
        )
        found = next((why for is_so, why in reasons if is_so), None)
        if found or wanted.feedback or wanted.abstained or wanted.failed or wanted.blocked:
            return found
        return "named" if wanted.turns or wanted.incident else "any"


class _Met:
    """Questions that are cases already."""

    def __init__(self, known: Iterable[str], embedder: Embedder | None) -> None:
        self._exact: set[str] = set()
        self._near = Known()
        self._embedder = embedder
        self._texts: list[str] = []
        self._vectors: list[Any] = []
        for text in known:
            self.add(text, text)

    def add(self, asked: str, kept: str) -> None:
        self._exact |= {form(asked), form(kept)}
        self._near.add(kept)
        self._texts.append(kept)

    def exactly(self, text: str) -> bool:
        return form(text) in self._exact

    def nearly(self, text: str) -> bool:
        if self.exactly(text) or self._near.find(text) is not None:
            return True
        if self._embedder is None or not self._texts:
            return False
        fresh = self._texts[len(self._vectors) :]
        if fresh:
            self._vectors += list(self._embedder.embed(fresh))
        vector = self._embedder.embed([text])[0]
        return bool((np.stack(self._vectors) @ vector).max() >= _SAME)
