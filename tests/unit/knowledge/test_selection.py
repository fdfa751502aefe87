"""After ranking: one list of several, repetitions as one, several documents where there are some."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aver.knowledge.selection import collapsed, diverse, fused
from aver.knowledge.types import Hit

LEAVE = "Employees have thirty days of paid leave a year, and up to five of them carry over to the next."


def hit(document: str, text: str = "", score: float = 0.5, start: int = 0) -> Hit:
    text = text or f"{document} says {start} of its own"
    place = f"{document}.1.{start}"
    return Hit(place, document, 1, start, start + len(text), document, "", "", text, score, 1.0, 0.5)


def test_what_several_searches_find_comes_before_what_one_finds():
    one, two, three = hit("a"), hit("b"), hit("c")
    assert fused([[one, two], [three, two]])[0] == two
    assert fused([[one, two]]) == [one, two]


def test_a_passage_keeps_its_best_score():
    assert [each.score for each in fused([[hit("a", score=0.2)], [hit("a", score=0.9)]])] == [0.9]


def test_the_same_text_in_another_document_is_noted_and_not_repeated():
    hits = [
        hit("a", LEAVE),
        hit("b", f"{LEAVE}\n\nAsk."),
        hit("c", "Quite another text about travel."),
    ]
    kept = collapsed(hits)
    assert [each.document for each in kept] == ["a", "c"]
    assert kept[0].also == (("b", 1),)
    assert kept[1].also == ()


def test_another_figure_is_no_repetition():
    for one, other in (("up to five", "up to 5"), ("carry over", "do not carry over")):
        assert len(collapsed([hit("a", f"{LEAVE} {LEAVE}"), hit("b", f"{LEAVE} {LEAVE.replace(one, other)}")])) == 2


def test_where_one_document_has_it_all_another_is_let_in():
    own = [hit("a", f"leave days {n} paid carry over", 0.9 - n / 100, n) for n in range(6)]
    other = hit("b", "the deadline for requests", 0.8)
    chosen = diverse([*own, other], 4)
    assert chosen[0] == own[0]
    assert other in chosen
    assert diverse([own[0], other, *own[1:]], 4) == [own[0], other, *own[1:3]]
    assert diverse(own, 4)[0] == own[0]


@given(st.lists(st.lists(st.integers(0, 9), max_size=8, unique=True), min_size=1, max_size=3), st.integers(1, 8))
def test_nothing_is_invented_and_nothing_repeated(rankings, limit):
    lists = [[hit(f"d{n}") for n in ranking] for ranking in rankings]
    found = diverse(collapsed(fused(lists)), limit)
    assert len(found) <= limit
    assert len({each.passage for each in found}) == len(found)
    assert {each.document for each in found} <= {f"d{n}" for ranking in rankings for n in ranking}
