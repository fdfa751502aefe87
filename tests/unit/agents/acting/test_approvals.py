"""Who is asked, what they are shown, how long an answer holds, and who may give it."""

from __future__ import annotations

import pytest

from aver.agents.acting import Agent, FourEyes
from aver.agents.tools import Result
from aver.core import Principal
from aver.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from aver.policy import Decision, Effect
from tests.unit.agents.acting.scene import READ, SEND, Scene, Script, Scripted, ask_to_send, schema

MAIL = {"to": "bob@acme", "text": "hi"}


def send():
    return Scripted("send", SEND, schema(to="string", text="string"))


@pytest.fixture
def scene(tmp_path):
    opened = []

    def make(*arguments, **more):
        opened.append(Scene(tmp_path, *arguments, **more))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


async def test_a_call_waits_is_shown_as_it_is_and_runs_once_approved(scene):
    mail, model = send(), Script([("send", MAIL)], "Sent.")
    at = scene(model, [mail], ask_to_send)
    waiting = await at.ask("Write to bob@acme")
    assert (waiting.status, len(waiting.approvals), mail.done) == ("waiting", 1, [])
    assert at.acting.due() == []
    (pending,) = at.acting.approvals.pending(at.ann)
    assert (pending.id, pending.tool, pending.arguments, pending.asker) == (waiting.approvals[0], "send", MAIL, "ann")
    assert (pending.reason, pending.policies, pending.task) == (
        "It leaves the house.",
        ("leaves",),
        "Write to bob@acme",
    )
    assert [origin.kind for origin in pending.origins["to"]] == ["user"]
    at.clock.advance(2 * 24 * 3600)
    assert at.acting.approvals.approve(at.ann, pending.id, reason="fine") == waiting.turn
    (outcome,) = await at.acting.run_due()
    assert (outcome.status, [each[1] for each in mail.done]) == ("answered", [MAIL])
    kinds = at.kinds(outcome.turn)
    assert [kind for kind in kinds if kind in ("asked", "approved", "resumed", "decided", "intended")] == [
        *("decided", "asked", "approved", "resumed", "decided", "intended")
    ]
    with pytest.raises(Conflict, match="approved already"):
        at.acting.approvals.reject(at.ann, pending.id)


async def test_what_would_mislead_whoever_approves_is_made_visible(scene):
    odd = {"to": "b\u043eb@acme\u202e", "text": "hi\u200b"}
    at = scene(Script([("send", odd)], "Sent."), [send()], ask_to_send)
    await at.ask()
    (pending,) = at.acting.approvals.pending(at.ann)
    assert pending.arguments == odd
    assert pending.shown == {"to": "b\u043eb@acme\\u{202e}", "text": "hi\\u{200b}"}
    assert any("alphabets" in warning for warning in pending.warnings)
    assert any("cannot be seen" in warning for warning in pending.warnings)


async def test_a_rejection_is_told_and_the_turn_goes_on(scene):
    mail, model = send(), Script([("send", MAIL)], "I did not.")
    at = scene(model, [mail], ask_to_send)
    waiting = await at.ask()
    at.acting.approvals.reject(at.ann, waiting.approvals[0], reason="Not on a Sunday")
    (outcome,) = await at.acting.run_due()
    assert (outcome.status, mail.done) == ("answered", [])
    assert "Not on a Sunday" in model.heard()


async def test_nobody_answering_in_time_is_an_answer(scene):
    mail, model = send(), Script([("send", MAIL)], "Nobody said yes.")
    at = scene(model, [mail], ask_to_send, agent=Agent(model.name, approval_hours=1))
    waiting = await at.ask()
    at.clock.advance(3601)
    assert at.acting.approvals.pending(at.ann) == []
    with pytest.raises(Conflict, match="expired already"):
        at.acting.approvals.approve(at.ann, waiting.approvals[0])
    (outcome,) = await at.acting.run_due()
    assert (outcome.status, mail.done) == ("answered", [])
    assert "expired" in at.kinds(outcome.turn)


