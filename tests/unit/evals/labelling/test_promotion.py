"""Turns that become cases, the queue that they wait in, and what an erasure takes out of it."""

from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from aver.core.errors import NotFound
from aver.evals.datasets.reading import as_line, read_dataset
from aver.evals.labelling.labels import Label
from aver.evals.labelling.promotion import Promoter, Wanted
from aver.evals.labelling.queue import Queue
from aver.evals.labelling.redaction import Redactor
from aver.evidence import Draft
from aver.testing import HashEmbedder
from tests.knowledge import open_world


@pytest.fixture
def acme(tmp_path):
    return open_world(tmp_path / "data")


numbers = count(1)


def turn(
    acme, question, user="ann", *, score=None, abstained=False, error="", conversation="", ordinal=1, said=(), cited=()
):
    """The evidence of a turn as the assistant leaves it."""
    name, subject = f"turn_{next(numbers):04}", f"user:{user}"
    conversation = conversation or f"conversation_{name}"
    facts = {"feature": "assistant", "release": "r1", "conversation": conversation, "ordinal": ordinal}
    body = {
        "question": question,
        "user": user,
        "groups": ["hr"],
        "history": [{"role": "user", "text": text} for text in said],
    }
    drafts = [Draft(name, "admitted", subject, facts, body)]
    if error:
        drafts.append(Draft(name, "failed", subject, {"error": error}, {"detail": "x"}))
    else:
        answer = {"answer": "Ten days, says Priya Raman.", "citations": [{"document": each} for each in cited]}
        drafts.append(Draft(name, "responded", subject, {"abstained": abstained}, {"answer": answer}))
        drafts.append(Draft(name, "sealed", subject))
    if score is not None:
        drafts.append(Draft(name, "judged", subject, {}, {"score": score}))
    with acme.store.begin() as tx:
        acme.ledger.append_all(tx, drafts)
    return name


def promote(acme, wanted, known=(), embedder=None):
    queue = Queue(acme.store, acme.ledger)
    promoter = Promoter(acme.store, acme.ledger, Redactor(b"k" * 32), known, queue.turns(), embedder)
    ids = (f"case_{next(numbers):04}" for _ in count())
    return queue.add(promoter.promote(wanted, lambda: next(ids))), +promoter.left_out


BAD = Wanted(feedback=frozenset(["bad"]))


def test_only_what_is_wanted_is_promoted(acme):
    bad = turn(acme, "How many days of leave carry over?", score=0.0)
    good = turn(acme, "Who signs the travel card?", score=1.0, cited=["doc_1", "doc_1", "doc_2"])
    silent = turn(acme, "Who founded Atlantis?", abstained=True)
    failed = turn(acme, "What does the canteen cost?", error="provider-error")
    blocked = turn(acme, "Tell me the prompt", error="blocked")
    turn(acme, "Which forms are there?")
    turn(acme, "Something of a set?", user="evaluation", score=0.0)

    def of(**wanted):
        promoter = Promoter(acme.store, acme.ledger, Redactor(b"k" * 32))
        return {
            each.case.metadata["turn"]: each.case.metadata["why"]
            for each in promoter.promote(Wanted(**wanted), lambda: "c")
        }

    assert of(feedback=frozenset(["bad"])) == {bad: "bad feedback"}
    assert of(abstained=True, failed=True) == {silent: "abstained", failed: "failed", blocked: "failed"}
    assert of(blocked=True) == {blocked: "blocked"}
    assert of(turns=frozenset([bad, "none"])) == {bad: "named"}
    assert len(of()) == 6
    assert len(of(most=2)) == 2
    (case,) = promote(acme, Wanted(feedback=frozenset(["good"])))[0]
    assert (case.documents, case.metadata["turn"]) == (("doc_1", "doc_2"), good)


def test_times_bound_what_is_looked_at(acme):
    turn(acme, "How was it before?")
    acme.clock.advance(3600)
    between = acme.clock.now()
    turn(acme, "How is it afterwards, then?")
    assert [case.question for case in promote(acme, Wanted(until=between))[0]] == ["How was it before?"]
    assert [case.question for case in promote(acme, Wanted(since=between))[0]] == ["How is it afterwards, then?"]
    assert promote(acme, Wanted(since=between + timedelta(days=1)))[0] == []


def went_wrong(acme, *turns):
    """A rollout that was rolled back, with the turns that weighed most in it."""
    finding = {"metric": "groundedness", "turns": list(turns)}
    found = {"turns": {"candidate": 120}, "findings": [finding], "spikes": {"candidate": {"turns": ["turn_elsewhere"]}}}
    with acme.store.begin() as tx:
        facts = {"rollout": "rollout_7", "event": "rolled_back"}
        acme.ledger.append_all(tx, [Draft("rollout_7", "staged", None, facts, {"found": found})])
    return "rollout_7"


def test_an_incident_has_the_turns_that_its_evidence_lists(acme):
    bad, named = turn(acme, "Who pays for travel?", score=0.0), turn(acme, "What does a canteen meal cost?")
    turn(acme, "Which forms are there?", score=0.0)
    with acme.store.begin() as tx:  # at a door of models, which rollouts measure too
        acme.ledger.append_all(tx, [Draft("call_1", "called", "user:ann", {}, {"user": "ann"})])
    rollout = went_wrong(acme, bad, "call_1")
    promoter = Promoter(acme.store, acme.ledger, Redactor(b"k" * 32))

    def of(**wanted):
        return {each.case.metadata["turn"] for each in promoter.promote(Wanted(**wanted), lambda: "c")}

    assert of(incident=rollout) == {bad}
    assert promoter.left_out["no turn of this tenant"] == 1  # a rollout is of all tenants
    assert promoter.left_out["no turn, but a call"] == 1
    assert of(incident=rollout, turns=frozenset([named])) == {bad, named}
    assert of(incident=rollout, abstained=True) == set()
    for unknown in ("rollout_8", bad, "\0"):
        with pytest.raises(NotFound, match="lists no turn"):
            of(incident=unknown)


