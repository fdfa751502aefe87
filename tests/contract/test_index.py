"""Every index engine does the same, and the suite that says so notices those that do not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from aver.core.errors import IndexRefused, SettingsError
from aver.knowledge.adapters import lancedb_writer, pgvector, pgvector_writer
from aver.knowledge.adapters.lancedb import LanceIndex
from aver.knowledge.adapters.pgvector import PgvectorIndex
from aver.knowledge.index import Abilities, Candidates, Index, admitted
from aver.store import Store
from tests.contract import index_checks as checks
from tests.knowledge import access, world


@pytest.fixture(params=["all compared", "approximate"])
def size(request, monkeypatch) -> str:
    """As many passages as a test has time for must do for what engines do with many."""
    if request.param == "approximate":
        monkeypatch.setattr(lancedb_writer, "SMALLEST_VECTOR_INDEX", 500)
        monkeypatch.setattr(lancedb_writer, "ROWS_A_PARTITION", 128)
        monkeypatch.setattr(pgvector_writer, "SMALLEST_GRAPH", 500)
        monkeypatch.setattr(pgvector, "EXACT", 100)
    return request.param


@pytest.fixture(params=["lancedb", "pgvector"])
def engine(request, tmp_path) -> Iterator[Index]:
    """An empty index."""
    if request.param == "lancedb":
        index: Index = LanceIndex(tmp_path / "index")
        yield index
        index.close()
        return
    store = Store(tmp_path / "data", request.getfixturevalue("postgres_url"))
    store.create_tenant("acme")
    yield PgvectorIndex(store.tenant("acme"))
    store.close()


@pytest.mark.parametrize("check", checks.INDEX_CHECKS, ids=lambda check: check.__name__)
def test_an_engine_does_what_it_must(engine, check, size):
    check(engine)


class Wrong:
    """An engine with something wrong about it."""

    def __init__(self, index: Index) -> None:
        self.index = index

    def __getattr__(self, name):
        return getattr(self.index, name)


class PostFiltering(Wrong):
    """Cuts its list first and filters it afterwards."""

    def search(self, version, acls, visible, vector, terms, count=checks.CANDIDATES) -> Candidates:
        del visible
        found = self.index.search(version, range(checks.SETS), checks.PASSAGES, vector, terms, count)
        held = {row.place: row.acl for rows in self.index.rows(version) for row in rows}
        kept = [held[place] in acls for place in found.places]
        places, words = (
            [each for each, ok in zip(some, kept, strict=True) if ok] for some in (found.places, found.terms)
        )
        return Candidates(places, words, found.vectors[np.array(kept, bool)])


class Leaking(Wrong):
    """Shows the reader set next to those it was given."""

    def search(self, version, acls, visible, vector, terms, count=checks.CANDIDATES) -> Candidates:
        return self.index.search(version, sorted({*acls, *(acl + 1 for acl in acls)}), visible, vector, terms, count)


class AnyWord(Wrong):
    """Takes some of the words for all of them."""

    def holding(self, version, acls, terms, count, documents=None) -> Candidates:
        return self.index.holding(version, acls, terms[:1], count, documents)


class Boundless(Wrong):
    """Searches beside the documents it was given."""

    def search(self, version, acls, visible, vector, terms, count=checks.CANDIDATES, documents=None) -> Candidates:
        return self.index.search(version, acls, visible, vector, terms, count)


class Forgetful(Wrong):
    """Does not do what it is told to forget."""

    def writer(self, generation, dimension):
        writer = self.index.writer(generation, dimension)
        writer.remove = lambda documents: None
        return writer


class Unpinned(Wrong):
    """Shows what was written last, whatever version is asked for."""

    def writer(self, generation, dimension):
        self.last = self.index.writer(generation, dimension)
        return self.last

    def search(self, version, *rest) -> Candidates:
        return self.index.search(self.last.version, *rest)


WRONG = (
    (PostFiltering, checks.recall_is_that_of_an_exact_search, "recall@10"),
    (Leaking, checks.shows_these_reader_sets_and_no_other, "not visible"),
    (AnyWord, checks.all_the_words_means_all_of_them, "not just these"),
    (Boundless, checks.a_search_within_documents_stays_there, "not just these documents"),
    (Forgetful, checks.nothing_is_left_of_removed_passages, "what is left"),
    (Unpinned, checks.a_version_shows_what_it_held, "the version has changed"),
)


@pytest.mark.parametrize(("wrong", "check", "said"), WRONG, ids=lambda each: getattr(each, "__name__", None))
def test_the_suite_notices_an_engine_that_is_wrong(engine, wrong, check, said):
    with pytest.raises(AssertionError, match=said):
        check(wrong(engine))


def test_an_engine_that_filters_after_scoring_is_refused_with_the_reason(engine, tmp_path):
    wrong = PostFiltering(engine)
    wrong.abilities = Abilities("afterwards", filters="after scoring")
    with pytest.raises(IndexRefused, match=r"'afterwards' scores passages before it applies permissions"):
        admitted(wrong)
    assert admitted(engine) is engine


def test_pgvector_without_postgres_is_refused(tmp_path):
    store = Store(tmp_path / "data")
    store.create_tenant("acme")
    with pytest.raises(SettingsError, match="AVER_DATABASE_URL"):
        PgvectorIndex(store.tenant("acme"))
    store.close()


PAGES = {
    f"page-{number}.md": f"# Page {number}\n\nThe {word} of {number} is paid in {number % 12} parts. {word.title()} again."
    for number in range(60)
    for word in [("salary", "allowance", "bonus", "pension")[number % 4]]
}


def test_engines_rank_alike_to_the_last_bit(postgres_url, tmp_path):
    store = Store(tmp_path / "data", postgres_url)
    readers = access({path: ["group:hr"] if number % 3 else ["everyone"] for number, path in enumerate(PAGES)})
    lance, pg = world(store, "one"), world(store, "two", engine=PgvectorIndex)
    found = []
    for opened in (lance, pg):
        opened.ingest(PAGES, readers)
        opened.ingest({path: text for path, text in PAGES.items() if path != "page-7.md"}, readers)
        assert opened.knowledge.check() == []
        for user in (opened.user("ada"), opened.user("bob", "hr")):
            for query in ("who pays the bonus", "pension of 11", "allowance salary parts"):
                hits = opened.knowledge.search(user, query, 10)
                found.append([(hit.title, hit.start, hit.score, hit.bm25, hit.cosine) for hit in hits])
    half = len(found) // 2
    assert all(found)
    assert found[:half] == found[half:]
    store.close()


def test_tenants_share_no_rows_of_one_table(postgres_url, tmp_path):
    store = Store(tmp_path / "data", postgres_url)
    acme, other = (world(store, name, engine=PgvectorIndex) for name in ("acme", "other"))
    acme.ingest(PAGES)
    assert other.knowledge.search(other.user("ada"), "bonus") == []
    assert other.knowledge.index.status().bytes == 0
    other.ingest({"own.md": "# Own\n\nOur own bonus."})
    assert other.titles(other.user("ada"), "bonus") == ["Own"]
    assert acme.knowledge.check() == other.knowledge.check() == []
    acme.knowledge.index.rebuild()
    assert other.titles(other.user("ada"), "bonus") == ["Own"]
    assert acme.knowledge.check() == other.knowledge.check() == []
    store.close()
