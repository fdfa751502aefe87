"""A switch over the assistant, its tenant or the installation, before a turn and in the middle of one."""

from __future__ import annotations

import pytest

from aver.agents import Answer, Assistant, Release, Released, SentenceReady, always
from aver.core.errors import Stopped
from aver.gateway.config.types import GatewayConfig
from aver.gateway.service import Gateway
from aver.store import Switches
from tests.unit.agents.conftest import Verbatim

QUESTION = "How many days of unused leave carry over?"


def assistant(house, model):
    now = 0.0

    def later() -> float:
        nonlocal now
        now += 1.0  # every look is a second after the one before
        return now

    switches, config = Switches(house.installation.switches, later), GatewayConfig()

    async def halt(call, name):
        await switches.halt(call.principal.tenant, feature=call.feature, model=name)

    gateway = Gateway(lambda: config, builtin=(model,), last_resort=Verbatim(), halt=halt)
    release = Release(model=model.name, embedder=house.embedder.name)
    more = (house.knowledge, house.clock, house.embedder, always(Released(release, gateway)))
    return Assistant(house.store, house.ledger, *more, halt=switches.halt)


@pytest.mark.parametrize(
    "wanted",
    [
        ("installation", "", ""),
        ("tenant", "", "northwind"),
        ("feature", "assistant", "northwind"),
        ("model", "scripted:model", ""),
    ],
)
async def test_nothing_is_answered_and_everyone_is_told_why(house, say, wanted):
    model = say("Ten days. [1]")
    house.installation.throw_switch(*wanted, reason="the handbook is being revised")
    asked = assistant(house, model)
    with pytest.raises(Stopped, match="the handbook is being revised"):
        await asked.ask(house.bob, QUESTION)
    assert model.requests == []
    (switch,) = house.installation.switches()
    house.installation.lift_switch(switch.id)
    assert isinstance(await asked.ask(house.bob, QUESTION), Answer)


async def test_an_answer_under_way_is_cut_off(house, say):
    asked = assistant(house, say("Up to ten days of unused leave carry over to the next year. [1] " * 20))
    events = []

    async def read():
        async for event in asked.run(house.bob, QUESTION):
            events.append(event)
            if isinstance(event, SentenceReady):
                house.installation.throw_switch("feature", "assistant", reason="it invents laws")

    with pytest.raises(Stopped):
        await read()
    assert sum(isinstance(event, SentenceReady) for event in events) < 20
    last = house.ledger.turn(events[0].turn)[-1]
    assert (last.kind, last.facts["error"]) == ("failed", "stopped")
