"""Acting turns on every engine: they wait, are held by one process, go on elsewhere, and can be stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from aver.core.errors import Conflict, InvalidInput, NotFound, Stopped
from aver.policy import Origin
from aver.store import Store, Switches
from tests.unit.agents.acting.scene import SEND, Scene, Script, Scripted, ask_to_send, schema

MAIL = {"to": "bob@acme", "text": "hi"}


async def test_a_turn_waits_and_another_process_goes_on_with_it(tmp_path: Path, database_url: str | None) -> None:
    mail = Scripted("send", SEND, schema(to="string", text="string"))
    at = Scene(tmp_path, Script([("send", MAIL)], "Never."), [mail], ask_to_send, database_url=database_url)
    waiting = await at.ask()
    other = Scene(tmp_path, Script("Sent."), [mail], ask_to_send, database_url=database_url, clock=at.clock)
    lease, _ = at.journal.take(waiting.turn)
    with pytest.raises(Conflict):
        other.journal.take(waiting.turn)
    at.journal.release(lease)
    other.acting.approvals.approve(at.ann, waiting.approvals[0], "conversation")
    (outcome,) = await other.acting.run_due()
    assert (outcome.status, outcome.text, len(mail.done)) == ("answered", "Sent.", 1)
    assert at.acting.turns.outcome(at.ann, waiting.turn) == outcome
    asking = at.acting.approvals.asking()
    assert (asking.actions, asking.asked, asking.approved) == (1, 1, 1)
    assert len(at.acting.approvals.standing(at.ann)) == 1
    at.acting.memory.remember(at.ann, "a", 1, [Origin("user")])
    at.acting.memory.remember(at.ann, "a", 2, [Origin("untrusted")])
    assert [(each.value, each.origin.kind) for each in other.acting.memory.recall(at.ann)] == [(2, "untrusted")]
    at.close()
    other.close()


def test_a_switch_is_seen_by_every_process_within_a_second(
    store: Store, tmp_path: Path, database_url: str | None
) -> None:
    store.create_tenant("acme")
    store.create_tenant("other")
    acme, other = (store.tenant(name).tenant.id for name in ("acme", "other"))
    second = Store(tmp_path / "data", database_url)
    now = 0.0
    switches = Switches(second.switches, lambda: now)
    switches.check(acme, tool="send")
    switch = store.throw_switch("tool", "send", "acme", reason="mails go astray")
    assert store.throw_switch("tool", "send", "acme", reason="again") == switch
    now = 1.0
    with pytest.raises(Stopped, match="'send' is stopped by an administrator: mails go astray"):
        switches.check(acme, tool="send")
    switches.check(acme, tool="read", feature="send", model="send")
    switches.check(other, tool="send")
    everything = store.throw_switch("installation", reason="maintenance")
    now = 2.0
    with pytest.raises(Stopped):
        switches.check(other)
    assert second.switches() == [switch, everything]
    for each in (switch, everything):
        second.lift_switch(each.id)
    now = 3.0
    switches.check(acme, tool="send")
    with pytest.raises(NotFound):
        store.lift_switch(switch.id)
    with pytest.raises(NotFound):
        store.throw_switch("tenant", tenant="nobody", reason="x")
    for wrong in (
        ("tool", "", ""),
        ("tenant", "", ""),
        ("installation", "", "acme"),
        ("feature", "", ""),
        ("door", "x", ""),
    ):
        with pytest.raises(InvalidInput):
            store.throw_switch(*wrong, reason="x")
    with pytest.raises(InvalidInput):
        store.throw_switch("installation", reason=" ")
    second.close()
