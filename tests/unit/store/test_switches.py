"""What is stopped is known within a second, without anybody waiting for it, and nothing goes on where it cannot be known."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime

import pytest

from aver.core.errors import Stopped, Unavailable
from aver.store import Switch, Switches

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def switch(kind, name="", tenant=""):
    return Switch("switch_1", kind, name, tenant, "maintenance", NOW)


class Table:
    """What a store would read, and how often it was asked."""

    def __init__(self):
        self.thrown, self.read, self.error, self.now = [], 0, None, 0.0

    def __call__(self):
        self.read += 1
        if self.error:
            raise self.error
        return list(self.thrown)

    def switches(self):
        return Switches(self, lambda: self.now)


@pytest.mark.parametrize(
    ("thrown", "stopped"),
    [
        (switch("tool", "send"), {"tool": "send"}),
        (switch("feature", "desk"), {"feature": "desk"}),
        (switch("model", "big"), {"model": "big"}),
        (switch("tenant", tenant="acme"), {}),
        (switch("installation"), {}),
        (switch("tool", "send", "acme"), {"tool": "send"}),
    ],
)
async def test_a_switch_stops_what_it_names_and_nothing_else(thrown, stopped):
    table = Table()
    table.thrown = [thrown]
    switches = table.switches()
    for ask in (switches.check, switches.halt):
        with pytest.raises(Stopped, match="stopped by an administrator: maintenance"):
            await _asked(ask("acme", **stopped))
        if thrown.tenant or thrown.kind == "tenant":
            await _asked(ask("other", **stopped))
        if stopped:
            await _asked(ask("acme", **dict.fromkeys(stopped, "other")))


async def _asked(answer):
    if answer is not None:
        await answer


async def test_within_a_second_whoever_asks_knows_and_nobody_waits_for_the_query():
    table = Table()
    switches = table.switches()
    await switches.halt("acme")
    table.thrown, table.now = [switch("installation")], 0.2
    await switches.halt("acme")
    assert table.read == 1
    table.now = 0.5
    await switches.halt("acme")  # goes on, and has it read
    while table.read == 1 or switches._reading:  # noqa: ASYNC110 - the query runs in a thread
        await asyncio.sleep(0)
    with pytest.raises(Stopped):
        await switches.halt("acme")
    table.thrown, table.now = [], 10.0
    await switches.halt("acme")  # the last reading is too old to go by
    assert table.read == 3


async def test_many_at_once_make_one_query():
    table = Table()
    switches = table.switches()
    await asyncio.gather(*(switches.halt("acme") for _ in range(50)))
    threads = [threading.Thread(target=switches.check, args=("acme",)) for _ in range(10)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert table.read == 1


async def test_what_cannot_be_known_to_be_allowed_is_not():
    table = Table()
    switches = table.switches()
    await switches.halt("acme")
    table.error, table.now = Unavailable("The database is away", "Wait."), 0.3
    await switches.halt("acme")
    table.now = 0.8
    for ask in (switches.check, switches.halt):
        with pytest.raises(Unavailable):
            await _asked(ask("acme"))
