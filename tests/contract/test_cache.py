"""The cache gives nobody what they may not read now, on either engine, whatever happened before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aver.core import Principal
from aver.evidence import Ledger
from aver.gateway.cache.service import TenantCache
from aver.gateway.cache.store import cached_answers
from aver.gateway.calls import Call
from aver.gateway.config.types import CachePolicy
from aver.gateway.types import ChatRequest, Completion, Message, Text, ToolCall, Usage
from aver.testing.clock import FixedClock

EXACT = CachePolicy(exact=60.0)
SEMANTIC = CachePolicy(exact=60.0, semantic=60.0, shadow=0.0, wrong=1.0)
"""Serves semantic hits from the first: a bound of 1 always holds."""


class Alike:
    """An embedder to which every text is near every other, unless it speaks of pears."""

    name, dimension = "alike", 2

    def embed(self, texts):
        return np.array([[0.0, 1.0] if "pears" in text else [1.0, 0.0] for text in texts], np.float32)


class World:
    """One tenant's cache and who may read what."""

    def __init__(self, store, **options):
        store.create_tenant("acme")
        self.store = store.tenant("acme")
        self.clock = FixedClock()
        self.may: set[tuple[str, str]] = set()
        self.cache = self.another(**options)

    def another(self, **options):
        return TenantCache(self.store, Alike, self.reads, self.clock, **{"draw": lambda: 0.5, **options})

    def reads(self, principal, documents):
        return all((principal.user, document) in self.may for document in documents)

    def call(self, text="How do I reset a router?", user="ada", **fields):
        chat = fields.pop("chat", None) or ChatRequest((Message("system", "Be brief."), Message("user", text)))
        principal = Principal(self.store.tenant.id, user)
        return Call(principal, "fast", lambda _call, _record: None, lambda: chat, **fields)


@pytest.fixture
def world(store):
    return World(store)


def answer(text="Hold the button."):
    return Completion((Text(text),), "stop", Usage(7, 3, cost_usd=0.1), id="up", model="m-1", raw=b"{}")


async def test_the_same_request_again_is_answered_for_nothing(world):
    assert (await world.cache.find(world.call(), "r", EXACT)).verdict == "miss"
    await world.cache.keep(world.call(), "r", EXACT, answer())
    found = await world.cache.find(world.call(), "r", EXACT)
    assert found.verdict == "exact"
    assert found.completion == Completion((Text("Hold the button."),), "stop", Usage(7, 3, cost_usd=0.0), model="m-1")


async def test_another_process_finds_it_at_once(world):
    await world.cache.keep(world.call(), "r", EXACT, answer())
    assert (await world.another().find(world.call(), "r", EXACT)).verdict == "exact"


@pytest.mark.parametrize(
    "other",
    [
        {"user": "ben"},
        {"release": "other"},
        {"config": "other"},
        {"text": "How do I reset a router!"},
        {"chat": ChatRequest((Message("system", "Be long."), Message("user", "How do I reset a router?")))},
        {
            "chat": ChatRequest(
                (Message("system", "Be brief."), Message("user", "How do I reset a router?")), temperature=0.5
            )
        },
    ],
)
async def test_anything_else_in_a_request_is_another_request(world, other):
    await world.cache.keep(world.call(), "r", EXACT, answer())
    assert (await world.cache.find(world.call(**other), "r", EXACT)).verdict == "miss"
    assert (await world.cache.find(world.call(), "other", EXACT)).verdict == "miss"


async def test_a_shared_route_answers_other_users(world):
    shared = replace(EXACT, shared=True)
    await world.cache.keep(world.call(), "r", shared, answer())
    assert (await world.cache.find(world.call(user="ben"), "r", shared)).verdict == "exact"


