"""Rollouts beside serving: shadows that nobody sees, and a rollout that its turns promote."""

import asyncio

import pytest
from aver.releases.rollout.plan import Shadow

from aver.core.errors import NotFound
from aver.knowledge.access import AccessList
from aver.server.rolling import Roller
from aver.server.shadows import Shadows, _spent
from tests.knowledge import MemorySource
from tests.unit.server.releases import ENVIRONMENT, home
from tests.unit.server.test_servings import LEAVE, QUESTION


@pytest.fixture
def place(tmp_path):
    with home(tmp_path) as found:
        found.stable = found.freeze("old", "feature: {passages: 5}\n")
        found.candidate = found.freeze("new", "feature: {passages: 3}\n")
        found.promote(found.stable)
        services = found.application.tenant("acme")
        services.knowledge.ingest(MemorySource({"leave.md": LEAVE}), AccessList.everyone())
        yield found


def shadows_of(services, turn):
    return [step for step in services.ledger.of_kind("admitted") if step.facts.get("shadow_of") == turn]


async def shadows_done(application):
    await asyncio.gather(*application.servings.shadows._tasks)


async def test_a_shadow_answers_the_same_question_in_the_same_conversation_and_is_nobodys(place):
    place.roll_out(place.stable, place.candidate, 0.001, shadow=Shadow(100, 1.0))
    application, services = place.application, place.application.tenant("acme")
    ann = services.principal("ann")
    first = await services.assistant.ask(ann, QUESTION)
    second = await services.assistant.ask(ann, "And to which year?", first.conversation)
    await shadows_done(application)
    assert (first.release, second.release) == (place.stable, place.stable)
    for answer in (first, second):
        (shadow,) = shadows_of(services, answer.turn)
        assert shadow.facts["release"] == place.candidate
        assert (shadow.facts["arm"], shadow.facts["compared"]) == ("shadow", False)
        steps = {step.kind: step for step in services.ledger.turn(shadow.turn)}
        assert steps.keys() >= {"retrieved", "responded", "sealed"}
        with pytest.raises(NotFound):
            services.evidence(ann, shadow.turn)
        twin = {step.kind: step for step in services.ledger.turn(answer.turn)}
        assert steps["retrieved"].body["question"] == twin["retrieved"].body["question"]
    (shown,) = services.assistant.conversations(ann)
    assert len(services.assistant.conversation(ann, shown.id).turns) == 2
    await application.aclose()


async def test_shadows_end_with_what_they_may_cost(place):
    place.roll_out(place.stable, place.candidate, 0.001, shadow=Shadow(100, 0.5))
    application, services = place.application, place.application.tenant("acme")
    account = application.servings.shadows._account
    await services.assistant.ask(services.principal("ann"), QUESTION)
    await shadows_done(application)
    _spent(account(application.servings._arms.rollout), 0.5)
    answer = await services.assistant.ask(services.principal("ann"), QUESTION)
    await shadows_done(application)
    assert shadows_of(services, answer.turn) == []
    await application.aclose()


async def test_a_share_of_turns_has_shadows_and_the_candidates_own_have_none(place):
    draws = iter([0.5, 0.05, 0.0])
    place.application.servings.shadows = Shadows(place.application, lambda: next(draws))
    place.roll_out(place.stable, place.candidate, 0.001, shadow=Shadow(10, 1.0))
    services = place.application.tenant("acme")
    found = [await services.assistant.ask(services.principal("ann"), QUESTION) for _ in range(2)]
    await shadows_done(place.application)
    assert [len(shadows_of(services, each.turn)) for each in found] == [0, 1]
    place.save(None)
    place.roll_out(place.stable, place.candidate, 100, shadow=Shadow(100, 1.0))
    place.application.servings.pins._asked -= 1
    answer = await services.assistant.ask(services.principal("ann"), QUESTION)
    assert (answer.release, len(place.application.servings.shadows._tasks)) == (place.candidate, 0)
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
    told = [step.facts["event"] for step in services.ledger.of_kind("staged")]
    assert told[-1] == "promoted"
    assert len(told) == len(set(told))
    application.servings.pins._asked -= 1
    with await application.servings.lend(services.principal("ann")) as lent:
        assert (lent.pin.release, lent.pin.assigned) == (place.candidate, {})
    await application.aclose()
