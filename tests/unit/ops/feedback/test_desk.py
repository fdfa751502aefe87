"""Turns that wait, in which order and why; what is made of them, and that it is on record with them."""

import pytest

from aver.core.errors import InvalidInput, NotFound
from aver.core.ids import new_id
from aver.evals.labelling.queue import Queue
from aver.evals.redteam.production import from_evidence
from aver.gateway.feedback import Said, give_feedback, take_back
from aver.ops.feedback.desk import TriageDesk, became_of
from aver.ops.feedback.tickets import Ticket, import_tickets
from aver.testing import HashEmbedder
from tests.operations import open_bench
from tests.unit.ops.feedback.asking import ask


@pytest.fixture
def bench(tmp_path):
    return open_bench(tmp_path)


@pytest.fixture
def desk(bench):
    return desk_of(bench)


def desk_of(bench):
    return TriageDesk(bench.store, bench.ledger, bench.clock, lambda: bench.operations().incidents, HashEmbedder)


def waiting(desk, **given):
    assert desk.catch_up()
    found = {each.turn: tuple(name for name in each.signals if name != "sampled") for each in desk.items(**given)}
    return {turn: signals for turn, signals in found.items() if signals}


def bad(bench, turn, reason="wrong", **words):
    give_feedback(bench.store, bench.ledger, turn, Said(0.0, reason, **words))


def test_the_worst_wait_first_and_what_is_well_does_not(bench, desk):
    fine, lost, judged = ask(bench), ask(bench, lost=1), ask(bench)
    bad(bench, judged)
    bench.clock.advance(60)
    again = ask(bench, "Is there a gym?", abstained=True, conversation="conversation_a")
    ask(bench, "A gym in the building?", conversation="conversation_a", ordinal=2)
    alone = ask(bench, "Who won?", abstained=True)
    unsafe = ask(bench)
    bad(bench, unsafe, "unsafe")
    named = ask(bench)
    import_tickets(bench.store, bench.ledger, [Ticket("1", "mail", "Help", f"It is about {named}.")])
    found = waiting(desk)
    assert list(found) == [named, unsafe, judged, again, lost]
    assert found[named] == ("ticket",)
    assert found[again] == ("again",)
    assert not {fine, alone} & set(found)
    assert list(waiting(desk, signal="again")) == [again]
    counts = desk.counts()
    assert {name: counts[name] for name in ("ticket", "bad", "again", "unsupported")} == {
        "ticket": 1,
        "bad": 2,
        "again": 1,
        "unsupported": 1,
    }


def test_what_is_read_in_parts_is_read_the_same(bench, desk):
    turn = ask(bench, "Is there a gym?", abstained=True, conversation="conversation_a")
    assert turn not in waiting(desk)
    ask(bench, "A gym?", conversation="conversation_a", ordinal=2)
    bad(bench, turn)
    assert waiting(desk)[turn] == ("bad", "again")
    take_back(bench.store, bench.ledger, turn, user="ann")
    assert waiting(desk)[turn] == ("again",)
    assert waiting(desk_of(bench)) == waiting(desk)


def test_turns_of_evaluations_do_not_wait(bench, desk):
    ask(bench, user="evaluation", lost=2)
    assert not waiting(desk)


def test_a_case_is_made_once_and_told_on_the_turn(bench, desk):
    turn, same = ask(bench), ask(bench)
    bad(bench, turn)
    made = desk.decide(turn, "case", by="rae", note="The carry-over changed.")
    queue = Queue(bench.store, bench.ledger)
    assert [each.case.id for each in queue.all()] == [made.of]
    assert turn not in waiting(desk)
    (decided,) = desk.items(decided=True)
    assert (decided.turn, decided.became) == (turn, made)
    assert became_of(bench.ledger.turn(turn)) == made
    assert desk.decide(turn, "case", by="rae") == made
    bad(bench, turn)
    with pytest.raises(InvalidInput, match="promoted before"):
        desk.decide(turn, "case", by="rae")
    with pytest.raises(InvalidInput, match="asked before"):
        desk.decide(same, "case", by="rae")
    assert len(list(bench.ledger.of_kind("triaged"))) == 1
    assert bench.ledger.verify().ok


