"""From an answer to what its sentences rest on, and from a document to the answers that rest on it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aver.agents.conversations import answer_of
from aver.agents.types import Answer, Citation
from aver.core.errors import NotFound
from aver.evidence import Ledger, Step
from aver.knowledge.lineage import Origin, Place, origins, place_of
from aver.store import TenantStore

__all__ = ["Citing", "Rests", "TurnLineage", "answers_citing", "recorded_lineage", "turn_lineage"]


@dataclass(frozen=True, slots=True)
class Rests:
    """One citation (``number``, from 1) of an answer. ``sentences`` are the places (from 1) of those that rest on it; ``place`` is the passage
    that the cited span lies in; ``step`` is the place in the chain of the step that took the version in.

    These, and ``origin``, are ``None`` once the document was deleted.
    """

    number: int
    sentences: tuple[int, ...]
    citation: Citation
    place: Place | None
    origin: Origin | None
    step: int | None


@dataclass(frozen=True, slots=True)
class TurnLineage:
    """What the answer of a turn rests on. ``withheld`` counts sentences that may not be shown any more, and what they rest on with them."""

    turn: str
    at: datetime
    release: str
    rests: tuple[Rests, ...]
    withheld: int = 0


@dataclass(frozen=True, slots=True)
class Citing:
    """An answer that cites a document: the version and the spans, nothing of what was asked or said, nor by whom."""

    turn: str
    at: datetime
    document: str
    version: int
    spans: tuple[tuple[int, int], ...]


def turn_lineage(store: TenantStore, ledger: Ledger, answer: Answer, at: datetime, withheld: int = 0) -> TurnLineage:
    """Of an answer, all of which whoever asks may see. Blocking."""
    cited = [(each.document, each.version) for each in answer.citations]
    with store.read() as tx:
        found = origins(tx, cited)
        places = [
            place_of(tx, each.document, each.version, each.start, each.end) if pair in found else None
            for each, pair in zip(answer.citations, cited, strict=True)
        ]
    runs = ledger.turns({origin.run for origin in found.values()})
    rests = tuple(
        Rests(
            number=number + 1,
            sentences=tuple(place for place, each in enumerate(answer.sentences, 1) if number in each.citations),
            citation=citation,
            place=places[number],
            origin=found.get(cited[number]),
            step=_taken_in(runs, found.get(cited[number])),
        )
        for number, citation in enumerate(answer.citations)
    )
    return TurnLineage(answer.turn, at, answer.release, rests, withheld)


def recorded_lineage(store: TenantStore, ledger: Ledger, steps: Sequence[Step]) -> TurnLineage:
    """Of the answer that these steps of a turn record, for those who keep the installation. Blocking.

    Raises :class:`~aver.core.errors.NotFound` for a turn without an answer, and once it was erased.
    """
    for step in steps:
        if step.kind == "responded" and step.body is not None:
            return turn_lineage(store, ledger, answer_of(step.body["answer"]), step.at)
    raise NotFound("This turn has no answer, or was erased", "See what happened: aver evidence show TURN.")


def answers_citing(ledger: Ledger, documents: Collection[str], since: datetime | None = None) -> Iterator[Citing]:
    """Every answer of the tenant that cites one of these documents, oldest first; only those given at ``since`` or later, where that is
    given. The answers of people who were erased are not found.

    Reads every answer there is from then on: some thousand a second.
    """
    wanted = set(documents)
    for step in ledger.of_kind("responded", since):
        if step.body is None:
            continue
        cited: dict[tuple[str, int], list[tuple[int, int]]] = {}
        for each in answer_of(step.body["answer"]).citations:
            if each.document in wanted:
                cited.setdefault((each.document, each.version), []).append((each.start, each.end))
        for (document, version), spans in sorted(cited.items()):
            yield Citing(step.turn, step.at, document, version, tuple(sorted(set(spans))))


def _taken_in(runs: Mapping[str, Sequence[Step]], origin: Origin | None) -> int | None:
    """Which step took a version in."""
    for step in runs.get(origin.run, ()) if origin else ():
        named: Sequence[Sequence[object]] = (step.body or {}).get("documents", ()) if step.kind == "ingested" else ()
        if origin and any(tuple(each[:2]) == (origin.document, origin.version) for each in named):
            return step.seq
    return None
