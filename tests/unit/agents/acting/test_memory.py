"""What is remembered keeps its origin, its readers and its owner."""

from __future__ import annotations

import pytest

from aver.agents.acting import Agent
from aver.agents.acting.memory import weakest
from aver.core import Principal
from aver.core.errors import InvalidInput, NotFound, TooLarge
from aver.policy import Decision, Origin
from tests.unit.agents.acting.scene import SEND, Scene, Script, Scripted, allow, schema


@pytest.fixture
def scene(tmp_path):
    opened = []

    def make(*arguments, **more):
        opened.append(Scene(tmp_path, *arguments, **more))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def test_a_value_is_its_users_alone_replaced_and_forgotten(scene):
    at = scene(Script("x"), [])
    memory, eve = at.acting.memory, at.person("eve")
    memory.remember(at.ann, "mail", "bob@acme", [Origin("user")])
    memory.remember(at.ann, "mail", "bob@home", [Origin("user")])
    assert [(each.name, each.value) for each in memory.recall(at.ann)] == [("mail", "bob@home")]
    assert memory.recall(eve) == []
    with pytest.raises(NotFound):
        memory.forget(eve, "mail")
    memory.forget(at.ann, "mail")
    assert memory.recall(at.ann) == []
    memory.remember(at.ann, "mail", "bob@acme", [])
    at.ledger.erase("user:ann")
    assert memory.recall(at.ann) == []


def test_of_several_origins_the_least_trusted_counts_and_all_must_be_readable(scene):
    both = [Origin("user"), Origin("untrusted", "2.1", frozenset({"group:hr", "user:ann"})), Origin("trusted")]
    assert weakest(both) == Origin("untrusted", "2.1", frozenset({"group:hr", "user:ann"}))
    assert weakest([]) == Origin("unknown")
    at = scene(Script("x"), [])
    hr = Principal(at.ann.tenant, "ann", frozenset({"hr"}))
    at.acting.memory.remember(hr, "pay", 70, [Origin("trusted", "1.1", frozenset({"group:hr"}))])
    assert [each.value for each in at.acting.memory.recall(hr)] == [70]
    assert at.acting.memory.recall(at.ann) == []


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [("", 1, InvalidInput), ("a\nb", 1, InvalidInput), ("a", {1}, InvalidInput), ("a", "x" * 20_000, TooLarge)],
)
def test_what_cannot_be_remembered_is_said(scene, name, value, error):
    at = scene(Script("x"), [])
    with pytest.raises(error):
        at.acting.memory.remember(at.ann, name, value, [])


async def test_what_came_from_untrusted_text_is_untrusted_in_every_later_turn(scene):
    kinds = []

    def watch(action):
        kinds.append([origin.kind for origin in action.origins.get("to", ())])
        return Decision("deny", "No.")

    at = scene(Script([("send", {"to": "eve@evil"})], "x"), [Scripted("send", SEND, schema(to="string"))], watch)
    at.acting.memory.remember(at.ann, "colleague", "eve@evil", [Origin("untrusted", "1.1")])
    await at.ask("Write to my colleague")
    assert kinds == [["untrusted"]]
    assert "eve@evil" in at.model.requests[0].messages[-1].text


async def test_a_model_remembers_by_a_tool_and_does_not_say_from_where(scene):
    model = Script(
        [("remember", {"name": "floor", "value": "third"}), ("remember", {"name": "x", "value": "q"})], "Noted."
    )
    at = scene(model, [], allow, agent=Agent(model.name, remembers=True))
    assert (await at.ask("My floor is the third")).status == "answered"
    assert [(each.name, each.value, each.origin.kind) for each in at.acting.memory.recall(at.ann)] == [
        ("floor", "third", "user"),
        ("x", "q", "unknown"),
    ]


async def test_a_turn_is_told_of_no_more_than_it_can_read(scene):
    at = scene(Script("Ok."), [])
    for number in range(5):
        at.acting.memory.remember(at.ann, f"note {number}", f"{number}" * 9_000, [Origin("user")])
    await at.ask("What is new?")
    told = at.model.requests[0].messages[-1].text
    assert [f"note {number}" in told for number in range(5)] == [False, False, False, True, True]