def test_an_incident_a_seed_a_document_or_nothing(bench, desk):
    turns = [ask(bench, f"Question {number} of ann@example.org?") for number in range(4)]
    incident = desk.decide(turns[0], "incident", by="rae", title="Answers are stale")
    assert bench.operations().incidents.one(incident.of).title == "Answers are stale"
    seed = desk.decide(turns[1], "seed", by="rae")
    (attack,) = from_evidence(bench.ledger)
    assert attack.id == seed.of
    assert "ann@example.org" not in attack.payload
    assert desk.decide(turns[2], "document", by="rae", document="doc_1").of == "doc_1"
    assert desk.decide(turns[3], "dismissed", by="rae", reason="expected").of == "expected"
    for given in ({"document": "doc_2"}, {}):
        with pytest.raises(InvalidInput):
            desk.decide(turns[2], "document", by="rae", **given)
    for act, reason in (("dismissed", "bored"), ("forgotten", "")):
        with pytest.raises(InvalidInput):
            desk.decide(turns[3], act, by="rae", reason=reason)
    for turn in ("turn_none", "turn_\0", incident.of):
        with pytest.raises(NotFound):
            desk.decide(turn, "dismissed", by="rae", reason="expected")


def test_what_is_said_after_a_decision_asks_for_another(bench, desk):
    turn = ask(bench)
    bad(bench, turn)
    desk.decide(turn, "dismissed", by="rae", reason="expected")
    assert turn not in waiting(desk)
    bad(bench, turn, "outdated")
    assert turn in waiting(desk)
    assert desk.one(turn).became.of == "expected"


def test_what_was_erased_still_counts_and_says_nothing(bench, desk):
    turn = ask(bench, "What of my illness?")
    bad(bench, turn, "wrong", comment="I was ill.")
    assert desk.catch_up()
    (before,) = desk.items(turns=[turn])
    assert (before.words.question, before.words.comment) == ("What of my illness?", "I was ill.")
    bench.ledger.erase("user:ann")
    (after,) = desk.items(turns=[turn])
    assert (after.words.question, after.words.comment, after.reason) == ("", "", "wrong")
    for act in ("case", "seed"):
        with pytest.raises(InvalidInput):
            desk.decide(turn, act, by="rae")


def test_what_was_asked_is_read_only_where_its_asker_spoke_up(bench, desk):
    silent, loud = ask(bench, "May I say nothing?", lost=1), ask(bench, "May I complain?", lost=1)
    bad(bench, loud)
    assert desk.catch_up()
    wanted = {"turns": [silent, loud]}
    assert {each.turn: each.words.question for each in desk.items(**wanted)} == {silent: "", loud: "May I complain?"}
    assert all(each.words.question for each in desk.items(**wanted, spoken=False))
    incident = desk.decide(silent, "incident", by="rae")
    assert "nothing" not in bench.operations().incidents.one(incident.of).title


def test_the_queue_is_read_page_by_page(bench, desk):
    turns = [ask(bench, f"Question {number}?", lost=1) for number in range(7)]
    assert desk.catch_up()
    pages = [[each.turn for each in desk.items(signal="unsupported", skip=skip, most=3)] for skip in (0, 3, 6)]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert sorted(turn for page in pages for turn in page) == sorted(turns)


def test_clusters_are_the_same_whenever_they_are_made(bench, desk):
    for words in ("carry over of unused leave", "unused leave to carry over", "carry over unused leave days"):
        bad(bench, ask(bench, f"Tell me about {words}"))
    for words in ("hotel costs in capital cities", "capital cities hotel costs a night"):
        bad(bench, ask(bench, f"And {words}"))
    bad(bench, ask(bench, "Is there a gym"))
    assert desk.catch_up()
    found = desk.clusters()
    assert [len(each.turns) for each in found] == [3, 2]
    assert "leave" in found[0].name
    assert "cities" in found[1].name
    assert desk_of(bench).clusters() == found


def test_a_ticket_is_taken_in_once_and_erased_with_its_asker(bench, desk):
    turn, other = ask(bench), ask(bench, user="bo")
    tickets = [
        Ticket("a", "mail", f"Wrong: {turn.upper()}", f"see https://aver.example/turns/{turn} and {other}"),
        Ticket("b", "mail", "Nothing", "of any turn"),
        Ticket("c", "jira", "Unknown", new_id("turn")),
    ]
    assert import_tickets(bench.store, bench.ledger, tickets).turns == (turn, other)
    again = import_tickets(bench.store, bench.ledger, tickets)
    assert (again.tied, again.known, again.untied) == (0, 1, 2)
    assert desk.catch_up()
    assert desk.one(turn).words.tickets == (f"Wrong: {turn.upper()}",)
    bench.ledger.erase("user:ann")
    assert desk.one(turn).words.tickets == ()
    assert import_tickets(bench.store, bench.ledger, [Ticket("d", "mail", "", turn)]).untied == 1
