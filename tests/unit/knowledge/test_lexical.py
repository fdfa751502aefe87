"""Terms: what a person would type finds what a document says; scores are BM25 to the letter."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.knowledge.adapters.lancedb_library import load
from aver.knowledge.lexical import Statistics, analyze, bm25, ceiling

tokenize = load()._lancedb.tokenize
WORDS = st.lists(st.sampled_from(["leave", "travel", "card", "the", "ERR-1234", "policy"]), max_size=12)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The employees' benefits", ["employe", "benefit"]),
        ("It's the company's café", ["compani", "cafe"]),
        ("ERR-1234", ["err-1234", "err", "1234"]),
        ("since v2.3.1.", ["sinc", "2.3.1", "v2.3.1", "v2", "3", "1"]),
        ("C++ or C#, not C", ["c++", "c", "c#", "c", "not", "c"]),
        ("Ann.Lee@example.com", ["ann.lee@example.com", "ann.lee", "ann", "lee", "example.com", "exampl", "com"]),
        ("see docs/notes_final.md", ["see", "docs/notes_final.md", "doc", "notes_final.md", "note", "final", "md"]),
        ("a well-known rule", ["well", "known", "rule"]),
        ("Ask IT about it", ["ask", "it"]),
        ("東京都の Tokyo", ["東京", "京都", "都の", "tokyo"]),
        ("STRASSE straße", ["strass", "strass"]),
        ("", []),
        ("of the and", []),
        ("\x00\ud800 \u200b — !!", []),
    ],
)
def test_text_becomes_terms(text, terms):
    assert analyze(text) == terms


@pytest.mark.parametrize("query", ["err-1234", "1234", "ERR 1234", "notes_final.md", "notes final", "example.com"])
def test_an_identifier_is_found_whole_and_in_parts(query):
    document = analyze("ERR-1234 in notes_final.md, write to ann@example.com")
    assert set(analyze(query)) <= set(document)


@given(st.text(max_size=200))
def test_the_index_reads_the_same_terms_as_the_scorer(text):
    terms = analyze(text)
    read = tokenize(
        " ".join(terms),
        base_tokenizer="whitespace",
        max_token_length=None,
        lower_case=False,
        stem=False,
        remove_stop_words=False,
        ascii_folding=False,
    )
    assert [token.text for token in read] == terms


@given(st.text(max_size=100), st.text(max_size=100))
def test_terms_do_not_depend_on_what_was_analyzed_before(first, second):
    alone = analyze(second)
    analyze(first)
    assert analyze(second) == alone


def test_bm25_is_the_published_formula():
    passages = ["leave leave card", "card", "travel", ""]
    statistics = Statistics(3, 5, {"leave": 1, "card": 2, "travel": 1})
    idf = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    expected = idf * 2 * 1.9 / (2 + 0.9 * (1 - 0.4 + 0.4 * 3 / (5 / 3)))
    assert bm25({"leave": 1}, passages, statistics) == pytest.approx([expected, 0, 0, 0])


@given(WORDS, st.lists(WORDS, min_size=1, max_size=6))
def test_no_score_exceeds_the_ceiling(query, texts):
    passages = [analyze(" ".join(text)) for text in texts]
    frequency = Counter(term for passage in passages for term in set(passage))
    statistics = Statistics(len(passages), sum(map(len, passages)), frequency)
    wanted = Counter(analyze(" ".join(query)))
    scores = bm25(wanted, [" ".join(passage) for passage in passages], statistics)
    assert (scores >= 0).all()
    assert (scores <= ceiling(wanted, statistics)).all()


@given(WORDS, st.lists(WORDS, min_size=1, max_size=40), st.randoms())
def test_a_score_is_the_passages_own_to_the_last_bit(query, texts, random):
    statistics = Statistics(100, 1000, Counter(term for text in texts for term in set(text)))
    alone = [float(bm25(Counter(query), [" ".join(text)], statistics)[0]) for text in texts]
    shuffled = [" ".join(random.sample(text, len(text))) for text in texts]
    assert bm25(Counter(query), shuffled, statistics).tolist() == alone


def test_a_collection_of_nothing_scores_nothing():
    assert bm25({"leave": 1}, ["leave"], Statistics(0, 0, {})).shape == (1,)
    assert bm25({"leave": 1}, [], Statistics(0, 0, {})).shape == (0,)
    assert bm25({}, ["leave"], Statistics(1, 1, {})).tolist() == [0]
