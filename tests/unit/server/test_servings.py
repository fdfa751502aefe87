"""Several releases at work in one process: who gets which, how fast that follows what is in force, and what happens to turns meanwhile."""

import asyncio
import time
from contextlib import aclosing
from dataclasses import replace

import pytest

from aver.agents import Answer, Pin
from aver.core.errors import NotFound, SettingsError, Unavailable
from aver.knowledge.access import AccessList
from aver.server.application import Application
from aver.testing import HashEmbedder
from tests.knowledge import MemorySource
from tests.unit.server.releases import ENVIRONMENT, home

GUARDED = "guardrails: {input: {secrets: block}}\nretrieval: {passages: 3}\n"
PLAIN = "retrieval: {passages: 5}\n"
LEAVE = "# Leave\n\nUnused leave: up to ten days carry over to the next year.\n"
QUESTION = "How many days of unused leave carry over?"


@pytest.fixture
def place(tmp_path):
    with home(tmp_path) as found:
        yield found


@pytest.fixture
def arms(place):
    """Two releases, of which the first is in force."""
    stable, candidate = place.freeze("old", PLAIN), place.freeze("new", GUARDED)
    place.promote(stable)
    return stable, candidate


def principals(application, count=40):
    services = application.tenant("acme")
    return [services.principal(f"user{number}") for number in range(count)]


def until(condition, seconds=60.0):
    ends = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < ends:
        time.sleep(0.02)
    return found


async def lent_to(application, principal, conversation=""):
    with await application.servings.lend(principal, conversation) as lent:
        return lent.pin


async def test_without_an_environment_the_bundle_is_served_as_it_is(place, tmp_path):
    application = Application(replace(place.settings, environment=""), embedder=HashEmbedder())
    with await application.servings.lend(principals(application)[0]) as lent:
        assert lent.serving is application.serving
        assert lent.pin.facts("part") == {"release": "part"}
    application.close()


async def test_an_environment_without_a_release_answers_nothing_and_says_what_to_do(place):
    with pytest.raises(Unavailable, match=f"in the environment '{ENVIRONMENT}'") as refused:
        await place.application.servings.lend(principals(place.application)[0])
    assert "aver release promote" in refused.value.next_step
    place.application._unready = None
    with pytest.raises(Unavailable):
        place.application.check_ready()


async def test_two_releases_are_served_at_once_and_everybody_keeps_theirs(place, arms):
    stable, candidate = arms
    place.roll_out(stable, candidate, 50)
    everybody = principals(place.application)
    first = [await lent_to(place.application, each) for each in everybody]
    assert {pin.release for pin in first} == {stable, candidate}
    assert {pin.assigned["arm"] for pin in first} == {"control", "candidate"}
    other = place.replica()
    assert [await lent_to(other, each) for each in principals(other)] == first
    opened = {each.digest: each for each in place.application.servings.at_work()}
    assert opened.keys() == {stable, candidate}
    assert opened[candidate].bundle().guardrails.places["input"]["secrets"].mode == "block"
    assert opened[stable].gateway is not opened[candidate].gateway
    assert opened[stable].release.passages == 5


async def test_a_rollback_reaches_another_replica_within_a_second(place, arms):
    stable, candidate = arms
    place.roll_out(stable, candidate, 100)
    other = place.replica()
    ann = principals(other)[0]
    assert (await lent_to(other, ann)).release == candidate
    place.save(None)
    place.promote(candidate)
    place.registry.rollback(ENVIRONMENT, by="ann", reason="it is worse")
    began = asyncio.get_running_loop().time()
    while (pin := await lent_to(other, ann)).release != stable:
        assert asyncio.get_running_loop().time() - began < 30
        await asyncio.sleep(0.02)
    assert pin.facts("part") == {"release": stable, "part": "part", "environment": ENVIRONMENT}


async def test_a_reading_older_than_three_quarters_of_a_second_is_waited_for(place, arms):
    stable, candidate = arms
    servings, ann = place.application.servings, principals(place.application)[0]
    assert (await lent_to(place.application, ann)).release == stable
    place.promote(candidate)
    servings.pins._asked -= 0.75  # as if nobody had asked for that long
    assert (await lent_to(place.application, ann)).release == candidate


async def test_what_is_known_stays_while_the_database_is_away(place, arms, monkeypatch):
    stable, _ = arms
    servings, ann = place.application.servings, principals(place.application)[0]
    assert (await lent_to(place.application, ann)).release == stable

    def away():
        raise Unavailable("The database is gone", "Wait.")

    monkeypatch.setattr(servings.pins, "_read", away)
    for _ in range(3):
        servings.pins._asked -= 10
        assert (await lent_to(place.application, ann)).release == stable