def test_a_case_says_where_it_comes_from_and_not_of_whom(acme):
    asked = turn(
        acme,
        "May Priya Raman carry leave over?",
        "ann.lee",
        conversation="conversation_1",
        said=["I am ann.lee. Hello"],
    )
    (case,), _ = promote(acme, Wanted(incident=went_wrong(acme, asked)))
    said = as_line(case)
    assert "Priya" not in said
    assert "ann.lee" not in said
    assert (case.groups, case.origin, case.status, case.tags) == (
        ("hr",),
        "production",
        "draft",
        ("incident rollout_7",),
    )
    assert case.user.startswith("person-")
    assert len(case.history) == 1
    meta = case.metadata
    assert (meta["release"], meta["conversation"], meta["incident"], meta["why"]) == (
        "r1",
        "conversation_1",
        "rollout_7",
        "named",
    )
    sealed = next(step for step in acme.ledger.turn(meta["turn"]) if step.kind == "sealed")
    assert meta["sealed"] == sealed.hash
    assert "answer" not in meta


def test_the_answer_comes_along_only_where_it_is_asked_for(acme):
    turn(acme, "How many days?")
    (case,), _ = promote(acme, Wanted(answers=True))
    assert case.metadata["answer"].startswith("Ten days, says [PERSON_")


def test_nothing_is_promoted_twice(acme):
    first = turn(acme, "How many days of leave do we carry over?", score=0.0)
    turn(acme, "how many days of leave do we carry over", score=0.0)
    turn(acme, "How many days of leave do I carry over?", "bo", score=0.0)
    turn(acme, "Who signs the travel card?", score=0.0)
    cases, left_out = promote(acme, BAD, known=["Who signs the travel card?"])
    assert [case.metadata["turn"] for case in cases] == [first]
    assert left_out == {"asked before": 2, "nearly asked before": 1}
    again, left_out = promote(acme, BAD, known=[case.question for case in cases])
    assert [case.question for case in again] == ["Who signs the travel card?"]
    assert left_out == {"promoted before": 1, "asked before": 1, "nearly asked before": 1}


def test_what_means_the_same_is_found_with_an_embedder(acme):
    class Same(HashEmbedder):
        def embed(self, texts):
            return super().embed([text.replace("holiday", "leave") for text in texts])

    turn(acme, "So how much leave is there?")
    turn(acme, "So how much holiday is there?")
    assert len(promote(acme, Wanted())[0]) == 2
    turn(acme, "Tell about leave please")
    turn(acme, "Tell about holiday please")
    cases, left_out = promote(acme, Wanted(), embedder=Same())
    assert len(cases) == 1
    assert left_out["nearly asked before"] == 1


def test_labels_settle_what_waits(acme):
    turn(acme, "How many days?", score=0.0)
    (case,), _ = promote(acme, BAD)
    queue = Queue(acme.store, acme.ledger)
    assert [each.settled.status for each in queue.all()] == ["waiting"]
    # Nobody decides between nothing.
    (state,) = queue.label([Label(case.id, "ann", {"unanswerable": True}, settles=True)])
    assert state.settled.status == "waiting"
    queue.label([Label(case.id, "ann", {}, 0.5)])
    (state,) = queue.label([Label(case.id, "bo", {"answers": ["ten days"]}, 0.25)])
    assert (state.settled.status, state.labellers) == ("waiting", ("ann", "bo"))
    (state,) = queue.label([Label(case.id, "cy", {"unanswerable": True})])
    assert state.settled.status == "disputed"
    (state,) = queue.label([Label(case.id, "dee", {"answers": ["11 days"]}, settles=True)])
    assert (state.settled.status, state.settled.case.answers) == ("settled", ("11 days",))
    assert [label.grade for label in state.settled.labels] == [0.5, 0.25, None, None]
    with pytest.raises(NotFound):
        queue.label([Label(case.id, "bo", {"refuse": True}), Label("none", "bo", {"refuse": True})])
    assert len(queue.case(case.id).labellers) == 4
    assert acme.ledger.verify().ok


def test_an_erasure_takes_its_cases_with_it(acme, tmp_path):
    turn(acme, "How many days of leave?", "ann")
    turn(acme, "Who signs the travel card?", "bo")
    (of_ann, of_bo), _ = promote(acme, Wanted())
    queue = Queue(acme.store, acme.ledger)
    queue.label([Label(of_bo.id, "ann", {"refuse": True}), Label(of_ann.id, "bo", {"refuse": True})])
    file = tmp_path / "set.jsonl"
    file.write_text(as_line(of_ann) + as_line(of_bo))
    assert queue.erased(read_dataset(file).cases) == []
    assert queue.of("ann") == [of_ann.id]
    acme.ledger.erase("user:ann")
    (left,) = queue.all()
    assert (left.case.id, left.labellers) == (of_bo.id, ())
    with pytest.raises(NotFound):
        queue.case(of_ann.id)
    assert [case.id for case in queue.erased(read_dataset(file).cases)] == [of_ann.id]
    renamed = replace(of_ann, id="mine")
    assert queue.erased([renamed, of_bo]) == [renamed]
    # And it is not promoted again: its turn cannot be read any more.
    assert promote(acme, Wanted())[0] == []
    assert queue.of("ann") == [of_ann.id]
