"""Plan, act, observe: what is called, what is not, what the model is told, what evidence says."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from aver.agents.acting import Agent, Limits
from aver.agents.tools import Result
from aver.core.errors import InvalidInput, NotFound, ProviderTimeout, Stopped, TooLarge, Unavailable
from aver.guard import Finding, Verdict
from aver.policy import Decision
from aver.store import Switch
from tests.unit.agents.acting.scene import BOOK, READ, SEND, WRITE, Scene, Script, Scripted, schema


def lookup(**more):
    return Scripted(
        "lookup", READ, schema(name="string"), lambda arguments: {"mail": f"{arguments['name']}@acme"}, **more
    )


def send(does=lambda arguments: {"sent": True}):
    return Scripted("send", SEND, schema(to="string", text="string"), does)


MAIL = {"to": "bob@acme", "text": "hi"}


@pytest.fixture
def scene(tmp_path):
    opened = []

    def make(*arguments, **more):
        opened.append(Scene(tmp_path, *arguments, **more))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


async def test_a_task_is_done_step_by_step_and_every_step_is_evidence(scene):
    tool, mail = lookup(), send()
    model = Script([("lookup", {"name": "bob"})], [("send", MAIL)], "Bob has been told.")
    at = scene(model, [tool, mail])
    outcome = await at.ask()
    assert (outcome.status, outcome.text) == ("answered", "Bob has been told.")
    assert [each[1] for each in mail.done] == [MAIL]
    assert at.kinds(outcome.turn) == [
        *("admitted", "called", "generated", "decided", "executed"),
        *("called", "generated", "decided", "intended", "executed"),
        *("called", "generated", "responded", "sealed"),
    ]
    assert "bob@acme" in model.heard()
    assert [(each.tool, each.status) for each in outcome.performed] == [("send", "done")]
    assert "bob@acme" not in json.dumps([step.facts for step in at.steps(outcome.turn)])


async def test_the_origins_of_arguments_reach_policy_and_evidence(scene):
    asked = []
    model = Script([("lookup", {"name": "bob"})], [("send", MAIL)], "Done.")
    at = scene(model, [lookup(), send()], lambda action: asked.append(action) or Decision("allow", "Yes.", ("yes",)))
    outcome = await at.ask()
    assert [action.history for action in asked] == [(), ("lookup",)]
    assert {path: [each.kind for each in several] for path, several in asked[1].origins.items()} == {
        "to": ["untrusted"],
        "text": ["unknown"],
    }
    assert at.facts(outcome.turn, "decided")[1]["origins"] == ["unknown", "untrusted"]


async def test_reading_calls_run_at_once_and_effects_in_their_order(scene):
    running, most, order = 0, 0, []

    class Slow(Scripted):
        async def call(self, arguments, key):
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.01)
            running -= 1
            order.append(self.name)
            return Result(None, "done")

    tools = [
        Slow("a", READ, schema()),
        Slow("b", READ, schema()),
        Slow("w", WRITE, schema()),
        Slow("v", WRITE, schema()),
    ]
    at = scene(Script([("a", {}), ("b", {}), ("w", {}), ("v", {})], "Done."), tools)
    assert (await at.ask()).status == "answered"
    assert most == 2
    assert order[2:] == ["w", "v"]


@pytest.mark.parametrize(
    ("call", "cause", "told"),
    [
        (("sned", MAIL), "unknown_tool", "Did you mean 'send'?"),
        (("send", {**MAIL, "bcc": "eve@evil"}), "invalid_arguments", "bcc"),
        (("send", {"to": "bob@acme"}), "invalid_arguments", "'text' is a required property"),
        (("send", {"to": 7, "text": "hi"}), "invalid_arguments", "7 is not of type"),
        (("send", '{"to": "bob'), "not_json", "not JSON"),
        (("send", "[]"), "not_json", "no JSON object"),
        (("send", "[" * 100_000), "not_json", "not JSON"),
        (("send", json.dumps({"to": "x" * 100_001, "text": ""})), "too_long", "characters"),
    ],
)
async def test_a_call_that_is_none_is_refused_and_the_model_told_why(scene, call, cause, told):
    mail, model = send(), Script([call], "I could not.")
    at = scene(model, [mail])
    outcome = await at.ask()
    assert mail.done == []
    assert [each["cause"] for each in at.facts(outcome.turn, "refused")] == [cause]
    assert told in model.heard()
    assert outcome.status == "answered"


async def test_ten_thousand_calls_in_one_reply_are_sixteen(scene):
    tool, model = lookup(), Script([("lookup", {"name": f"n{n}"}) for n in range(10_000)], "Enough.")
    at = scene(model, [tool])
    outcome = await at.ask()
    assert len(tool.done) == 16
    assert at.facts(outcome.turn, "generated")[0]["surplus"] == 9_984
    assert "9984 were not" in model.heard()


async def test_the_same_call_again_and_again_is_refused(scene):
    tool, model = lookup(), Script([("lookup", {"name": "bob"})])
    at = scene(model, [tool], agent=Agent(model.name, limits=Limits(steps=8)))
    outcome = await at.ask()
    assert len(tool.done) == 3
    assert {each["cause"] for each in at.facts(outcome.turn, "refused")} == {"repeated"}
    assert outcome.status == "failed"
    assert model.requests[-1].tool_choice == "none"


async def test_an_effect_that_was_brought_about_is_not_repeated(scene):
    mail, model = send(), Script([("send", MAIL), ("send", MAIL)], [("send", MAIL)], "Done.")
    at = scene(model, [mail])
    outcome = await at.ask()
    assert len(mail.done) == 1
    assert [each["cause"] for each in at.facts(outcome.turn, "refused")] == ["repeated", "repeated"]


async def test_what_policy_denies_or_cannot_decide_is_not_done(scene):
    def broken(action):
        raise ZeroDivisionError

    for decide, reason in (
        ((lambda _: Decision("deny", "Not by you.")), "Not by you."),
        (broken, "could not be evaluated"),
    ):
        mail, model = send(), Script([("send", MAIL)], "No.")
        at = scene(model, [mail], decide)
        outcome = await at.ask()
        assert mail.done == []
        assert at.facts(outcome.turn, "decided")[0]["outcome"] == "deny"
        assert reason in model.heard()


@pytest.mark.parametrize(
    ("limits", "steps"),
    [(Limits(steps=3), 3), (Limits(tokens=250), 3), (Limits(seconds=0), 0)],
)
async def test_a_turn_is_bounded(scene, limits, steps):
    book = Scripted("book", BOOK, schema(day="integer"), lambda arguments: {"id": arguments["day"]})
    cancel = Scripted("cancel", WRITE, schema(id="integer"))
    days = iter(range(100))
    model = Script(lambda _: [("book", {"day": next(days)})])
    at = scene(model, [book, cancel], agent=Agent(model.name, limits=limits))
    outcome = await at.ask()
    assert (outcome.status, outcome.error) == ("failed", "limit-reached")
    assert len(model.requests) == steps
    booked = [arguments["day"] for _, arguments in book.done]
    assert [arguments["id"] for _, arguments in cancel.done] == booked[::-1]


async def test_a_model_that_fails_ends_the_turn_and_takes_back_what_can_be(scene):
    book = Scripted("book", BOOK, schema(day="integer"), lambda arguments: {"id": 40 + arguments["day"]})
    cancel = Scripted("cancel", WRITE, schema(id="integer"))
    model = Script([("book", {"day": 1}), ("book", {"day": 2})], ProviderTimeout("Too slow", "Wait."))
    at = scene(model, [book, cancel])
    outcome = await at.ask()
    assert (outcome.status, outcome.error) == ("failed", "provider-timeout")
    assert [arguments for _, arguments in cancel.done] == [{"id": 42}, {"id": 41}]
    assert [each.compensation for each in outcome.performed] == ["done", "done"]
    failed = at.facts(outcome.turn, "failed")[0]
    assert (failed["done"], failed["undone"]) == (2, 2)


@pytest.mark.parametrize("tools", [[], [Scripted("cancel", WRITE, schema(other="integer"))]])
async def test_what_cannot_be_taken_back_is_said(scene, tools):
    book = Scripted("book", BOOK, schema(day="integer"), lambda arguments: {"id": 1})
    at = scene(Script([("book", {"day": 1})], ProviderTimeout("Too slow", "Wait.")), [book, *tools])
    assert [each.compensation for each in (await at.ask()).performed] == ["impossible"]


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (Unavailable("Down", "Wait."), "not_run"),
        (InvalidInput("Odd", "Mend it."), "not_run"),
        (ValueError("odd"), "undecided"),
        (Result(None, "no such account", failed=True), "failed"),
    ],
)
async def test_an_effect_that_went_wrong_is_told_as_what_is_known_of_it(scene, failure, status):
    mail, model = send(lambda _: failure), Script([("send", MAIL)], [("send", MAIL)], "Well.")
    at = scene(model, [mail])
    outcome = await at.ask()
    assert outcome.performed[0].status == status
    assert len(mail.done) == (1 if status == "undecided" else 2)
    assert bool(outcome.undecided) is (status == "undecided")


async def test_a_tool_that_hangs_is_undecided_if_it_has_effects(scene):
    class Hangs(Scripted):
        async def call(self, arguments, key):
            self.done.append((key, {}))
            await asyncio.sleep(60)

    model = Script([("w", {}), ("r", {})], "Well.")
    tools = [Hangs("w", WRITE, schema()), Hangs("r", READ, schema())]
    at = scene(model, tools, agent=Agent(model.name, limits=Limits(tool_seconds=0.01)))
    outcome = await at.ask()
    assert [each["outcome"] for each in at.facts(outcome.turn, "executed")] == ["undecided", "failed"]
    assert "Do not repeat it" in model.heard()


async def test_an_idempotent_tool_is_called_again_under_its_key(scene):
    mail = send(lambda _: OSError() if len(mail.done) < 3 else {"sent": True})
    mail.idempotent = True
    at = scene(Script([("send", MAIL)], "Done."), [mail])
    outcome = await at.ask()
    assert outcome.performed[0].status == "done"
    assert len({key for key, _ in mail.done}) == 1
    assert [each["attempt"] for each in at.facts(outcome.turn, "intended")] == [1, 2, 3]


async def test_an_attempt_that_did_not_run_says_nothing_of_the_one_before(scene):
    mail = send(lambda _: OSError() if len(mail.done) < 2 else Unavailable("Down", "Wait."))
    mail.idempotent = True
    at = scene(Script([("send", MAIL)], "Done."), [mail])
    assert (await at.ask()).performed[0].status == "undecided"


async def test_a_huge_result_and_terminal_escapes_do_not_reach_the_model(scene):
    odd = "\x1b[2J\x1b]0;owned\x07red\x9b31m\x00" + "x" * 600_000
    model = Script([("r", {})], "Well.")
    at = scene(model, [Scripted("r", READ, schema(), lambda _: Result(odd, odd))])
    outcome = await at.ask()
    told = model.requests[-1].messages[-1].parts[0].content[0].text
    opened, text = told.split("\n", 1)
    assert opened.startswith("<untrusted ")
    assert text.startswith("redxxx")
    assert "[cut: the first 50,000 of 600,022 characters are shown]" in text
    assert not any(char in told for char in "\x00\x07\x1b\x9b")
    assert len(told) < 51_000
    assert at.facts(outcome.turn, "executed")[0]["characters"] == len(odd)


async def test_a_structured_answer_fits_its_schema(scene):
    model = Script("Five.", '{"count": "5"}', '{"count": 5}')
    at = scene(model, [lookup()])
    outcome = await at.ask(output=schema(count="integer"))
    assert outcome.output == {"count": 5}
    assert model.requests[-1].output.schema == schema(count="integer")
    assert "'5' is not of type 'integer'" in model.heard()


async def test_a_model_that_never_writes_the_structure_fails(scene):
    at = scene(Script("Five."), [lookup()])
    outcome = await at.ask(output=schema(count="integer"))
    assert (outcome.status, outcome.error) == ("failed", "provider-error")
    with pytest.raises(InvalidInput):
        await at.ask(output={"type": "nothing"})


@pytest.mark.parametrize("reply", ["", "   ", []])
async def test_an_empty_reply_is_no_answer(scene, reply):
    at = scene(Script(reply), [])
    assert (await at.ask()).error == "provider-error"


async def test_a_conversation_goes_on_for_its_owner_alone(scene):
    model = Script("Hello Ann.", "As I said.")
    at = scene(model, [])
    first = await at.ask("Greet me")
    await at.ask("Again", conversation=first.conversation)
    assert "Greet me" in model.heard()
    assert "Hello Ann." in model.heard()
    with pytest.raises(NotFound):
        await at.acting.ask(at.person("eve"), "And me", first.conversation)
    for verb in (at.acting.turns.outcome, at.acting.turns.cancel, at.acting.turns.evidence):
        with pytest.raises(NotFound):
            verb(at.person("eve"), first.turn)


@pytest.mark.parametrize(("task", "error"), [("  ", InvalidInput), ("x" * 40_000, TooLarge)])
async def test_a_task_is_something_of_a_reasonable_length(scene, task, error):
    with pytest.raises(error):
        await scene(Script("Hm."), []).ask(task)


class Watchword:
    name = "watchword"

    def __init__(self, word):
        self._word = word

    async def check(self, text, place):
        at = text.find(self._word)
        if at < 0:
            return Verdict(self.name, "pass")
        return Verdict(self.name, "flag", [Finding("WORD", at, at + len(self._word), 1.0)], "the word")


async def test_guardrails_stand_at_every_place(scene):
    block, redact = (Watchword("swordfish"), "block"), (Watchword("swordfish"), "redact")
    spoken = [("lookup", {"name": "swordfish"})]
    at = scene(Script("Never asked."), [], guard={"input": [block]})
    refused = await at.ask("say swordfish")
    assert (refused.status, refused.error, at.model.requests) == ("failed", "content-filtered", [])
    at = scene(Script("Ok."), [], guard={"input": [redact]})
    await at.ask("say swordfish")
    assert "swordfish" not in at.model.heard()
    at = scene(Script(spoken, "No."), [lookup()], guard={"arguments": [block]})
    assert at.facts((await at.ask()).turn, "refused")[0]["cause"] == "guard"
    tool = lookup()
    at = scene(Script(spoken, "No."), [tool], guard={"arguments": [redact]})
    await at.ask()
    assert [arguments for _, arguments in tool.done] == [{"name": "[WORD]"}]
    at = scene(Script(spoken, "Ok."), [lookup()], guard={"result": [redact]})
    await at.ask()
    assert "[WORD]@acme" in at.model.heard()
    at = scene(Script(spoken, "Ok."), [lookup()], guard={"result": [block]})
    await at.ask()
    assert "[withheld: watchword: the word]" in at.model.heard()
    at = scene(Script("It is swordfish!"), [], guard={"output": [redact]})
    assert (await at.ask()).text == "It is [WORD]!"
    at = scene(Script("It is swordfish!"), [], guard={"output": [block]})
    assert "swordfish" not in (await at.ask()).text
    at = scene(Script("It is swordfish!"), [], guard={"output": [(Watchword("swordfish"), "observe")]})
    outcome = await at.ask()
    assert outcome.text == "It is swordfish!"
    assert at.facts(outcome.turn, "checked")[0]["counts"] == [1]


async def test_a_model_reads_tokens_while_its_tools_and_its_user_get_the_values(scene):
    mail = send()
    hidden = {"input": [(Watchword("bob@acme"), "redact")], "result": [(Watchword("bob@acme"), "redact")]}

    def token(request):
        return next(each for each in request.messages[1].text.split() if "WORD_1" in each)

    model = Script(
        lambda request: [("send", {"to": token(request), "text": "hi"})],
        lambda request: f"I wrote to {token(request)}.",
    )
    at = scene(model, [mail], guard=hidden, vault=True)
    outcome = await at.ask("Send hi to bob@acme please")
    assert [arguments for _, arguments in mail.done] == [MAIL]
    assert "bob@acme" not in "".join(repr(request.messages) for request in model.requests)
    assert outcome.text.startswith("I wrote to bob@acme")
    await at.ask("And once more", conversation=outcome.conversation)
    assert "bob@acme" not in model.heard()


async def test_a_check_that_cannot_judge_blocks(scene):
    class Broken:
        name = "broken"

        async def check(self, text, place):
            raise Unavailable("Down", "Wait.")

    at = scene(Script("Hello."), [], guard={"output": [(Broken(), "block")]})
    assert (await at.ask()).error == "content-filtered"


async def test_cancelling_ends_a_turn_at_work_and_takes_back(scene):
    book = Scripted("book", BOOK, schema(day="integer"), lambda arguments: {"id": 1})
    cancel = Scripted("cancel", WRITE, schema(id="integer"))

    class Stuck(Script):
        async def stream(self, request):
            if self.requests:
                at.acting.turns.cancel(at.ann, turn)
                await asyncio.sleep(60)
            async for delta in super().stream(request):
                yield delta

    at = scene(Stuck([("book", {"day": 1})], "Never."), [book, cancel])
    turn = at.acting.begin(at.ann, "Book it")
    outcome = await at.acting.run(turn)
    assert (outcome.status, outcome.performed[0].compensation) == ("cancelled", "done")
    at.acting.turns.cancel(at.ann, turn)
    assert await at.acting.run(turn) == outcome


async def test_whoever_leaves_waits_for_the_effect_under_way_and_its_record(scene):
    began = asyncio.Event()

    class Slow(Scripted):
        async def call(self, arguments, key):
            began.set()
            await asyncio.sleep(0.05)
            return await super().call(arguments, key)

    mail = Slow("send", SEND, schema(to="string", text="string"))
    at = scene(Script([("send", MAIL)], "Done."), [mail])
    turn = at.acting.begin(at.ann, "Send it")
    task = asyncio.ensure_future(at.acting.run(turn))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert at.facts(turn, "executed")[0]["outcome"] == "done"
    assert at.acting.due() == [turn]
    assert (await at.acting.run(turn)).status == "answered"
    assert len(mail.done) == 1


@pytest.mark.parametrize(
    ("kind", "name"),
    [("tool", "send"), ("feature", "agent"), ("model", "builtin:script"), ("tenant", ""), ("installation", "")],
)
async def test_a_kill_switch_holds_on_every_replica_and_says_so(scene, tmp_path, kind, name):
    other = Scene(tmp_path, Script("x"), [])
    mail, model = send(), Script(lambda _: stop() or [("send", MAIL)], "It is stopped.")
    thrown: list[Switch] = []

    def stop():
        tenant = "acme" if kind == "tenant" else ""
        thrown.append(other.store.throw_switch(kind, name, tenant, reason="mails go astray"))
        at.parts.switches._asked = float("-inf")  # a quarter of a second later

    at = scene(model, [mail])
    outcome = await at.ask()
    assert mail.done == []
    if kind == "tool":
        assert at.facts(outcome.turn, "refused")[0]["cause"] == "stopped"
        assert "mails go astray" in model.heard()
    else:
        assert (outcome.status, outcome.error) == ("failed", "stopped")
        assert "mails go astray" in outcome.text
        with pytest.raises(Stopped, match="mails go astray"):
            await at.ask()
    other.store.lift_switch(thrown[0].id)
    at.parts.switches._asked = float("-inf")
    model.replies = ["Again."]
    assert (await at.ask()).status == "answered"
    other.store.close()


async def test_a_stopped_turn_takes_back_when_it_may(scene):
    book = Scripted("book", BOOK, schema(day="integer"), lambda arguments: {"id": 1})
    cancel = Scripted("cancel", WRITE, schema(id="integer"))
    switches = []

    def stop(_):
        switches.append(at.store.throw_switch("installation", reason="trouble"))
        at.parts.switches._asked = float("-inf")
        return "Too late."

    at = scene(Script([("book", {"day": 1})], stop), [book, cancel])
    turn = at.acting.begin(at.ann, "Book")
    with pytest.raises(Stopped):
        await at.acting.run(turn)
    assert cancel.done == []
    at.store.lift_switch(switches[0].id)
    at.parts.switches._asked = float("-inf")
    (outcome,) = await at.acting.run_due()
    assert (outcome.status, outcome.error, len(cancel.done)) == ("failed", "stopped", 1)


async def test_taking_back_is_tried_again_where_it_certainly_did_not_run(scene):
    book = Scripted("book", BOOK, schema(day="integer"), lambda arguments: {"id": 1})
    cancel = Scripted(
        "cancel", WRITE, schema(id="integer"), lambda _: Unavailable("Down", "Wait.") if len(cancel.done) < 3 else None
    )
    at = scene(Script([("book", {"day": 1})], ProviderTimeout("Too slow", "Wait.")), [book, cancel])
    assert [each.compensation for each in (await at.ask()).performed] == ["done"]
    assert len(cancel.done) == 3


async def test_the_erased_turn_ends(scene):
    at = scene(Script("Hello."), [])
    turn = at.acting.begin(at.ann, "Greet")
    at.ledger.erase("user:ann")
    (outcome,) = await at.acting.run_due()
    assert (outcome.turn, outcome.status) == (turn, "failed")
    assert at.acting.due() == []


async def test_who_may_not_ask_any_more_does_nothing(scene):
    def gone(principal):
        raise NotFound("Ann has left", "Nothing.")

    mail = send()
    at = scene(Script([("send", MAIL)], "Done."), [mail], identify=gone)
    turn = at.acting.begin(at.ann, "Send it")
    outcome = await at.acting.run(turn)
    assert (outcome.status, outcome.error, outcome.text, mail.done) == ("failed", "not-found", "Ann has left.", [])


async def test_who_may_not_act_any_more_is_stopped_at_work_and_what_was_done_is_taken_back(scene):
    left = []

    def today(principal):
        if left:
            raise NotFound("Ann may not act any more", "Nothing.")
        return principal

    class Stuck(Script):
        async def stream(self, request):
            if self.requests:
                left.append("ann")
                await asyncio.sleep(60)
            async for delta in super().stream(request):
                yield delta

    book = Scripted("book", BOOK, schema(day="integer"), lambda arguments: {"id": 1})
    cancel = Scripted("cancel", WRITE, schema(id="integer"))
    at = scene(Stuck([("book", {"day": 1})], "Never."), [book, cancel], identify=today)
    outcome = await at.acting.run(at.acting.begin(at.ann, "Book it"))
    assert (outcome.status, outcome.error, outcome.text) == ("failed", "not-found", "Ann may not act any more.")
    assert outcome.performed[0].compensation == "done"


async def test_a_defect_in_a_tool_list_does_not_run_for_ever(scene):
    at = scene(Script([("lookup", {"name": "bob"})], "x"), [replace(lookup(), parameters={"type": 7})])
    outcome = await at.ask()
    assert at.facts(outcome.turn, "refused")[0]["cause"] == "invalid_arguments"