async def test_a_turn_that_began_on_the_candidate_ends_on_it_after_the_rollback(place, arms):
    stable, candidate = arms
    services = place.application.tenant("acme")
    services.knowledge.ingest(MemorySource({"leave.md": LEAVE}), AccessList.everyone())
    place.roll_out(stable, candidate, 100)
    ann = services.principal("ann")
    async with aclosing(services.assistant.run(ann, QUESTION)) as events:
        begun = await anext(events)
        working = next(each for each in place.application.servings.at_work() if each.digest == candidate)
        place.save(None)
        place.registry.promote(
            ENVIRONMENT, place.freeze("third", "retrieval: {passages: 4}\n"), "ann", "something else"
        )
        place.application.servings.pins._asked -= 1
        assert (await lent_to(place.application, ann)).release not in (candidate, stable)
        assert working.turns == 1
        answers = [event async for event in events if isinstance(event, Answer)]
    assert [each.release for each in answers] == [candidate]
    facts = services.evidence(ann, begun.turn)[0].facts
    assert (facts["release"], facts["arm"], facts["rollout"]) == (candidate, "candidate", "rollout_1")
    assert facts["environment"] == ENVIRONMENT
    assert facts["part"] == working.release.digest
    await lent_to(place.application, ann)
    assert candidate not in {each.digest for each in place.application.servings.at_work()}  # nobody needs it any more
    again = await services.assistant.ask(ann, QUESTION, begun.conversation)
    assert again.release not in (candidate, stable)
    await place.application.aclose()


async def test_what_a_rollback_would_go_back_to_is_open_before_it_is_needed(place, arms):
    stable, candidate = arms
    place.promote(candidate)
    other = place.replica()
    assert (await lent_to(other, principals(other)[0])).release == candidate
    assert await asyncio.to_thread(until, lambda: stable in {each.digest for each in other.servings.at_work()})


@pytest.mark.parametrize("kind", ["file", "secret", "policy"])
async def test_a_candidate_that_cannot_be_opened_leaves_everybody_with_the_release_in_force(
    place, arms, kind, monkeypatch
):
    stable, _ = arms
    monkeypatch.delenv("AVER_TEST_MISSING", raising=False)
    provider = (
        "providers: {p: {kind: openai, base_url: 'http://127.0.0.1:9/v1', credential: 'env:AVER_TEST_MISSING'}}\n"
    )
    broken = place.freeze("broken", provider + "models: {m: {provider: p}}\nagents: {clerk: {model: m}}\n")
    match kind:
        case "file":
            for blob in (place.directory / "data" / "releases" / "blobs").glob("*"):
                if "AVER_TEST_MISSING" in blob.read_text():
                    blob.unlink()
        case "policy":
            monkeypatch.setenv("AVER_TEST_MISSING", "key")
            broken = place.freeze(
                "rules", provider + "models: {m: {provider: p}}\nagents: {c: {model: m}}\n", policies__a=""
            )
            monkeypatch.setattr("aver.policy.live.Policies.load", _raises)
    place.roll_out(stable, broken, 100)
    ann = principals(place.application)[0]
    pin = await lent_to(place.application, ann)
    facts = pin.facts("part")
    assert (facts["release"], facts["instead_of"]) == (stable, broken)
    assert "arm" not in facts  # it tells nothing of either arm
    assert len(place.application.mistakes()) == 1
    assert (await lent_to(place.application, ann)) == pin


def _raises(*_):
    raise SettingsError("The policy is wrong", "Mend it.")


async def test_a_release_in_force_that_cannot_be_opened_is_stood_in_for_by_the_one_before(place, arms):
    stable, candidate = arms
    place.promote(candidate)
    for file in (place.directory / "data" / "releases" / "blobs").glob("*"):
        if file.read_text() == GUARDED:
            file.chmod(0o600)
            file.write_text("guardrails: {input: {secrets: flag}}\n")
    pin = await lent_to(place.application, principals(place.application)[0])
    assert (pin.release, pin.instead_of) == (stable, candidate)
    place.save(None)
    assert place.application.servings.limits() is place.application.serving.declared()


async def test_where_nothing_that_is_pointed_to_can_be_opened_what_was_in_force_goes_on(place, arms):
    stable, candidate = arms
    place.promote(candidate)
    for file in (place.directory / "data" / "releases" / "blobs").glob("*"):
        if file.read_text() == PLAIN:
            file.chmod(0o600)
            file.write_text("retrieval: {passages: 50}\n")
    application = place.application
    assert (await lent_to(application, principals(application)[0])).release == candidate
    place.registry.rollback(ENVIRONMENT, by="bob", reason="it is rude")
    application.servings.pins._asked -= 1
    pin = await lent_to(application, principals(application)[0])
    assert (pin.release, pin.instead_of) == (candidate, stable)
    assert len(application.mistakes()) == 1
    assert candidate in {each.digest for each in application.servings.at_work()}
    await application.aclose()


async def test_budgets_are_those_of_the_release_in_force_whoever_goes_by_which(place):
    def bundle(limit):
        return (
            "providers: {p: {kind: openai, base_url: 'http://127.0.0.1:9/v1'}}\nmodels: {m: {provider: p}}\n"
            f"budgets:\n  - {{per: tenant, limit: {limit} requests, period: day}}\n"
        )

    stable, candidate = place.freeze("old", bundle(5)), place.freeze("new", bundle(500))
    place.promote(stable)
    place.roll_out(stable, candidate, 100)
    pin = await lent_to(place.application, principals(place.application)[0])
    assert pin.release == candidate
    assert [each.limit for each in place.application.servings.limits().budgets] == [5]
    assert place.application.budgets(place.tenant.id) is place.application.tenant("acme").budgets


async def test_a_turn_goes_on_under_its_own_release_or_not_at_all(place, arms):
    _, candidate = arms
    with await place.application.servings.lend_pinned(Pin(candidate, ENVIRONMENT)) as lent:
        assert lent.serving.digest == candidate
    with pytest.raises(NotFound):
        await place.application.servings.lend_pinned(Pin("0" * 64, ENVIRONMENT))
