"""Rollouts beside serving: shadows that nobody sees, and a rollout that its turns promote."""

import asyncio

import pytest

from aver.core.errors import NotFound
from aver.evidence import Draft
from aver.knowledge.access import AccessList
from aver.releases.rollout.plan import Shadow
from aver.server.roller import Roller
from tests.knowledge import MemorySource
from tests.unit.server.releases import ENVIRONMENT, home
from tests.unit.server.test_servings import LEAVE, QUESTION


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
