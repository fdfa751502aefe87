"""Rollouts beside serving: shadows that nobody sees, and a rollout that its turns promote."""

import asyncio

import pytest

from aver.core.errors import NotFound
from aver.core.principal import EVERYONE
from aver.evidence import Draft
from aver.knowledge.access import AccessList, AccessRule
from aver.releases.rollout.plan import Shadow
from aver.server.roller import Roller
from aver.server.shadowed import shadowed
from tests.knowledge import MemorySource
from tests.unit.server.releases import ENVIRONMENT, home
from tests.unit.server.test_servings import LEAVE, QUESTION

FOR_PILOTS = AccessList((AccessRule("**", ("group:pilots",)), AccessRule("leave.md", (EVERYONE,))))


@pytest.fixture
def place(tmp_path):
    with home(tmp_path) as found:
        found.stable = found.freeze("old", "retrieval: {passages: 5}\n")
        found.candidate = found.freeze("new", "retrieval: {passages: 3}\n")
        found.promote(found.stable)
        services = found.application.tenant("acme")
        services.knowledge.ingest(MemorySource({"leave.md": LEAVE}), AccessList.everyone())
        yield found


def shadows_of(services, turn):
    return [step for step in services.ledger.of_kind("admitted") if step.facts.get("shadow_of") == turn]


async def shadows_done(application):
    await application.servings.shadows.settle()


async def test_a_shadow_answers_the_same_question_in_the_same_conversation_and_is_nobodys(place):
    place.roll_out(place.stable, place.candidate, 0.001, shadow=Shadow(100, 1.0))
    application, services = place.application, place.application.tenant("acme")
    ann = services.principal("ann")
    first = await services.assistant.ask(ann, QUESTION)
    await shadows_done(application)  # before it is known what one costs, one goes alone
    second = await services.assistant.ask(ann, "And to which year?", first.conversation)
    await shadows_done(application)
    assert (first.release, second.release) == (place.stable, place.stable)
    for answer in (first, second):
        (shadow,) = shadows_of(services, answer.turn)
        assert shadow.facts["release"] == place.candidate
        assert "arm" not in shadow.facts  # it is counted in none
        steps = {step.kind: step for step in services.ledger.turn(shadow.turn)}
        assert steps.keys() >= {"retrieved", "responded", "sealed"}
        with pytest.raises(NotFound):
            services.evidence(ann, shadow.turn)
        told = [step for step in services.ledger.of_kind("shadowed") if step.turn == answer.turn]
        assert [(each.facts["variant"], each.facts["release"]) for each in told] == [("candidate", place.candidate)]
        twin = {step.kind: step for step in services.ledger.turn(answer.turn)}
        assert steps["retrieved"].body["question"] == twin["retrieved"].body["question"]
    (shown,) = services.assistant.conversations(ann)
    assert len(services.assistant.conversation(ann, shown.id).turns) == 2
    await application.aclose()


async def test_who_asked_sees_what_a_shadow_would_have_answered_while_they_may_read_what_it_rests_on(place):
    application, services = place.application, place.application.tenant("acme")
    more = MemorySource(
        {
            "leave.md": LEAVE,
            "old.md": "# Old leave\n\nUnused leave of the years before 2020 carries over to the next year for pilots.\n",
        }
    )
    services.knowledge.ingest(more, FOR_PILOTS)
    place.roll_out(place.stable, place.candidate, 0.001, shadow=Shadow(100, 1.0))
    ann, bob = services.principal("ann", ["pilots"]), services.principal("bob")
    hers = await services.assistant.ask(ann, QUESTION)
    await shadows_done(application)
    his = await services.assistant.ask(bob, QUESTION)
    await shadows_done(application)
    found = shadowed(services, ann, "rollout_1")
    assert (found.rollout, found.pairs, [each.turn for each in found.own]) == ("rollout_1", 2, [hers.turn])
    (own,) = found.own
    (shadow,) = shadows_of(services, hers.turn)
    assert (own.question, own.given, own.variant) == (QUESTION, hers.answer, "candidate")
    answered = next(step for step in services.ledger.turn(shadow.turn) if step.kind == "responded")
    assert own.shadow == answered.body["answer"]["answer"]
    assert own.metrics.keys() >= {"latency_ms", "answered"}
    assert [each.turn for each in shadowed(services, bob, "rollout_1").own] == [his.turn]
    assert shadowed(services, ann, "rollout_9").pairs == 0
    # Its words go with what they rest on, also where the answer that was given rests on less.
    unread = services.principal("ann")
    (step,) = [each for each in services.conversations.evidence(unread, hers.turn) if each.kind == "shadowed"]
    assert step.body.keys() == {"withheld"}
    assert "2020" not in str(shadowed(services, unread, "rollout_1").own)
    services.ledger.erase("user:ann")
    assert (shadowed(services, ann, "rollout_1").pairs, shadowed(services, ann, "rollout_1").own) == (2, ())
    await application.aclose()