async def test_no_store_keeps_and_finds_nothing(world):
    await world.cache.keep(world.call(no_store=True), "r", EXACT, answer())
    assert (await world.cache.find(world.call(), "r", EXACT)).verdict == "miss"
    await world.cache.keep(world.call(), "r", EXACT, answer())
    assert (await world.cache.find(world.call(no_store=True), "r", EXACT)).verdict == "off"


@pytest.mark.parametrize(
    "completion",
    [
        replace(answer(), finish="length"),
        replace(answer(), finish="tool_calls", parts=(ToolCall("1", "f", "{}"),)),
        replace(answer(), parts=(Text("a"), ToolCall("1", "f", "{}"))),
        replace(answer(), parts=()),
    ],
)
async def test_only_whole_texts_are_kept(world, completion):
    await world.cache.keep(world.call(), "r", EXACT, completion)
    assert (await world.cache.find(world.call(), "r", EXACT)).verdict == "miss"


async def test_it_ends_with_its_lifetime(world):
    await world.cache.keep(world.call(), "r", EXACT, answer())
    world.clock.advance(59)
    assert (await world.cache.find(world.call(), "r", EXACT)).verdict == "exact"
    world.clock.advance(1)
    assert (await world.cache.find(world.call(), "r", EXACT)).verdict == "miss"


async def test_who_may_not_read_a_document_is_refused(world):
    shared = replace(SEMANTIC, shared=True)
    world.may = {("ada", "d1"), ("ada", "d2"), ("ben", "d1")}
    await world.cache.keep(world.call(documents=frozenset({"d1", "d2"})), "r", shared, answer())
    for text in ("How do I reset a router?", "How can I reset the router?"):
        assert (await world.cache.find(world.call(text, user="ben"), "r", shared)).verdict == "refused"
    world.may.add(("ben", "d2"))
    assert (await world.cache.find(world.call(user="ben"), "r", shared)).verdict == "exact"
    world.may.discard(("ada", "d1"))
    found = await world.cache.find(world.call(), "r", shared)
    assert (found.verdict, found.completion) == ("refused", None)


async def test_an_erased_subjects_answers_are_gone_everywhere(world):
    shared = replace(EXACT, shared=True)
    other = world.another()
    await world.cache.keep(world.call(), "r", shared, answer())
    assert (await other.find(world.call(user="ben"), "r", shared)).verdict == "exact"
    Ledger(world.store, world.clock).erase("user:ada")
    for cache in (world.cache, other):
        assert (await cache.find(world.call(user="ben"), "r", shared)).verdict == "miss"


async def test_nothing_of_it_stands_in_clear(world):
    call = world.call("How do I hide a surprise?", user="somebody-rare")
    await world.cache.keep(call, "r", SEMANTIC, answer("Under the stairs."))
    with world.store.read() as tx:
        row = tx.execute(cached_answers.select()).one()
    stored = b" ".join(str(value).encode() if not isinstance(value, bytes) else value for value in row)
    for word in (b"surprise", b"stairs", b"somebody-rare"):
        assert word not in stored


async def test_a_row_moved_to_another_request_answers_nothing(world):
    await world.cache.keep(world.call("How are you?"), "r", EXACT, answer("Well."))
    await world.cache.keep(world.call("Who are you?"), "r", EXACT, answer("A model."))
    with world.store.begin() as tx:
        _, other = tx.scalars(cached_answers.select().with_only_columns(cached_answers.c.exact)).all()
        tx.execute(cached_answers.delete().where(cached_answers.c.exact == other))
        tx.execute(cached_answers.update().values(exact=other))
    assert (await world.cache.find(world.call("How are you?"), "r", EXACT)).verdict == "miss"
    assert (await world.cache.find(world.call("Who are you?"), "r", EXACT)).verdict == "miss"


