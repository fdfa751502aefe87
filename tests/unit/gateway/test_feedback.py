"""What is said of a turn: kept under its asker's key, changed, taken back, and gone with them."""

import pytest

from aver.core.errors import InvalidInput, NotFound
from aver.core.ids import new_id
from aver.evidence import Draft
from aver.gateway.feedback import Said, feedback_of, give_feedback, take_back
from tests.operations import open_bench


@pytest.fixture
def bench(tmp_path):
    return open_bench(tmp_path)


def asked(bench, user="ann"):
    turn = new_id("turn")
    bench.write([Draft(turn, "admitted", f"user:{user}", {"feature": "assistant"}, {"question": "Why?", "user": user})])
    return turn


def test_the_last_word_counts_and_can_be_taken_back(bench):
    turn = asked(bench)
    give_feedback(bench.store, bench.ledger, turn, 1.0, user="ann")
    said = Said(0.0, "outdated", "It is eleven days.", "See the notice of May.")
    give_feedback(bench.store, bench.ledger, turn, said, user="ann")
    found = feedback_of(bench.ledger.turn(turn))
    assert found is not None
    assert (found.said, found.bad) == (said, True)
    take_back(bench.store, bench.ledger, turn, user="ann")
    assert feedback_of(bench.ledger.turn(turn)) is None
    with pytest.raises(NotFound):
        take_back(bench.store, bench.ledger, turn, user="ann")
    give_feedback(bench.store, bench.ledger, turn, 1.0, user="ann")
    assert feedback_of(bench.ledger.turn(turn)).said == Said(1.0)
    assert bench.ledger.verify().ok


def test_reasons_are_facts_and_words_are_not(bench):
    turn = asked(bench)
    give_feedback(bench.store, bench.ledger, turn, Said(0.0, "wrong", "Eleven.", "Mine says so."))
    *_, step = bench.ledger.turn(turn)
    assert step.facts == {"score": 0.0, "reason": "wrong", "corrected": True}
    assert step.body == {"score": 0.0, "correction": "Eleven.", "comment": "Mine says so."}
    bench.ledger.erase("user:ann")
    found = feedback_of(bench.ledger.turn(turn))
    assert found.said == Said(0.0, "wrong")  # that it was wrong stays a figure; what was written is gone


def test_nobody_speaks_for_another(bench):
    turn = asked(bench)
    for call in (turn, "turn_none", "turn_\0"):
        with pytest.raises(NotFound):
            give_feedback(bench.store, bench.ledger, call, 1.0, user="bo")
    give_feedback(bench.store, bench.ledger, turn, 1.0, user="ann")
    with pytest.raises(NotFound):
        take_back(bench.store, bench.ledger, turn, user="bo")


@pytest.mark.parametrize(
    "said",
    [Said(1.1), Said(float("nan")), Said(0, "bored"), Said(0, "other", "x" * 4001), Said(0, comment="\ud800")],
    ids=str,
)
def test_what_is_out_of_bounds_is_not_recorded(bench, said):
    turn = asked(bench)
    with pytest.raises(InvalidInput):
        give_feedback(bench.store, bench.ledger, turn, said)
    assert len(bench.ledger.turn(turn)) == 1
