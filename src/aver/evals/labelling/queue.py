"""Cases that wait for labels, and what was said of them: a reading of the tenant's evidence.

A promoted case is a step under the key of whoever asked, a label one under the key of whoever gave it. So an erasure of the asker takes the case out of the
queue with everything else of theirs, one of a labeller takes their labels, and who said what, and when, is proven like any other step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aver.core.errors import AverError, NotFound
from aver.core.principal import user_reader
from aver.evals.datasets.fields import case_of, fields_of
from aver.evals.labelling.labels import Label, Settled, labelled, settle
from aver.evals.labelling.promotion import Promoted, subject_tag
from aver.evals.types import Case
from aver.evidence import Draft, Ledger, Step
from aver.store import TenantStore

__all__ = ["Queue", "Waiting"]

_A_TRANSACTION = 200
_A_QUERY = 200


@dataclass(frozen=True, slots=True)
class Waiting:
    """A case of the queue as it stands."""

    case: Case
    settled: Settled

    @property
    def labellers(self) -> tuple[str, ...]:
        return tuple(label.labeller for label in self.settled.labels)


class Queue:
    """One tenant's. ``labellers`` must say the same for a case to be settled. Blocking."""

    def __init__(self, store: TenantStore, ledger: Ledger, labellers: int = 2) -> None:
        self._store = store
        self._ledger = ledger
        self._labellers = labellers

    def add(self, promoted: Iterable[Promoted], beside: Callable[[Case], Sequence[Draft]] = lambda _: ()) -> list[Case]:
        """Keep cases, each with further steps ``beside`` it in the same transaction; those that were kept."""
        found: list[Case] = []
        batch: list[Promoted] = []
        for each in promoted:
            batch.append(each)
            found.append(each.case)
            if len(batch) == _A_TRANSACTION:
                self._keep(batch, beside)
                batch = []
        self._keep(batch, beside)
        return found

    def turns(self) -> frozenset[str]:
        """The turns that were promoted, the erased ones too."""
        return frozenset(str(step.facts["turn"]) for step in self._ledger.of_kind("case_promoted"))

    def all(self) -> Iterator[Waiting]:
        """Every case that can still be read, oldest first."""
        ids: list[str] = []
        for step in self._ledger.of_kind("case_promoted"):
            if step.body is not None:
                ids.append(step.turn)
            if len(ids) == _A_QUERY:
                yield from self._read(ids)
                ids = []
        yield from self._read(ids)

    def latest(self, most: int) -> list[Waiting]:
        """The last ``most`` cases that can still be read, newest first, however many there are."""
        steps = self._ledger.latest("case_promoted", most)
        return list(self._read([step.turn for step in steps if step.body is not None]))

    def case(self, name: str) -> Waiting:
        """One case by its id; :class:`~aver.core.errors.NotFound` where there is none, or it was erased."""
        for each in self._read([name]) if name.isprintable() else ():
            return each
        raise NotFound("There is no such case in the queue, or it was erased", "See them: aver dataset queue")

    def label(self, labels: Sequence[Label]) -> list[Waiting]:
        """Record what people say; all of it or nothing. What becomes of each case.

        Raises :class:`~aver.core.errors.NotFound` for a case that is not in the queue.
        """
        names = list(dict.fromkeys(label.case for label in labels))
        for name in names:
            self.case(name)
        drafts = [
            Draft(
                label.case,
                "case_labelled",
                user_reader(label.labeller),
                {"settles": label.settles},
                {"case": label.case, "labeller": label.labeller, "grade": label.grade, "says": dict(label.says)},
            )
            for label in labels
        ]
        with self._store.begin() as tx:
            self._ledger.append_all(tx, drafts)
        return [self.case(name) for name in names]

    def of(self, user: str) -> list[str]:
        """The ids of the cases that come from a user's turns, erased ones too."""
        tag = subject_tag(self._store, user)
        return [step.turn for step in self._ledger.of_kind("case_promoted") if step.facts.get("subject") == tag]

    def erased(self, cases: Iterable[Case]) -> list[Case]:
        """Of these cases, from a file, those that were promoted here, by their id or their turn, and can be read no more: their people were erased."""
        given = [case for case in cases if case.origin == "production"]
        names = {case.id: [case.id, *filter(None, [_turn(case)])] for case in given}
        found = self._ledger.turns(name for each in names.values() for name in each if name.isprintable())
        gone = {name for name, steps in found.items() if any(map(_is_erased, steps))}
        return [case for case in given if gone.intersection(names[case.id])]

    def _keep(self, batch: Sequence[Promoted], beside: Callable[[Case], Sequence[Draft]]) -> None:
        drafts = [
            Draft(each.case.id, "case_promoted", each.subject, each.facts, {"case": fields_of(each.case)})
            for each in batch
        ]
        drafts += [draft for each in batch for draft in beside(each.case)]
        if drafts:
            with self._store.begin() as tx:
                self._ledger.append_all(tx, drafts)

    def _read(self, ids: Sequence[str]) -> Iterator[Waiting]:
        for name, steps in self._ledger.turns(ids).items():
            promoted = next((step for step in steps if step.kind == "case_promoted"), None)
            if promoted is not None and promoted.body is not None:
                case = case_of(f"case {name}", promoted.body["case"], needs_label=False)
                labels = [label for step in steps if (label := _label(step)) is not None]
                yield Waiting(case, settle(case, labels, self._labellers))


def _turn(case: Case) -> str:
    turn = case.metadata.get("turn")
    return turn if isinstance(turn, str) else ""


def _is_erased(step: Step) -> bool:
    return step.kind in ("case_promoted", "admitted") and step.erased


def _label(step: Step) -> Label | None:
    """``None`` for another step, and for a label that was erased."""
    if step.kind != "case_labelled" or step.body is None:
        return None
    body: Mapping[str, Any] = step.body
    given = {"case": body["case"], "labeller": body["labeller"], **body["says"], "grade": body.get("grade")}
    try:
        return labelled(f"case {step.turn}", given | {"settles": bool(step.facts.get("settles"))})
    except AverError:  # of a later release, which knows of more
        return None