async def test_approved_for_the_conversation_holds_for_the_like_in_it(scene):
    mail = send()
    other = {"to": "bob@acme", "text": "again"}
    model = Script([("send", MAIL)], "1", [("send", other)], "2", [("send", {**other, "to": "eve@evil"})], "3")
    at = scene(model, [mail], ask_to_send)
    first = await at.ask("Write to bob@acme")
    at.acting.approvals.approve(at.ann, first.approvals[0], "conversation")
    await at.acting.run_due()
    second = await at.ask("Write to bob@acme once more", conversation=first.conversation)
    assert second.status == "answered"
    assert (await at.ask("And to eve@evil", conversation=first.conversation)).status == "waiting"
    model.replies = [[("send", MAIL)], "4"]
    assert (await at.ask("Write to bob@acme")).status == "waiting"
    (standing,) = at.acting.approvals.standing(at.ann)
    assert (standing.outcome, standing.conversation) == ("allow", first.conversation)
    at.acting.approvals.lift(at.ann, standing.id)
    model.replies = [[("send", MAIL)], "5"]
    assert (await at.ask("Write to bob@acme", conversation=first.conversation)).status == "waiting"


async def test_approved_for_the_conversation_does_not_hold_once_origins_are_worse(scene):
    model = Script([("send", MAIL)], "1", [("send", MAIL)], "2")
    at = scene(model, [send()], ask_to_send)
    first = await at.ask("Write hi to bob@acme")
    at.acting.approvals.approve(at.ann, first.approvals[0], "conversation")
    await at.acting.run_due()
    # The same address, but this time nobody has said the text.
    model.replies = [[("send", {**MAIL, "text": "zzz"})], "2"]
    assert (await at.ask("Go on", conversation=first.conversation)).status == "waiting"


async def test_never_is_remembered_everywhere_for_that_user(scene):
    mail, model = send(), Script([("send", MAIL)], "1")
    at = scene(model, [mail], ask_to_send)
    first = await at.ask()
    at.acting.approvals.reject(at.ann, first.approvals[0], never=True)
    await at.acting.run_due()
    model.replies = [[("send", {**MAIL, "text": "please"})], "2"]
    second = await at.ask()
    assert (second.status, mail.done) == ("answered", [])
    assert "never" in model.heard()
    model.replies = [[("send", MAIL)], "3"]
    assert (await at.acting.ask(at.person("bea"), "Do it")).status == "waiting"


async def test_four_eyes_means_somebody_else_with_the_role(scene):
    mail, model = send(), Script([("send", MAIL)], "Sent.")
    agent = Agent(model.name, four_eyes=FourEyes(frozenset({Effect.SEND}), "approver"))
    at = scene(model, [mail], agent=agent)  # policy itself would allow it
    waiting = await at.acting.ask(at.person("ann", "approver"), "Do it")
    approvals, (wanted,) = at.acting.approvals, waiting.approvals
    with pytest.raises(Forbidden, match="second person"):
        approvals.approve(at.person("ann", "approver"), wanted)
    with pytest.raises(NotFound):
        approvals.approve(at.person("eve"), wanted)
    boss = at.person("bob", "approver")
    assert approvals.pending(at.person("ann", "approver")) == approvals.pending(at.person("eve")) == []
    assert [each.id for each in approvals.pending(boss)] == [wanted]
    with pytest.raises(InvalidInput):
        approvals.approve(boss, wanted, "conversation")
    approvals.approve(boss, wanted)
    (outcome,) = await at.acting.run_due()
    assert (outcome.status, len(mail.done)) == ("answered", 1)
    (said,) = [step for step in at.steps(outcome.turn) if step.kind == "approved"]
    assert said.body["by"] == "bob"


async def test_another_tenants_person_or_a_stranger_sees_and_decides_nothing(scene):
    at = scene(Script([("send", MAIL)], "x"), [send()], ask_to_send)
    waiting = await at.ask()
    assert at.acting.approvals.pending(at.person("eve", "admin")) == []
    with pytest.raises(NotFound):
        at.acting.approvals.approve(at.person("eve", "admin"), waiting.approvals[0])
    stranger = type(at.ann)("tenant_other", "ann")
    for verb in (lambda: at.acting.approvals.pending(stranger), lambda: at.acting.begin(stranger, "Do it")):
        with pytest.raises(NotFound):
            verb()


