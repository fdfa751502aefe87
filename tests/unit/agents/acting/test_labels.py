"""Labels in the loop: what a tool returned raises that of every call of a model after it, through memory, conversations and processes."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.agents.acting import Acting, Agent
from aver.agents.tools import Result
from aver.core.errors import Unavailable
from aver.core.labels import ANYTHING, Label, combined
from aver.policy import Policies
from aver.server.story import sentence
from tests.unit.agents.acting.scene import READ, SEND, WRITE, Scene, Script, Scripted, allow, ask_to_send, schema

EU = Label("restricted", frozenset({"eu"}))
LOOK = [("look", {"at": "contract"})]
SECRET = "The penalty is nine thousand a week"


class Listening:
    """A model that says what the labels of its calls were."""

    def __init__(self, gateway) -> None:
        self.heard: list[dict[str, Label]] = []
        self._gateway = gateway

    async def complete(self, call):
        self.heard.append(dict(call.labels))
        return await self._gateway.complete(call)


@pytest.fixture
def scene(tmp_path):
    opened = []

    def make(replies, tools, *arguments, own=None, region="", **more):
        at = Scene(tmp_path, Script(*replies), tools, *arguments, **more)
        at.listening = Listening(at.parts.model)
        label = {"label": lambda: own} if own else {}
        at.acting = Acting(replace(at.parts, model=at.listening, region=region, **label))
        opened.append(at)
        return at

    yield make
    for each in opened:
        each.close()


def look(does=lambda _: {"term": SECRET}, label=EU):
    return Scripted("look", replace(READ, label=label), schema(at="string"), does)


async def test_what_a_tool_returned_raises_the_label_of_what_follows(scene):
    at = scene([LOOK, "Done."], [look()])
    outcome = await at.ask("Look at the contract")
    assert outcome.status == "answered"
    assert at.listening.heard == [{}, {"1.1": EU}]
    (executed,) = at.facts(outcome.turn, "executed")
    assert (executed["level"], executed["regions"]) == ("restricted", ["eu"])
    called = at.facts(outcome.turn, "called")
    assert [(each["level"], each.get("raised_by")) for each in called] == [(None, None), ("restricted", ["1.1"])]
    told = [sentence(step) for step in at.steps(outcome.turn)]
    assert any(each.startswith("look was called") and each.endswith("; restricted, for eu alone") for each in told)
    assert any(each.endswith("; restricted, for eu alone (by 1.1)") for each in told)


async def test_without_a_label_nothing_more_is_on_record(scene):
    at = scene([LOOK, "Done."], [look(label=Label())])
    outcome = await at.ask("Look at the contract")
    assert at.listening.heard == [{}, {}]
    for step in at.steps(outcome.turn):
        assert not {"regions", "raised_by"} & step.facts.keys()
        assert not step.facts.get("level")
        assert step.kind not in ("admitted", "executed") or "label" not in step.body


@pytest.mark.parametrize(
    "came",
    [
        lambda _: Result(None, "There is no such contract", failed=True),
        lambda _: RuntimeError("it broke"),
        lambda _: Result({"term": SECRET}, "", label=Label("internal", frozenset({"eu", "ch"}))),
    ],
)
async def test_whatever_a_call_came_to_has_what_its_tool_declares(scene, came):
    at = scene([LOOK, "Done."], [look(came)])
    await at.ask("Look at the contract")
    assert at.listening.heard[1] == {"1.1": EU}


async def test_why_a_call_came_to_nothing_may_tell_of_it_too(scene):
    send = Scripted("send", replace(SEND, region="us"), schema(to="string", text="string"))
    replies = [LOOK, [("send", {"to": "bob@acme.test", "text": "It is closed"})], "Done."]
    write = Scripted(
        "look", replace(WRITE, label=EU), schema(at="string"), lambda _: Unavailable("The vault is closed", "Wait.")
    )
    standard = Policies.standard()
    at = scene(replies, [write, send], lambda asked: (allow if asked.tool == "look" else standard.decide)(asked))
    outcome = await at.ask("Look at the contract and send bob@acme.test what you know")
    assert [each.status for each in outcome.actions] == ["not_run", "denied"]
    assert at.facts(outcome.turn, "decided")[1]["policies"] == ["labelled"]


async def test_a_result_raises_what_its_tool_declares(scene):
    at = scene([LOOK, "Done."], [look(lambda _: Result({}, "x", label=EU), Label("confidential"))])
    await at.ask("Look at the contract")
    assert at.listening.heard[1] == {"1.1": EU}


async def test_a_label_is_what_it_was_in_another_process(scene):
    tools = [look(), Scripted("send", SEND, schema(to="string", text="string"))]
    replies = [LOOK, [("send", {"to": "bob", "text": SECRET})], "Done."]
    at = scene(replies, tools, ask_to_send)
    waiting = await at.ask("Look at the contract and send it to bob")
    assert waiting.status == "waiting"
    after = scene(replies[2:], tools, ask_to_send)
    after.acting.approvals.approve(after.ann, waiting.approvals[0])
    (done,) = await after.acting.run_due()
    assert done.status == "answered"
    assert after.listening.heard == [{"1.1": EU}]
    decided = after.facts(done.turn, "decided")
    assert [each.get("level") for each in decided] == [None, "restricted", "restricted"], "asked once more, alike"


async def test_policy_refuses_what_a_tool_may_not_be_given_and_says_why(scene):
    send = Scripted("send", replace(SEND, region="us"), schema(to="string", text="string"))
    replies = [LOOK, [("send", {"to": "bob@acme.test", "text": SECRET})], "It was not sent."]
    at = scene(replies, [look(), send], Policies.standard().decide)
    outcome = await at.ask("Look at the contract and send it to bob@acme.test")
    assert send.done == []
    assert outcome.actions[-1].status == "denied"
    assert "by its label" in outcome.actions[-1].reason
    (_, decided) = at.facts(outcome.turn, "decided")
    assert (decided["policies"], decided["level"], decided["regions"]) == (["labelled"], "restricted", ["eu"])
    assert "by its label" in at.model.heard(), "the model is told"


async def test_what_is_remembered_keeps_its_label(scene):
    keep = [("remember", {"name": "penalty", "value": SECRET})]
    at = scene([LOOK, keep, "Kept.", "You know it."], [look()], agent=Agent("builtin:script", remembers=True))
    await at.ask("Look at the contract and remember the penalty")
    (kept,) = at.acting.memory.recall(at.ann)
    assert kept.origin.label == EU
    await at.ask("What is the penalty?")
    assert at.listening.heard[-1] == {"memory": EU}


async def test_an_answer_keeps_the_label_of_its_turn_in_the_conversation(scene):
    at = scene([LOOK, "It is nine thousand.", "As I said."], [look()])
    first = await at.ask("Look at the contract")
    second = await at.ask("What was it?", conversation=first.conversation)
    third = await at.ask("Again?", conversation=first.conversation)
    assert at.listening.heard[-2] == {first.turn: EU}
    assert at.listening.heard[-1] == {first.turn: EU, second.turn: EU}
    assert third.status == "answered"


async def test_a_caller_says_how_confidential_the_task_is(scene):
    at = scene(
        [[("send", {"to": "bob", "text": "we merge"})], "Done.", "Again."],
        [Scripted("send", SEND, schema(to="string", text="string"))],
    )
    turn = at.acting.begin(at.ann, "Send bob that we merge", label=Label("confidential"))
    outcome = await at.acting.run(turn)
    assert at.listening.heard == [{"caller": Label("confidential")}] * 2
    assert at.facts(turn, "decided")[0]["level"] == "confidential"
    await at.ask("And again", conversation=outcome.conversation)
    assert at.listening.heard[-1] == {turn: Label("confidential")}


async def test_everything_of_a_tenant_has_its_label(scene):
    send = Scripted("send", SEND, schema(to="string", text="string"))
    at = scene([[("send", {"to": "bob", "text": "hello"})], "Done."], [send], own=Label("confidential"))
    outcome = await at.ask("Send bob hello")
    assert at.facts(outcome.turn, "decided")[0]["level"] == "confidential"
    assert at.listening.heard == [{}, {}], "the gateway asks what is declared by itself"


LABELS = {
    "plain": ANYTHING,
    "near": Label("internal", frozenset({"eu", "ch"})),
    "here": Label("public", frozenset({"ch"})),
    "board": Label("restricted"),
}


@settings(max_examples=5, deadline=None)
@given(st.lists(st.lists(st.sampled_from(sorted(LABELS)), max_size=3), min_size=1, max_size=3))
def test_no_call_of_a_model_has_less_than_all_that_came_before_it_in_its_conversation(turns):
    """Each turn is another process's, and reads in turn what it is told to."""
    conversation, come = None, ANYTHING
    with tempfile.TemporaryDirectory() as folder:
        for reads in turns:
            tools = [Scripted(name, replace(READ, label=label), schema(n="integer")) for name, label in LABELS.items()]
            replies = [[(name, {"n": n})] for n, name in enumerate(reads)]
            at = Scene(Path(folder), Script(*replies, "Done."), tools)
            listening = Listening(at.parts.model)
            at.acting = Acting(replace(at.parts, model=listening))
            outcome = asyncio.run(at.ask("Read on", conversation=conversation))
            conversation = outcome.conversation
            for heard, read in zip(listening.heard, ["plain", *reads], strict=True):
                come = combined((come, LABELS[read]))
                assert combined(heard.values()) == come
            at.close()


