"""What is due goes, once, with what says so; what is held stays; a run that is cut off is gone on with."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aver.agents.acting.store import memories
from aver.core.errors import Conflict
from aver.evidence import Draft, StepKind
from aver.governance import retention
from aver.governance.holds import Held, Hold
from tests.unit.governance.conftest import World

THIRTY = "retention: {conversations: 30d, memory: 30d, feedback: 60d}"


def applied(world: World, **options: bool) -> dict[str, tuple[int, int]]:
    return {each.name: (each.count, each.held) for each in world.governance.retention.apply(**options)}


def place(world: World, *users: str) -> Hold:
    return world.governance.holds.place("Matter 7", "a claim", users=users, documents=(), by="olga")


def test_content_goes_when_its_time_is_up_and_the_chain_holds(world: World) -> None:
    world.declare(THIRTY)
    world.turn("turn_old", "ann")
    world.clock.move(31)
    world.turn("turn_new", "ann")
    assert applied(world, dry_run=True)["conversations"] == (4, 0)
    assert world.readable("turn_old"), "a dry run changes nothing"
    assert applied(world) == {"conversations": (4, 0), "feedback": (0, 0), "memory": (0, 0)}
    assert not world.readable("turn_old")
    assert world.readable("turn_new")
    assert world.ledger.verify().ok
    assert applied(world)["conversations"] == (0, 0), "nothing goes twice"


def test_nothing_goes_that_nobody_declared(world: World) -> None:
    world.turn("turn_1", "ann")
    world.clock.move(9000)
    assert applied(world) == {}
    assert world.readable("turn_1")


def test_classes_go_apart(world: World) -> None:
    world.declare(THIRTY)
    kinds: list[StepKind] = ["admitted", "judged", "remembered"]
    with world.store.begin() as tx:
        for kind in kinds:
            world.ledger.append_all(tx, [Draft(f"{kind}_1", kind, "user:ann", {}, {"user": "ann"})])
        tx.execute(memories.insert(), {"id": "remembered_1", "owner": "o", "name": "n"})
    world.clock.move(31)
    applied(world)
    assert [world.readable(f"{kind}_1") for kind in kinds] == [False, True, False]
    with world.store.read() as tx:
        assert tx.execute(memories.select()).first() is None
    world.clock.move(31)
    applied(world)
    assert not world.readable("judged_1")


def test_a_hold_on_a_person_stops_retention_and_releasing_it_lets_it_go_on(world: World) -> None:
    world.declare(THIRTY)
    world.turn("turn_ann", "ann")
    world.turn("turn_bo", "bo")
    hold = place(world, "ann")
    world.clock.move(31)
    assert applied(world)["conversations"] == (4, 4)
    assert (world.readable("turn_ann"), world.readable("turn_bo")) == (True, False)
    assert applied(world)["conversations"] == (0, 0)
    world.governance.holds.release(hold.id, "settled", by="olga")
    assert applied(world)["conversations"] == (4, 0)
    assert not world.readable("turn_ann")
    assert world.ledger.verify().ok


def test_a_hold_on_a_document_keeps_the_turns_that_rest_on_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.declare(THIRTY)
    world.turn("turn_on", "ann", ["doc_1", "doc_2"])
    world.turn("turn_off", "ann", ["doc_2"])
    with world.store.begin() as tx:
        world.ledger.append_all(
            tx, [Draft("turn_agent", kind, "user:ann", {}, {"user": "ann"}) for kind in ("admitted", "executed")]
        )
    monkeypatch.setattr(world.governance.documents, "current", lambda ids: [_Text(each) for each in ids])
    held = world.governance.holds.place("Matter 7", "a claim", users=(), documents=["doc_1"], by="olga")
    world.clock.move(31)
    applied(world)
    kept = [world.readable(each) for each in ("turn_on", "turn_off", "turn_agent")]
    assert kept == [True, False, True], "of what tools gave an agent nothing is known, so it is kept"
    preserved = [step for step in world.ledger.turn(held.id) if step.facts["event"] == "preserved"]
    assert [step.body for step in preserved] == [{"title": "t", "text": "the text of doc_1"}]


class _Text:
    def __init__(self, document: str) -> None:
        self.document, self.version, self.title, self.text = document, 1, "t", f"the text of {document}"


def test_whoever_asks_is_told_of_a_hold(world: World) -> None:
    hold = place(world, "Ann")
    with pytest.raises(Held, match=hold.id):
        world.governance.holds.check_user("ann")
    world.governance.holds.check_user("bo")
    assert [each.matter for each in world.governance.holds.standing()] == ["Matter 7"]
    world.governance.holds.release(hold.id, "settled", by="olga")
    world.governance.holds.check_user("ann")
    with pytest.raises(Conflict, match="released already"):
        world.governance.holds.release(hold.id, "settled", by="olga")
    assert world.governance.holds.all()[0].released is not None


def test_steps_that_are_out_of_order_wait_for_their_neighbours(world: World) -> None:
    world.declare(THIRTY)
    world.clock.move(1)
    world.turn("turn_ahead", "ann")
    world.clock.move(-1)
    world.turn("turn_behind", "ann")
    world.clock.move(31)
    assert applied(world)["conversations"] == (0, 0)
    world.clock.move(1)
    assert applied(world)["conversations"] == (8, 0)


def test_only_one_process_lets_go_at_a_time(world: World) -> None:
    world.declare(THIRTY)
    with world.store.lock("retention"), pytest.raises(Conflict):
        applied(world)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10)
@given(st.data())
def test_a_run_that_is_cut_off_is_gone_on_with(world: World, data: st.DataObject) -> None:
    """Whichever commit is the last that holds, the chain verifies, and another run lets the rest go."""
    world.declare(THIRTY)
    held = data.draw(st.sampled_from(["nobody", "ann"]))
    hold = place(world, held)
    mark = len(world.ledger.turns(["x"])) + world.ledger.head().seq
    users = data.draw(st.lists(st.sampled_from(["ann", "bo", "cy"]), min_size=1, max_size=8))
    for number, user in enumerate(users):
        world.turn(f"turn_{mark}_{number}", user)
    world.clock.move(31)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retention, "_STEPS", data.draw(st.integers(1, 7)))
        world.governance.retention.apply(most=data.draw(st.integers(0, 3)))
        assert world.ledger.verify().ok
        world.governance.retention.apply()
    assert world.ledger.verify().ok
    for number, user in enumerate(users):
        assert world.readable(f"turn_{mark}_{number}") is (user == held)
    world.governance.holds.release(hold.id, "settled", by="olga")
