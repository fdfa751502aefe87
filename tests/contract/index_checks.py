"""What every index engine must do, as checks of one that is empty. Each raises ``AssertionError`` saying what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from aver.core.errors import Unavailable
from aver.knowledge.index import CANDIDATES, Index, IndexWriter, Place, Row, Version

DIMENSION = 32
PASSAGES = 3000
SETS = 100
"""Reader sets, over which passages are spread evenly."""
LIMIT = 10
SHARES = {"100 %": range(SETS), "10 %": range(10), "1 %": range(1)}


@dataclass(frozen=True)
class Corpus:
    rows: list[Row]
    vectors: np.ndarray

    def of(self, acls: range) -> np.ndarray:
        return np.array([row.acl in acls for row in self.rows])


def corpus(passages: int = PASSAGES) -> Corpus:
    """Vectors in clusters, words as common as they are in text, both unrelated to who may read what."""
    random = np.random.default_rng(5)
    centres = random.standard_normal((40, DIMENSION))
    vectors = centres[random.integers(0, 40, passages)] + random.standard_normal((passages, DIMENSION)) * 0.7
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    words = np.minimum(random.zipf(1.3, (passages, 30)), 2000)
    rows = [
        Row(Place(f"doc_{number}", 1, 0, 10, "A section"), number % SETS, " ".join(f"w{word}" for word in some))
        for number, some in enumerate(words)
    ]
    return Corpus(rows, vectors)


def queries() -> tuple[np.ndarray, list[list[str]]]:
    random = np.random.default_rng(6)
    vectors = random.standard_normal((25, DIMENSION))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    terms = [[f"w{word}" for word in set(np.minimum(random.zipf(1.3, 6), 2000).tolist())] for _ in range(25)]
    return vectors, terms


def filled(index: Index, held: Corpus) -> IndexWriter:
    writer = index.writer(1, DIMENSION)
    writer.begin(None)
    for start in range(0, len(held.rows), 1000):
        writer.add(held.rows[start : start + 1000], held.vectors[start : start + 1000])
        writer.keep_up()
    writer.tidy()
    return writer


def _idf(held: Corpus, visible: np.ndarray, terms: list[str]) -> dict[str, float]:
    texts = [set(row.terms.split()) for row, seen in zip(held.rows, visible, strict=True) if seen]
    counts = {term: sum(term in text for text in texts) for term in terms}
    return {term: float(np.log1p((len(texts) - n + 0.5) / (n + 0.5))) for term, n in counts.items() if n}


def _scores(rows: list[Row], vectors: np.ndarray, vector: np.ndarray, telling: dict[str, float]) -> np.ndarray:
    """A stand-in for what ranks candidates: a function of passage, query and what is visible."""
    words = np.array(
        [sum(telling[term] * min(row.terms.split().count(term), 3) for term in telling) for row in rows], float
    )
    most = 3 * sum(telling.values()) or 1.0
    return words / most + np.clip(vectors.astype(float) @ vector.astype(float), 0, 1)


def recall_is_that_of_an_exact_search(index: Index) -> None:
    """Whoever sees 1 % gets as good a ranking over it as if the rest did not exist."""
    held = corpus()
    version = filled(index, held).version
    for share, acls in SHARES.items():
        visible = held.of(acls)
        rows, vectors = [row for row, seen in zip(held.rows, visible, strict=True) if seen], held.vectors[visible]
        recalls = []
        for vector, terms in zip(*queries(), strict=True):
            telling = _idf(held, visible, terms)
            exact = _best(rows, vectors, vector, telling)
            found = index.search(version, list(acls), len(rows), vector, telling)
            proposed = [Row(place, 0, words) for place, words in zip(found.places, found.terms, strict=True)]
            recalls.append(len(exact & _best(proposed, found.vectors, vector, telling)) / len(exact))
        recall = sum(recalls) / len(recalls)
        assert recall >= 0.98, f"recall@10 is {recall:.3f} for who sees {share}"


def _best(rows: list[Row], vectors: np.ndarray, vector: np.ndarray, telling: dict[str, float]) -> set[Place]:
    scores = _scores(rows, vectors, vector, telling)
    return {rows[place].place for place in sorted(range(len(rows)), key=lambda row: (-scores[row], rows[row]))[:LIMIT]}


def shows_these_reader_sets_and_no_other(index: Index) -> None:
    held = corpus(400)
    version = filled(index, held).version
    vectors, terms = queries()
    for acls in ([3], [3, 4, 5, 77], []):
        found = index.search(version, acls, 4 * len(acls), vectors[0], dict.fromkeys(terms[0], 1.0))
        expected = {row.place for row in held.rows if row.acl in acls}
        assert set(found.places) <= expected, "a passage is proposed that is not visible"
        assert set(found.places) == expected, "of few visible passages, some are not proposed"
        assert len(found.places) == len(found.terms) == len(found.vectors) == len(set(found.places))


def all_the_words_means_all_of_them(index: Index) -> None:
    """Identifiers and phrases are found by passages that hold every one of their words, however many others match better."""
    held = corpus(600)
    writer = filled(index, held)
    for acls in ([*range(SETS)], [3, 4, 5]):
        for words in (["w1", "w2"], ["w3"], ["w1", "w3", "w5"], ["w1", "nowhere"]):
            holding = {row.place for row in held.rows if row.acl in acls and set(words) <= set(row.terms.split())}
            found = index.holding(writer.version, acls, words, PASSAGES)
            assert set(found.places) == holding, f"of those that hold {words}, not just these are found"
            assert len(found.places) == len(found.terms) == len(found.vectors) == len(set(found.places))
            assert len(index.holding(writer.version, acls, words, 2).places) == min(2, len(holding))
    gone = next(row.place.document for row in held.rows if "w1" in row.terms.split())
    writer.remove([gone])
    assert gone not in {place.document for place in index.holding(writer.version, range(SETS), ["w1"], PASSAGES).places}


def a_search_within_documents_stays_there(index: Index) -> None:
    held = corpus(600)
    version = filled(index, held).version
    vectors, terms = queries()
    telling = dict.fromkeys(terms[0], 1.0)
    some = [row.place.document for row in held.rows[7::40]]
    everyone = list(range(SETS))
    found = index.search(version, everyone, len(held.rows), vectors[0], telling, CANDIDATES, some)
    assert {place.document for place in found.places} == set(some), "not just these documents, or not all of them"
    acls = [row.acl for row in held.rows[7::80]]
    theirs = {row.place for row in held.rows if row.acl in acls and row.place.document in some}
    found = index.search(version, acls, len(held.rows), vectors[0], telling, CANDIDATES, some)
    assert set(found.places) == theirs, "documents are no way around reader sets"
    found = index.holding(version, acls, ["w1"], PASSAGES, some)
    assert set(found.places) == {row.place for row in held.rows if row.place in theirs and "w1" in row.terms.split()}
    for none in (
        index.search(version, everyone, 600, vectors[0], telling, CANDIDATES, []),
        index.holding(version, everyone, ["w1"], 9, []),
    ):
        assert none.places == [], "no documents are all of them"


def a_version_shows_what_it_held(index: Index) -> None:
    """And nothing later: until SQL names a version, readers stay with the one before."""
    writer, held = index.writer(1, DIMENSION), corpus(60)
    writer.begin(None)
    writer.add(held.rows[:30], held.vectors[:30])
    first = writer.version
    writer.remove([row.place.document for row in held.rows[:10]])
    writer.move([held.rows[11].place.document], 99)
    writer.add(held.rows[30:], held.vectors[30:])
    assert _documents(index, first) == {row.place.document for row in held.rows[:30]}, "the version has changed"
    assert _documents(index, writer.version) == {row.place.document for row in held.rows[10:]}, "it has not followed"
    assert _documents(index, first, [99]) == set(), "a version sees a move that came later"
    assert _documents(index, writer.version, [99]) == {held.rows[11].place.document}, "a moved document is not found"
    assert _documents(index, writer.version, [11]) == set(), "a moved document is found by its former readers"


def what_a_crash_left_is_dropped(index: Index) -> None:
    """A writer that was cut off before SQL named what it wrote leaves no trace for the next."""
    writer, held = index.writer(1, DIMENSION), corpus(60)
    writer.begin(None)
    writer.add(held.rows[:30], held.vectors[:30])
    current = writer.version
    writer.add(held.rows[30:50], held.vectors[30:50])
    writer.remove([held.rows[0].place.document])
    writer.move([held.rows[1].place.document], 99)
    assert _documents(index, current) == {row.place.document for row in held.rows[:30]}
    again = index.writer(1, DIMENSION)
    again.begin(current.number)
    again.add(held.rows[50:], held.vectors[50:])
    expected = {row.place.document for row in [*held.rows[:30], *held.rows[50:]]}
    assert _documents(index, again.version) == expected, "what a crash left is there"
    assert _rows(index, again.version) == _told([*held.rows[:30], *held.rows[50:]])


def nothing_is_left_of_removed_passages(index: Index) -> None:
    """After tidy and prune neither is found, and the version before is gone rather than half there."""
    held = corpus(300)
    writer = filled(index, held)
    before = writer.version
    removed = [row.place.document for row in held.rows[:100]]
    writer.remove(removed)
    writer.tidy()
    now = writer.version
    writer.prune()
    assert writer.version == now, "pruning made another version"
    assert _rows(index, now) == _told(held.rows[100:]), "what is left is not what was kept"
    assert _documents(index, now) == {row.place.document for row in held.rows[100:]}
    try:
        gone = _documents(index, before)
    except Unavailable:
        return
    raise AssertionError(f"the version before is still there, with {len(gone)} documents")


def generations_stand_side_by_side(index: Index) -> None:
    held = corpus(60)
    old, new = index.writer(1, DIMENSION), index.writer(2, DIMENSION)
    old.begin(None)
    old.add(held.rows[:20], held.vectors[:20])
    new.begin(None)
    new.add(held.rows[20:], held.vectors[20:])
    assert index.generations() == {1, 2}
    assert _documents(index, old.version) == {row.place.document for row in held.rows[:20]}
    assert _documents(index, new.version) == {row.place.document for row in held.rows[20:]}
    assert index.size() > 0
    index.drop(1)
    assert index.generations() == {2}
    assert _documents(index, new.version) == {row.place.document for row in held.rows[20:]}


def reads_back_what_was_written(index: Index) -> None:
    held = corpus(200)
    version = filled(index, held).version
    assert _rows(index, version) == _told(held.rows)
    some = [held.rows[7].place.document, held.rows[150].place.document, "doc_nowhere"]
    found = [row for rows in index.rows(version, some) for row in rows]
    assert {row.place.document for row in found} == set(some[:2])
    vectors, _ = queries()
    proposed = index.search(version, range(SETS), len(held.rows), vectors[0], {})
    stored = {row.place: vector for row, vector in zip(held.rows, held.vectors, strict=True)}
    for place, vector in zip(proposed.places, proposed.vectors, strict=True):
        assert (stored[place] == vector).all(), "a vector is not the one that was written, so that scores would differ"


def _documents(index: Index, version: Version, acls: list[int] | None = None) -> set[str]:
    """Found by any means, of a few."""
    vector = np.zeros(DIMENSION, np.float32)
    vector[0] = 1
    wanted = list(range(SETS)) if acls is None else acls
    places = index.search(version, wanted, 60, vector, {"w1": 1.0}, 4 * CANDIDATES).places
    return {place.document for place in places}


def _rows(index: Index, version: Version) -> list[Row]:
    return sorted(row for rows in index.rows(version) for row in rows)


def _told(rows: list[Row]) -> list[Row]:
    return sorted(rows)


INDEX_CHECKS: tuple[Callable[[Index], None], ...] = (
    recall_is_that_of_an_exact_search,
    shows_these_reader_sets_and_no_other,
    all_the_words_means_all_of_them,
    a_search_within_documents_stays_there,
    a_version_shows_what_it_held,
    what_a_crash_left_is_dropped,
    nothing_is_left_of_removed_passages,
    generations_stand_side_by_side,
    reads_back_what_was_written,
)