@pytest.mark.parametrize(("region", "kept"), [("", True), ("eu", True), ("us", False)])
async def test_nothing_is_kept_where_it_may_not_be(scene, region, kept):
    at = scene([LOOK, "Done."], [look()], region=region)
    outcome = await at.ask("Look at the contract")
    steps = repr(at.steps(outcome.turn))
    assert (SECRET in steps, SECRET in at.model.heard()) == (kept, kept)
    assert ("may be kept in eu, and this installation is in us" in at.model.heard()) == (not kept)


async def test_an_approval_for_the_conversation_is_for_what_was_as_confidential(scene):
    def send(text):
        return [("send", {"to": "bob@acme.test", "text": text})]

    tools = [look(label=Label("confidential")), Scripted("send", SEND, schema(to="string", text="string"))]
    tools.append(Scripted("see", replace(READ, label=EU), schema(), lambda _: {"pay": "sixty eight thousand"}))
    task = "Look, see, and send bob@acme.test all of it"
    replies = [LOOK, send(SECRET), "Sent.", LOOK, send(SECRET), [("see", {})], send("sixty eight thousand"), "Sent."]
    at = scene(replies, tools, Policies.standard().decide)
    first = await at.ask(task)
    at.acting.approvals.approve(at.ann, first.approvals[0], "conversation")
    (done,) = await at.acting.run_due()
    again = await at.ask(task, conversation=done.conversation)
    assert [each.status for each in again.actions] == ["done", "done", "done", "waiting"]


async def test_what_is_no_label_is_no_result(scene):
    at = scene([LOOK, "Done."], [look(lambda _: Result({}, "x", label="restricted"))])
    outcome = await at.ask("Look at the contract")
    assert outcome.actions[0].status == "failed"