def test_the_words_of_a_shadow_rest_on_what_the_shadow_looked_at(place):
    """Not on what the answer looked at that was given: here that is nothing."""
    services = place.application.tenant("acme")
    more = MemorySource({"leave.md": LEAVE, "pay.md": "# Pay\n\nThe pay of pilots is 900 crowns.\n"})
    services.knowledge.ingest(more, FOR_PILOTS)
    pilot, other = services.principal("ann", ["pilots"]), services.principal("ann")
    (hit, *_) = services.knowledge.search(pilot, "pay of pilots", 1)
    with services.store.begin() as tx:
        conversation = services.conversations.enter(tx, pilot, None, place.application.clock.now())
        services.conversations.add(tx, conversation, "turn_1", place.application.clock.now())
        asked = {"question": "What is paid?", "user": "ann", "groups": []}
        hits = {"question": "What is paid?", "hits": [{"document": hit.document, "version": hit.version}]}
        facts = {"rollout": "rollout_1", "variant": "candidate", "shadow": "turn_2", "answered": 1.0}
        drafts = [
            Draft("turn_1", "admitted", "user:ann", {}, asked),
            Draft("turn_2", "admitted", "user:ann", {"shadow_of": "turn_1"}, asked),
            Draft("turn_2", "retrieved", "user:ann", {}, hits),
            Draft("turn_1", "sealed", "user:ann", {}),
            Draft("turn_1", "shadowed", "user:ann", facts, {"text": "900 crowns."}),
        ]
        services.ledger.append_all(tx, drafts)
    (mine,), (without,) = (shadowed(services, who, "rollout_1").own for who in (pilot, other))
    assert mine.shadow == "900 crowns."
    assert (without.question, "900" in str(without)) == ("What is paid?", False)


async def test_only_the_controls_turns_have_shadows_and_no_more_than_may_be_spent(place):
    services = place.application.tenant("acme")
    place.roll_out(place.stable, place.candidate, 100, shadow=Shadow(100, 1.0))
    answer = await services.assistant.ask(services.principal("ann"), QUESTION)
    await shadows_done(place.application)
    assert (answer.release, shadows_of(services, answer.turn)) == (place.candidate, [])
    with services.store.begin() as tx:
        facts = {"rollout": "rollout_1", "variant": "candidate", "cost_usd": 1.0}
        services.ledger.append_all(tx, [Draft("turn_1", "shadowed", None, facts, {})])
    place.save(None)
    place.roll_out(place.stable, place.candidate, 0.001, shadow=Shadow(100, 1.0))
    place.application.servings.pins._asked -= 1
    place.application.servings.shadows._spending._read -= 10
    answer = await services.assistant.ask(services.principal("ann"), QUESTION)
    await shadows_done(place.application)
    assert (answer.release, shadows_of(services, answer.turn)) == (place.stable, [])
    await place.application.aclose()


async def test_turns_of_a_rollout_are_counted_and_promote_it_and_everybody_gets_it(place):
    application, services = place.application, place.application.tenant("acme")
    place.roll_out(place.stable, place.candidate, 50, samples=4)
    roller = Roller(application, looks=0.05)
    roller.start()
    asked = 0
    async with asyncio.timeout(120):
        while (found := place.registry.environment(ENVIRONMENT)).digest != place.candidate:
            answer = await services.assistant.ask(services.principal(f"user{asked}"), QUESTION)
            asked += 1
            assert answer.release in (place.stable, place.candidate)
        while found.rollout is not None:
            await asyncio.sleep(0.05)
            found = place.registry.environment(ENVIRONMENT)
    await roller.close()
    told = [(step.facts["number"], step.facts["event"]) for step in services.ledger.of_kind("staged")]
    assert told[-1][1] == "promoted"
    assert len(told) == len(dict(told))  # each once
    application.servings.pins._asked -= 1
    with await application.servings.lend(services.principal("ann")) as lent:
        assert (lent.pin.release, lent.pin.assigned) == (place.candidate, {})
    await application.aclose()
