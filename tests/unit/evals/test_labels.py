"""Labels lead to documents, spans and passages of the person who asks, or say where they are wrong."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.core.errors import InvalidInput
from aver.evals.labels import Labels, occurrences
from aver.evals.types import Case, Quote, Span
from aver.knowledge.ingest import document_id


def case(**labels):
    return Case("1", "Why?", "set.jsonl:1", **labels)


@pytest.mark.parametrize(
    "name", ["leave.md", "memory/leave.md", "memory:leave.md", "Leave", document_id("memory", "leave.md")]
)
def test_a_document_has_several_names(acme, name):
    (gold,) = Labels(acme.knowledge).resolve([(case(documents=(name,)), acme.user("ann"))])
    assert gold.documents == {document_id("memory", "leave.md")}
    assert (gold.spans, gold.passages, gold.anywhere) == ((), frozenset(), ())


def test_an_answer_is_a_span_of_its_documents_and_leads_to_its_passages(acme):
    ann = acme.user("ann")
    (gold,) = Labels(acme.knowledge).resolve([(case(documents=("leave.md",), answers=("16  WEEKS",)), ann)])
    text = acme.knowledge.document(ann, document_id("memory", "leave.md")).text
    (span,) = gold.spans
    assert text[span.start : span.end] == "16 weeks"
    ((document, start),) = gold.passages
    (passage,) = [(a, b) for a, b, _ in acme.knowledge.passages(ann, document) if a == start]
    assert passage[0] <= span.start < span.end <= passage[1]


def test_a_quote_brings_its_document_and_answers_without_one_stand_anywhere(acme):
    ann = acme.user("ann")
    quoted, loose = Labels(acme.knowledge).resolve(
        [
            (case(passages=(Quote("travel.md", "booked in first class"),), answers=("two hours",)), ann),
            (case(answers=("two hours",)), ann),
        ]
    )
    assert quoted.documents == {document_id("memory", "travel.md")}
    assert (len(quoted.spans), quoted.anywhere) == (2, ())
    assert (loose.documents, loose.anywhere) == (frozenset(), ("two hours",))


def test_what_leads_nowhere_is_told_before_anything_else(acme):
    wrong = [
        case(documents=("leave.md",), answers=("17 weeks",)),
        case(passages=(Quote("leave.md", "no such words"),)),
        case(documents=("board/pay.md",)),
    ]
    labels = Labels(acme.knowledge)
    with pytest.raises(InvalidInput, match="none of its answers stands"):
        labels.resolve([(wrong[0], acme.user("ann"))])
    with pytest.raises(InvalidInput, match=r"3 questions have wrong labels.*ann may read no document 'board/pay.md'"):
        labels.resolve([(each, acme.user("ann")) for each in wrong])
    labels.resolve([(wrong[2], acme.user("bo", "board"))])


def test_a_name_of_two_documents_is_refused(changing):
    changing.ingest({"a.md": "# Same\n\nOne.", "b.md": "# Same\n\nOther."})
    with pytest.raises(InvalidInput, match="'Same' names 2 documents"):
        Labels(changing.knowledge).resolve([(case(documents=("Same",)), changing.user("ann"))])


@settings(deadline=None)
@given(st.lists(st.sampled_from(["ten", "days", "10", "a+b"]), min_size=1, max_size=3), st.text(" \nx.1", max_size=4))
def test_occurrences_are_whole_words_in_order(words, around):
    text = f"{around}{'  '.join(words)}{around}".upper()
    found = list(occurrences(text, " ".join(words)))
    for start, end in found:
        assert text[start:end].casefold().split() == words
        assert not re.match(r"\w\w", text[max(0, start - 1) : start + 1]) or start == 0
    edges = around[-1:].isalnum() or around[:1].isalnum()
    assert bool(found) or edges
    assert not list(occurrences("attention", "ten"))


spans = st.tuples(st.integers(0, 20), st.integers(1, 10)).map(lambda pair: (pair[0], sum(pair)))


@settings(deadline=None)
@given(spans, spans)
def test_spans_meet_where_half_of_the_shorter_is_in_both(one, other):
    common = len(set(range(*one)) & set(range(*other)))
    meet = Span("d", *one).meets("d", *other)
    assert meet == (2 * common >= min(one[1] - one[0], other[1] - other[0]))
    assert meet == Span("d", *other).meets("d", *one)
    assert not Span("d", *one).meets("e", *one)
