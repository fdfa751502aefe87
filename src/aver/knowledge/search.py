"""Hybrid search: words and vectors, over exactly what the principal may read.

Who sees what is decided first. The index then proposes candidates among the visible passages, and each is scored
exactly: cosine from its vector, BM25 with statistics of the visible passages alone. A score is a function of the
passage, the query and what is visible, so hidden documents change none, not in the last bit. Which passages are *proposed*
can depend on hidden ones only where a half has more than ``CANDIDATES`` visible matches to choose from: the
index ranks words by frequencies over the whole tenant, and vectors by quantised codes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from aver.core import Principal
from aver.core.errors import InvalidInput, TooLarge, Unavailable
from aver.gateway.types import Embedder
from aver.knowledge import visibility
from aver.knowledge.catalog import current_versions, passage_text
from aver.knowledge.exact import Exact, exacts
from aver.knowledge.history import Earlier, earlier, proposed
from aver.knowledge.index import CANDIDATES, Candidates, Index, Place, Version, merged
from aver.knowledge.lexical import Statistics, analyze, bm25, ceiling
from aver.knowledge.recipes import Embedders, recipe
from aver.knowledge.scope import EVERYTHING, Scope, within
from aver.knowledge.state import read_state
from aver.knowledge.statistics import collection_statistics
from aver.knowledge.store import CURRENT
from aver.knowledge.types import Hit
from aver.store import TenantStore

__all__ = ["LONGEST_QUERY", "MOST_HITS", "Searcher"]

LONGEST_QUERY = 10_000
"""Characters."""
MOST_HITS = 100
_AT_ONCE = 16
"""Candidates looked up in one statement."""
_MOST_HOLDERS = 200
"""Passages looked at that hold all words of an identifier or a phrase: far more than any is in that tells passages apart."""
_ENOUGH_HOLDERS = 20
"""Passages looked at that hold an identifier as the one term it is: so many that it tells little, so that the best comes first and no other."""
_FEW_HOLDERS = 8
"""Passages up to which holding an identifier puts each of them first."""
_MOST_TERMS = 48
"""Distinct terms of a query that are searched for: the rarest."""


@dataclass(frozen=True, slots=True)
class _View:
    """What one principal sees at one moment."""

    version: Version
    recipe: str
    acls: list[int]
    statistics: Statistics
    documents: list[str] | None
    """Those within the scope of the search; ``None`` for all."""
    earlier: list[Earlier]
    """Versions that were current at the time asked about, and are not any more."""


class Searcher:
    def __init__(self, store: TenantStore, index: Index, embedders: Embedders) -> None:
        self._store = store
        self._index = index
        self._embedders = embedders

    def search(
        self, principal: Principal, query: str, limit: int, scope: Scope = EVERYTHING, made_with: str = ""
    ) -> list[Hit]:
        """The best ``limit`` passages that ``principal`` may read within ``scope``, best first; equal scores by document and place.

        What :func:`~aver.knowledge.exact.exacts` finds in the query comes first where a passage holds it to the letter, however the
        scores are. The query is embedded by what the index was made with. Raises :class:`InvalidInput` for a limit out of bounds,
        :class:`TooLarge` for a query that is too long and :class:`Unavailable` when the index was made with an embedder that is
        not here, or, if ``made_with`` is given, with another recipe than that.
        """
        if not 1 <= limit <= MOST_HITS:
            raise InvalidInput(f"A limit of {limit} passages is out of bounds", f"Ask for 1 to {MOST_HITS}.")
        if len(query) > LONGEST_QUERY:
            raise TooLarge(f"The query has {len(query)} characters of {LONGEST_QUERY}", "Ask a shorter question.")
        if not query.strip():
            return []
        counts = Counter(analyze(query))
        exact = exacts(query)
        vectors: dict[str, NDArray[np.float32]] = {}
        while True:
            view = self._look(principal, counts, scope, made_with)
            if view is None:
                return []
            if view.recipe not in vectors:
                vectors[view.recipe] = self._embedder(view.recipe).embed([query])[0]
            vector, wanted = vectors[view.recipe], _telling(counts, view.statistics)
            absent = counts.keys() - view.statistics.frequency.keys()
            try:
                candidates = self._propose(view, vector, wanted, exact, absent, max(CANDIDATES, limit))
            except Unavailable:
                again = self._look(principal, counts, scope, made_with)
                if again is not None and again.version == view.version:
                    raise
                continue  # the version was replaced in the meantime
            return self._rank(principal, candidates, wanted, view, vector, exact, limit)

    def _propose(
        self,
        view: _View,
        vector: NDArray[np.float32],
        wanted: Mapping[str, int],
        exact: Sequence[Exact],
        absent: Set[str],
        count: int,
    ) -> Candidates:
        """``absent``: terms of the query that nothing visible holds."""
        telling = {term: weight * view.statistics.idf(term) for term, weight in wanted.items()}
        visible = view.statistics.passages
        found = [self._index.search(view.version, view.acls, visible, vector, telling, count, view.documents)]
        if view.earlier:
            found.append(proposed(view.earlier, wanted, view.statistics, self._embedder(view.recipe)))
        for each in exact:
            for sought in dict.fromkeys(filter(None, ((each.whole,) if each.whole else (), each.terms))):
                if not absent.isdisjoint(sought):
                    continue
                most = _ENOUGH_HOLDERS if sought == (each.whole,) else _MOST_HOLDERS
                held = self._index.holding(view.version, view.acls, sought, most, view.documents)
                found.append(held)
                if held.places:
                    break
        return merged(found)

    def _look(self, principal: Principal, counts: Mapping[str, int], scope: Scope, made_with: str) -> _View | None:
        """``None`` when the principal can see no passage at all."""
        with self._store.read() as tx:
            state = read_state(tx).get(CURRENT)
            visible = visibility.visible_acls(principal)
            acls = [row.acl for row in tx.execute(visible).all()]
            statistics = collection_statistics(tx, visible, counts)
            chosen = within(tx, principal, scope)
            before = [] if scope.as_of is None else earlier(tx, principal, scope, scope.as_of)
        if state is None or not statistics.passages:
            return None
        if made_with and made_with != state.recipe:
            raise Unavailable(
                f"The release is pinned to an index made with {made_with!r}, and this one was made with {state.recipe!r}",
                "Roll the index back to a snapshot of that recipe, or release with the recipe of this one.",
            )
        return _View(state.version, state.recipe, acls, statistics, chosen, before)

    def _embedder(self, made_with: str) -> Embedder:
        found = self._embedders.of(made_with)
        if found is None:
            raise Unavailable(
                f"The index was made with {made_with!r} and cannot be searched with {recipe(self._embedders.default)!r}",
                "Run aver index rebuild, or ingest any source once: that makes the index anew.",
            )
        return found

    def _rank(
        self,
        principal: Principal,
        found: Candidates,
        wanted: Mapping[str, int],
        view: _View,
        vector: NDArray[np.float32],
        exact: Sequence[Exact],
        limit: int,
    ) -> list[Hit]:
        words = bm25(wanted, found.terms, view.statistics)
        cosines = _cosines(found.vectors, vector)
        scores = _fused(words, ceiling(wanted, view.statistics), cosines)

        def order(rows: Iterable[int]) -> list[int]:
            return sorted(rows, key=lambda row: (-scores[row], found.places[row]))

        ranked = order(range(len(found.places)))
        with self._store.read() as tx:
            reading = _Reading(tx, principal, found, {(each.document, each.version) for each in view.earlier})
            if lifted := _lifted(reading, ranked, exact):
                scores = scores / 2
                scores[lifted] += 0.5
                ranked = order(ranked)
            return [
                _hit(found.places[row], title, uri, text, float(scores[row]), float(words[row]), float(cosines[row]))
                for row, title, uri, text in islice(reading.read(ranked), limit)
            ]


class _Reading:
    """The texts of candidates, of those that are still there: what was deleted, changed or revoked since the index was read is not
    shown."""

    def __init__(
        self, tx: Connection, principal: Principal, found: Candidates, earlier: Set[tuple[str, int]] = frozenset()
    ) -> None:
        self._tx = tx
        self._principal = principal
        self._earlier = earlier
        self.found = found

    def read(self, rows: Sequence[int]) -> Iterator[tuple[int, str, str, str]]:
        """Of each of ``rows`` in order: itself, title, uri, text. Few are looked up at once, as whoever asks may soon have enough."""
        places = self.found.places
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            now = current_versions(self._tx, self._principal, (places[row].document for row in some))
            for row in some:
                document, version, *_ = places[row]
                current, title, uri = now.get(document, (None, "", ""))
                if current is not None and (version == current or (document, version) in self._earlier):
                    yield row, title, uri, passage_text(self._tx, places[row])


def _lifted(reading: _Reading, ranked: Sequence[int], exact: Sequence[Exact]) -> list[int]:
    """The rows that come first because they hold something to the letter: of each exact item its holders, and where these are many,
    so that it tells little, the best of them."""
    lifted: dict[int, None] = {}
    for each in exact:
        able = [row for row in ranked if each.may_stand_in(reading.found.terms[row])]
        found = (
            row
            for row, title, _, text in reading.read(able)
            if each.stands_in(f"{title}\n{reading.found.places[row].section}\n{text}")
        )
        holders = list(islice(found, _FEW_HOLDERS + 1))
        lifted.update(dict.fromkeys(holders if len(holders) <= _FEW_HOLDERS else holders[:1]))
    return list(lifted)


def _hit(place: Place, title: str, uri: str, text: str, score: float, words: float, cosine: float) -> Hit:
    return Hit(
        passage=f"{place.document}.{place.version}.{place.start}",
        document=place.document,
        version=place.version,
        start=place.start,
        end=place.end,
        title=title,
        uri=uri,
        section=place.section,
        text=text,
        score=score,
        bm25=words,
        cosine=cosine,
    )


def _telling(counts: Mapping[str, int], statistics: Statistics) -> dict[str, int]:
    """The terms to search for: those that occur in what is visible, and of a very long query the rarest.

    One that occurs nowhere tells no passage from another, and must not weigh down the words that do.
    """
    kept = sorted(statistics.frequency, key=lambda term: (-statistics.idf(term), term))[:_MOST_TERMS]
    return {term: counts[term] for term in kept}


def _cosines(vectors: NDArray[np.float32], vector: NDArray[np.float32]) -> NDArray[np.float64]:
    # Row by row and not as a matrix product, whose last bits depend on how many rows there are.
    products: NDArray[np.float64] = vectors.astype(np.float64) * vector.astype(np.float64)
    return np.asarray(products.sum(axis=1))


def _fused(words: NDArray[np.float64], most: float, cosines: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of both measures, each brought to [0, 1] by its own bounds rather than by the other candidates'.

    BM25 cannot exceed the sum of its terms' ceilings; a cosine below zero says no more than zero does. (Theoretical
    min-max normalisation: Bruch, Gai and Ingber, 2023, "An analysis of fusion functions for hybrid retrieval".)
    """
    similar: NDArray[np.float64] = np.clip(cosines, 0.0, 1.0)
    return (words / most + similar) / 2 if most > 0 else similar / 2
