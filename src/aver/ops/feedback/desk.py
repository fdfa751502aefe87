"""The triage desk: the turns that wait, the worst and newest first, and what somebody decides becomes of each. A decision is a step of the turn, in the transaction of
its effect."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, func, select

from aver.core.clock import Clock
from aver.core.errors import Conflict, InvalidInput, NotFound
from aver.core.ids import new_id
from aver.core.principal import user_reader
from aver.evals.labelling.promotion import ASKER, Promoter, Wanted
from aver.evals.labelling.queue import Queue
from aver.evals.labelling.redaction import Redactor
from aver.evals.redteam.production import seed_name, seed_of
from aver.evidence import Draft, Ledger, Step
from aver.gateway.feedback import feedback_of
from aver.gateway.types import Embedder
from aver.ops.feedback import store as tables
from aver.ops.feedback.clusters import clusters_of
from aver.ops.feedback.reading import TriageReader
from aver.ops.feedback.types import DISMISSALS, Became, Cluster, Item, Signal, Words, act_of, signal_of
from aver.ops.incidents.desk import IncidentDesk
from aver.store import TenantStore

__all__ = ["CLUSTERED", "TriageDesk", "became_of", "documents_of"]

CLUSTERED = 200
"""The worst of the queue that are looked at for clusters."""
_A_PAGE = 2
"""Batches of evidence that are read before a page is shown."""
_LONGEST = 2000
_TITLE = 200
_MOST_KEPT = 5000


class TriageDesk:
    """One tenant's. Blocking, thread-safe. ``embedder`` says what questions mean, where clusters are asked for."""

    def __init__(
        self,
        store: TenantStore,
        ledger: Ledger,
        clock: Clock,
        incidents: Callable[[], IncidentDesk],
        embedder: Callable[[], Embedder],
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._incidents = incidents
        self._embedder = embedder
        self._reader = TriageReader(store, clock, (ASKER,))
        self._vectors: dict[bytes, NDArray[np.float32]] = {}
        """By the digest of a question: what is asked again means the same."""

    # What waits

    def catch_up(self) -> bool:
        """Read on what the evidence has; whether everything was read."""
        return self._reader.catch_up()

    def freshen(self) -> bool:
        """As :meth:`catch_up`, a little: for whoever looks at a page, beside a server that reads on all the time."""
        return self._reader.catch_up(_A_PAGE)

    def items(
        self,
        signal: Signal | None = None,
        *,
        decided: bool = False,
        turns: Sequence[str] = (),
        skip: int = 0,
        most: int = 50,
        spoken: bool = True,
    ) -> list[Item]:
        """Those that wait, the worst and then the newest first; or, where ``decided``, those that were, the latest first. With ``turns`` only these. What was asked
        stands only with those of which somebody said something, unless ``spoken`` is false: who says nothing has asked nobody to look."""
        of = tables.items.c
        query = select(tables.items)
        if decided:
            query = query.where(of.act != "", of.waits == 0).order_by(of.decided.desc(), of.turn.desc())
        else:
            query = query.where(of.waits == 1).order_by(of.rank.desc(), of.at.desc(), of.turn.desc())
        if signal:
            query = query.where(of.signals.like(f"% {signal} %"))
        if turns:
            query = query.where(of.turn.in_(turns))
        with self._store.read() as tx:
            rows = tx.execute(query.offset(skip).limit(most)).all()
        steps = self._ledger.turns(row.turn for row in rows)
        return [_item(row, steps.get(row.turn, ()), spoken=spoken) for row in rows]

    def counts(self) -> dict[str, int]:
        """How many turns wait for each reason; ``""`` is all of them, ``decided`` those that wait no more."""
        of = tables.items.c
        with self._store.read() as tx:
            rows = tx.execute(select(of.signals, of.waits, func.count()).group_by(of.signals, of.waits)).all()
        found = Counter[str]()
        for signals, waits, count in rows:
            found.update(dict.fromkeys(["", *signals.split()] if waits else ["decided"], count))
        return dict(found)

    def clusters(self) -> list[Cluster]:
        """Groups that ask about the same among the worst of the queue of which somebody said something, the largest first."""
        asked = {each.turn: each.words.question for each in self.items(most=CLUSTERED) if each.words.question}
        if len(asked) < 2:
            return []
        return clusters_of(asked, self._meanings(list(asked.values())))

    def _meanings(self, texts: Sequence[str]) -> NDArray[np.float32]:
        names = [hashlib.sha256(text.encode()).digest() for text in texts]
        fresh = {name: text for name, text in zip(names, texts, strict=True) if name not in self._vectors}
        if fresh:
            if len(self._vectors) > _MOST_KEPT:
                self._vectors.clear()
                fresh = dict(zip(names, texts, strict=True))
            made = self._embedder().embed(list(fresh.values()))
            self._vectors.update(zip(fresh, np.asarray(made, np.float32), strict=True))
        return np.stack([self._vectors[name] for name in names])

    def one(self, turn: str) -> Item:
        """One turn, whether it waits or not. Raises :class:`~aver.core.errors.NotFound` where there is no such turn."""
        steps = self._steps(turn)
        with self._store.read() as tx:
            row = tx.execute(select(tables.items).where(tables.items.c.turn == turn)).one_or_none()
        if row is not None:
            return _item(row, steps, spoken=False)
        facts = steps[0].facts
        feature, release = str(facts.get("feature") or ""), str(facts.get("release") or "")
        return Item(turn, steps[0].at, feature, release, (), "", False, became_of(steps), _words(steps, spoken=False))

    # What becomes of it

    def decide(
        self, turn: str, act: str, *, by: str, note: str = "", title: str = "", document: str = "", reason: str = ""
    ) -> Became:
        """Make what ``act`` says of a turn, and put on record that ``by`` decided it. ``title`` is an incident's, ``document`` the one to be mended, ``reason`` why a turn
        is dismissed. What stands decided already is not made again.

        Raises :class:`~aver.core.errors.NotFound` where there is no such turn, :class:`~aver.core.errors.InvalidInput` for what cannot be made of it, with why, and
        :class:`~aver.core.errors.Conflict` where somebody else decides at the same moment.
        """
        known, steps = act_of(act), self._steps(turn)
        if known is None:
            raise InvalidInput(f"There is no act {act[:40]!r}", "Choose case, seed, incident, document or dismissed.")
        note = _line(note, _LONGEST, "note")
        before = became_of(steps)
        if before and before.act == known and not _reopened(steps):
            wanted = {"document": document, "dismissed": reason}.get(known, before.of)
            if wanted == before.of:
                return before

        def decided(of: str) -> list[Draft]:
            if became_of(self._steps(turn)) != before:
                raise Conflict("Somebody else decided what becomes of the turn meanwhile", "Look at it again.")
            facts = {"act": known, "of": of}
            return [Draft(turn, "triaged", user_reader(by), facts, {"by": by, **({"note": note} if note else {})})]

        match known:
            case "case":
                self._case(turn, decided)
            case "incident":
                # Not what was asked: that goes with its asker's key, and an incident stays.
                said = (
                    _line(title, _TITLE, "title")
                    or f"A turn of {steps[0].facts.get('feature') or 'a call'} is reported"
                )
                self._incidents().open(said, by=by, severity="ticket", turn=turn, beside=lambda made: decided(made.id))
            case "seed":
                seed_of(steps)  # that it can be read
                self._record(decided(seed_name(turn)))
            case "document":
                if document not in documents_of(steps):
                    raise InvalidInput("The turn did not look at that document", "Choose one that it looked at.")
                self._record(decided(document))
            case "dismissed":
                if reason not in DISMISSALS:
                    raise InvalidInput(f"There is no reason {reason[:40]!r}", f"There is {', '.join(DISMISSALS)}.")
                self._record(decided(reason))
        self.freshen()
        made = became_of(self._steps(turn))
        assert made is not None
        return made

    def _case(self, turn: str, decided: Callable[[str], list[Draft]]) -> None:
        queue = Queue(self._store, self._ledger)
        known = [each.case.question for each in queue.all()]
        promoter = Promoter(self._store, self._ledger, Redactor(self._store.master_key()), known, queue.turns())
        wanted = Wanted(turns=frozenset([turn]), without=frozenset())
        made = queue.add(promoter.promote(wanted, lambda: new_id("case")), lambda case: decided(case.id))
        if not made:
            why = next(iter(+promoter.left_out), "it cannot be read")
            raise InvalidInput(f"No case can be made of the turn: {why}", "Dismiss it, or choose another act.")

    def _record(self, drafts: Sequence[Draft]) -> None:
        with self._store.begin() as tx:
            self._ledger.append_all(tx, drafts)

    def _steps(self, turn: str) -> tuple[Step, ...]:
        found = self._ledger.turns([turn] if turn.isprintable() else ()).get(turn, ())
        if not found or found[0].kind not in ("admitted", "called"):
            raise NotFound("There is no such turn, or it is not yours", "See what waits: aver feedback list")
        return found


def became_of(steps: Iterable[Step]) -> Became | None:
    """What was decided last of a turn, from its steps."""
    last = next((step for step in reversed(tuple(steps)) if step.kind == "triaged"), None)
    act = act_of(str(last.facts.get("act"))) if last else None
    return Became(act, str(last.facts.get("of") or ""), last.at) if last and act else None


def _reopened(steps: Sequence[Step]) -> bool:
    """Whether something was said of it after it was decided."""
    after = itertools.takewhile(lambda step: step.kind != "triaged", reversed(steps))
    return any(step.kind in ("judged", "reported") for step in after)


def documents_of(steps: Iterable[Step]) -> tuple[str, ...]:
    """The ids of the documents that a turn cited or looked at, as far as they can be read, the cited ones first."""
    found: list[str] = []
    for step in steps:
        answer: Any = (step.body or {}).get("answer") if step.kind == "responded" else None
        if isinstance(answer, Mapping):
            places = (*answer.get("citations", ()), *answer.get("looked_at", ()))
            found.extend(str(each["document"]) for each in places)
    return tuple(dict.fromkeys(found))


def _item(row: Row[Any], steps: Sequence[Step], *, spoken: bool) -> Item:
    act = act_of(row.act)
    became = Became(act, row.of, datetime.fromisoformat(row.decided)) if act else None
    signals = tuple(each for word in row.signals.split() if (each := signal_of(word)))
    at = datetime.fromisoformat(row.at)
    found = Item(row.turn, at, row.feature, row.release, signals, row.reason, bool(row.waits), became)
    return replace(found, words=_words(steps, spoken=spoken))


def _words(steps: Sequence[Step], *, spoken: bool) -> Words:
    given = feedback_of(steps)
    tickets = tuple(str(step.body["subject"]) for step in steps if step.kind == "reported" and step.body)
    said = (given.said.correction, given.said.comment) if given else ("", "")
    question = _question(steps) if given or tickets or not spoken else ""
    return Words(question, *said, tickets)


def _question(steps: Iterable[Step]) -> str:
    admitted = next((step for step in steps if step.kind == "admitted" and step.body), None)
    return " ".join(str((admitted.body or {}).get("question", "")).split()) if admitted else ""


def _line(text: str, longest: int, what: str) -> str:
    if len(text) > longest or "\0" in text:
        raise InvalidInput(f"A {what} has at most {longest:,} characters", "Say it in fewer words.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput(f"The {what} is not valid Unicode", "Send it as UTF-8.") from None
    return text.strip()
