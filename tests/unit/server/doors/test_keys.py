"""API keys at the doors: asked for once, remembered for a moment, forgotten at once."""

from __future__ import annotations

import asyncio
import threading

import pytest

from aver.core.errors import Unauthenticated
from aver.server.doors.keys import KeyCache
from aver.store import Store


class Slow:
    """A store that says how often it was asked, and answers when it is let."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.asked = 0
        self.began = threading.Event()
        self.answers = threading.Event()

    def authenticate(self, secret: str):
        self.asked += 1
        key = self._store.authenticate(secret)
        self.began.set()
        self.answers.wait(10)
        return key


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "data", None)
    store.create_tenant("acme")
    yield store
    store.close()


@pytest.fixture
def key(store):
    return store.create_key("acme", "ann")


@pytest.fixture
def slow(store):
    return Slow(store)


async def test_calls_that_come_at_once_ask_once_and_one_that_leaves_takes_nothing_from_the_others(slow, key):
    cache = KeyCache(slow, lambda: 0.0)
    calls = [asyncio.create_task(cache.find(key[1].encode())) for _ in range(20)]
    await asyncio.to_thread(slow.began.wait, 10)
    calls[0].cancel()
    slow.answers.set()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert {(each.key, each.principal.user) for each in outcomes[1:]} == {(key[0].id, "ann")}
    assert (await cache.find(key[1].encode())).key == key[0].id
    assert slow.asked == 1


async def test_a_key_is_asked_for_again_after_its_moment(slow, key):
    now = [0.0]
    slow.answers.set()
    cache = KeyCache(slow, lambda: now[0])
    for now[0], asked in ((0.0, 1), (0.4, 1), (0.6, 2), (0.7, 2)):
        await cache.find(key[1].encode())
        assert slow.asked == asked


async def test_a_key_that_is_revoked_while_it_is_asked_for_is_not_remembered(slow, store, key):
    cache = KeyCache(slow)
    before = asyncio.create_task(cache.find(key[1].encode()))
    await asyncio.to_thread(slow.began.wait, 10)
    store.revoke_key("acme", key[0].id)
    cache.forget()
    slow.answers.set()
    with pytest.raises(Unauthenticated):
        await cache.find(key[1].encode())
    await before  # it came before the key was revoked
    with pytest.raises(Unauthenticated):
        await cache.find(key[1].encode())


async def test_an_unknown_key_is_refused_to_each_who_brings_it(slow):
    slow.answers.set()
    cache = KeyCache(slow)
    for secret in (b"", b"aver_nobody", b"aver_nobody"):
        with pytest.raises(Unauthenticated):
            await cache.find(secret)
    outcomes = await asyncio.gather(*(cache.find(b"aver_nobody") for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in outcomes] == [Unauthenticated] * 3