async def test_the_least_recently_given_go_first(store):
    world = World(store, most=3)
    for number in range(3):
        await world.cache.keep(world.call(f"Question {number}"), "r", EXACT, answer())
        world.clock.advance(1)
    assert (await world.cache.find(world.call("Question 0"), "r", EXACT)).verdict == "exact"
    for number in (3, 4, 5):
        await world.cache.keep(world.call(f"Question {number}"), "r", EXACT, answer())
        world.clock.advance(1)
    verdicts = [(await world.cache.find(world.call(f"Question {n}"), "r", EXACT)).verdict for n in range(6)]
    assert verdicts.count("exact") == 3
    assert verdicts[1:3] == ["miss", "miss"]


async def test_the_same_question_in_other_words_is_answered(world):
    await world.cache.keep(world.call(), "r", SEMANTIC, answer())
    found = await world.cache.find(world.call("How can I reset the router?"), "r", SEMANTIC)
    assert (found.verdict, found.completion.text) == ("semantic", "Hold the button.")
    for other in ("How do I not reset a router?", "How do I reset a router 2?", "Why do I reset a router?"):
        assert (await world.cache.find(world.call(other), "r", SEMANTIC)).verdict == "miss"


async def test_one_form_is_not_enough_when_the_vectors_are_far_apart(world):
    await world.cache.keep(world.call("What is the best pear?"), "r", SEMANTIC, answer())
    assert (await world.cache.find(world.call("What are the best pears?"), "r", SEMANTIC)).verdict == "miss"


async def test_other_words_have_a_lifetime_of_their_own(world):
    policy = replace(SEMANTIC, semantic=10.0)
    await world.cache.keep(world.call(), "r", policy, answer())
    world.clock.advance(10)
    assert (await world.cache.find(world.call("How can I reset the router?"), "r", policy)).verdict == "miss"
    assert (await world.cache.find(world.call(), "r", policy)).verdict == "exact"


async def test_other_passages_around_a_question_are_another_request(world):
    def chat(passage, question):
        return ChatRequest((Message("user", f"[1] {passage}\n\n{question}"),), question=question)

    await world.cache.keep(world.call(chat=chat("Old rules.", "Who signs a form?")), "r", SEMANTIC, answer())
    assert (
        await world.cache.find(world.call(chat=chat("Old rules.", "Who signs the form?")), "r", SEMANTIC)
    ).verdict == "semantic"
    assert (
        await world.cache.find(world.call(chat=chat("New rules.", "Who signs the form?")), "r", SEMANTIC)
    ).verdict == "miss"


async def test_semantic_hits_are_shadowed_until_their_bound_holds_and_again_when_it_breaks(world):
    policy = replace(SEMANTIC, exact=0.0, wrong=0.1)
    again = world.call("How can I reset the router?")

    async def compared(times, fresh):
        for _ in range(times):
            await world.cache.compare(again, "r", found.entry, answer(fresh))

    await world.cache.keep(world.call(), "r", policy, answer())
    found = await world.cache.find(again, "r", policy)
    assert (found.verdict, found.completion) == ("shadowed", None)
    await compared(35, "hold the button")
    assert (await world.cache.find(again, "r", policy)).verdict == "shadowed"
    await compared(1, "Hold the button!")
    assert (await world.another().find(again, "r", policy)).verdict == "semantic"
    assert (await world.cache.find(again, "r", replace(policy, shadow=0.6))).verdict == "shadowed"
    await compared(1, "There is no button.")
    assert (await world.another().find(again, "r", policy)).verdict == "shadowed"
    (report,) = world.cache.report()
    assert (report.compared, report.wrong, report.shadowed, report.semantic) == (37, 1, 3, 0)
    assert report.low < 1 / 37 < report.high


async def test_without_an_embedder_only_the_same_request_is_answered(world):
    cache = TenantCache(world.store, None, world.reads, world.clock)
    await cache.keep(world.call(), "r", SEMANTIC, answer())
    assert (await cache.find(world.call(), "r", SEMANTIC)).verdict == "exact"
    assert (await cache.find(world.call("How can I reset the router?"), "r", SEMANTIC)).verdict == "miss"