async def test_policy_is_asked_again_once_it_was_approved(scene):
    mail, answers = send(), [Decision("ask", "Hm."), Decision("deny", "Not any more.")]
    model = Script([("send", MAIL)], "No.")
    at = scene(model, [mail], lambda _: answers.pop(0))
    waiting = await at.ask()
    at.acting.approvals.approve(at.ann, waiting.approvals[0])
    (outcome,) = await at.acting.run_due()
    assert (outcome.status, mail.done) == ("answered", [])
    assert "Not any more." in model.heard()


async def test_a_tool_that_changed_meanwhile_does_not_take_the_call(scene):
    mail, model = send(), Script([("send", MAIL)], "No.")
    at = scene(model, [mail], ask_to_send)
    waiting = await at.ask()
    at.acting.approvals.approve(at.ann, waiting.approvals[0])
    mail.parameters = schema(recipient="string")
    (outcome,) = await at.acting.run_due()
    assert (outcome.status, mail.done) == ("answered", [])


async def test_a_waiting_turn_that_is_cancelled_asks_nobody_any_more(scene):
    at = scene(Script([("send", MAIL)], "x"), [send()], ask_to_send)
    waiting = await at.ask()
    at.acting.turns.cancel(at.ann, waiting.turn)
    (outcome,) = await at.acting.run_due()
    assert outcome.status == "cancelled"
    with pytest.raises(Conflict, match="withdrawn already"):
        at.acting.approvals.approve(at.ann, waiting.approvals[0])


async def test_how_often_people_are_asked_is_counted(scene):
    model = Script([("send", MAIL), ("send", {**MAIL, "text": "b"})], "x")
    at = scene(model, [send()], ask_to_send)
    waiting = await at.ask()
    at.acting.approvals.approve(at.ann, waiting.approvals[0])
    asking = at.acting.approvals.asking()
    assert (asking.actions, asking.asked, asking.approved, asking.pending, asking.rate) == (2, 2, 1, 1, 1.0)


async def test_what_is_erased_cannot_be_approved_by_anyone_who_does_not_see_it(scene):
    at = scene(Script([("send", MAIL)], "x"), [send()], ask_to_send)
    waiting = await at.ask()
    at.ledger.erase("user:ann")
    assert at.acting.approvals.pending(at.ann) == []
    at.acting.approvals.approve(at.ann, waiting.approvals[0])
    (outcome,) = await at.acting.run_due()
    assert outcome.status == "failed"


async def test_nobody_sees_or_approves_what_carries_more_than_they_may_read(scene):
    pay = Scripted(
        "pay", READ, schema(), lambda _: Result("Eve earns 98,400 euros", "", readers=frozenset({"group:board"}))
    )
    mail, model = (
        send(),
        Script([("pay", {})], [("send", {"to": "bob@acme", "text": "Eve earns 98,400 euros"})], "Sent."),
    )
    agent = Agent(model.name, four_eyes=FourEyes(frozenset({Effect.SEND}), "approver"))
    at = scene(model, [pay, mail], agent=agent)
    ann = Principal(at.ann.tenant, "ann", frozenset({"board"}))
    waiting = await at.acting.ask(ann, "Write to bob@acme")
    plain, board = (
        Principal(ann.tenant, "bo", groups, frozenset({"approver"})) for groups in (frozenset(), ann.groups)
    )
    approvals, (wanted,) = at.acting.approvals, waiting.approvals
    assert approvals.pending(plain) == []
    for verb in (approvals.show, approvals.approve):
        with pytest.raises(NotFound):
            verb(plain, wanted)
    assert [each.id for each in approvals.pending(board)] == [wanted]
    approvals.approve(board, wanted)
    (outcome,) = await at.acting.run_due()
    assert (outcome.status, len(mail.done)) == ("answered", 1)
    turns = at.acting.turns
    assert turns.outcome(ann, waiting.turn).performed[0].arguments["text"] == "Eve earns 98,400 euros"
    later = at.ann  # who is of the board no more
    assert "98,400" not in repr((turns.outcome(later, waiting.turn), turns.evidence(later, waiting.turn)))
    model.replies = ["Nothing."]
    await at.acting.ask(later, "And now?", outcome.conversation)
    assert "bob@acme" not in model.heard()
