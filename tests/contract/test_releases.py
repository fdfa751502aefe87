"""The registry on either engine: what is in force where, the way there, the way back, and two replicas at once."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest

from aver.core import SystemClock
from aver.core.errors import AverError, Conflict, Forbidden, InvalidInput, NotFound, Unavailable, VerificationFailed
from aver.releases import GateRecord, Registry
from aver.store import Store
from aver.store.control import releases as table
from aver.testing import FixedClock
from tests.releases import FREE, GUARDED, open_registry, write_bundle


@pytest.fixture
def events():
    return []


@pytest.fixture
def registry(tmp_path, store, events) -> Registry:
    return open_registry(tmp_path, store, record=events.append)


@pytest.fixture
def made(tmp_path, registry):
    """Three releases that ask for nothing in development."""
    return [registry.create(write_bundle(tmp_path / "b", FREE, n_dot_md=str(n)), by="ann") for n in range(3)]


def passed(registry, release, outcome="pass"):
    registry.record_gate(GateRecord(release.digest, outcome, SystemClock().now()))


def test_a_release_is_found_by_all_its_names(registry, made):
    first, second, _ = made
    registry.tag(first, "v1", by="ann")
    registry.promote("development", first.digest, "ann")
    for name in ("v1", "development", first.digest, f"sha256:{first.digest}", first.digest[:7]):
        assert registry.get(name).digest == first.digest
    assert registry.tag(second, "v1", by="ann").tags == ("v1",)
    assert registry.get(first.digest).tags == ()
    registry.untag("v1")
    for name in ("v1", "production", "", "\0", "0" * 64, first.digest[:6], "%", "_" * 64):
        with pytest.raises(NotFound):
            registry.get(name)
    assert [each.digest for each in registry.all()] == [each.digest for each in reversed(made)]


def test_what_cannot_be_a_tag(registry, made):
    registry.promote("development", made[0].digest, "ann")
    for tag in ("", "V1", "a b", "a" * 64, "0123456", "deadbeef", ".hidden", "development"):
        with pytest.raises(InvalidInput):
            registry.tag(made[0], tag, by="ann")


def test_promotions_and_the_way_back(registry, made, events):
    a, b, c = (each.digest for each in made)
    assert registry.environment("development").digest == ""
    for each in (a, b):
        registry.promote("development", each, "ann")
    assert registry.promote("development", b, "ann").revision == 2, "what is in force already changes nothing"
    back = registry.rollback("development", "bob", "it is worse")
    assert (back.digest, back.previous) == (a, "")
    with pytest.raises(NotFound, match="no earlier release"):
        registry.rollback("development", "bob", "it is worse")
    assert registry.promote("development", c, "ann").previous == a
    with pytest.raises(Conflict, match="on this release already"):
        registry.rollback("development", "bob", "again", c)
    assert registry.rollback("development", "bob", "b was fine", b).digest == b
    assert registry.environment("development").previous == a, "what was before b when it was promoted"
    assert [(move.kind, move.digest, move.before) for move in registry.moves("development")] == [
        ("promoted", a, ""),
        ("promoted", b, a),
        ("rolled_back", a, b),
        ("promoted", c, a),
        ("rolled_back", b, c),
    ]
    assert [event.kind for event in events[3:]] == ["release_promoted"] * 2 + [
        "release_rolled_back",
        "release_promoted",
        "release_rolled_back",
    ]
    with pytest.raises(NotFound, match="was never on release"):
        registry.rollback("staging", "bob", "x", a)


def test_a_release_whose_files_are_gone_is_not_promoted(tmp_path, registry, made):
    a, b, _ = (each.digest for each in made)
    registry.promote("development", b, "ann")
    blob = tmp_path / "data" / "releases" / "blobs" / made[0].manifest.paths["n.md"].sha256
    kept = blob.read_bytes()
    blob.unlink()
    with pytest.raises(VerificationFailed, match=r"n\.md"):
        registry.promote("development", a, "ann")
    assert registry.lacking("development", a) == ("the bytes of 'n.md' are gone",)
    assert registry.missing(made[0]) == ["n.md"]
    assert registry.environment("development").digest == b
    blob.write_bytes(kept)
    assert registry.promote("development", a, "ann").digest == a


def test_a_promotion_takes_what_is_asked_for(tmp_path, registry):
    release = registry.create(write_bundle(tmp_path / "b", GUARDED), by="ann")
    assert len(registry.lacking("production", release.digest)) == 4
    with pytest.raises(Conflict, match="it has never been in staging; no gate has judged it"):
        registry.promote("production", release.digest, "ann")
    registry.promote("staging", release.digest, "ann")
    passed(registry, release)
    registry.sign_off(release, "security", by="ann")
    registry.sign_off(release, "product", by="ann")
    assert registry.lacking("production", release.digest) == ("only ann, who created it, has signed it off",)
    registry.sign_off(release, "product", by="bob", note="looked at the answers")
    assert registry.promote("production", release.digest, "ann").digest == release.digest
    assert registry.moves("production")[-1].lacked == ()
    with pytest.raises(InvalidInput, match="asks for a sign-off as 'sales'"):
        registry.sign_off(release, "sales", by="bob")
    with pytest.raises(InvalidInput, match="Did you mean 'production'"):
        registry.promote("producton", release.digest, "ann")


def test_a_sign_off_that_is_withdrawn_counts_no_more(tmp_path, registry, events):
    declared = "release: {environments: {production: {sign_offs: [security]}}}\n"
    release = registry.create(write_bundle(tmp_path / "b", declared), by="ann")
    registry.sign_off(release, "security", by="sec")
    for role, signer in (("product", "sec"), ("security", "ann"), ("security", "\0")):
        with pytest.raises(NotFound, match="has not signed it off"):
            registry.withdraw(release, role, signer, by="ann", reason="she left")
    with pytest.raises(InvalidInput, match="for a reason"):
        registry.withdraw(release, "security", "sec", by="ann", reason=" ")
    assert registry.lacking("production", release.digest) == ()
    registry.withdraw(release, "security", "sec", by="ann", reason="she left the team")
    assert (events[-1].kind, events[-1].role) == ("release_sign_off_withdrawn", "security")
    assert registry.lacking("production", release.digest) == ("nobody has signed it off as security",)
    with pytest.raises(Conflict):
        registry.promote("production", release.digest, "ann")
    registry.sign_off(release, "security", by="tom")
    assert registry.promote("production", release.digest, "ann").digest == release.digest


def test_force_takes_a_role_and_a_reason_and_says_what_was_lacking(tmp_path, registry):
    declared = "release: {environments: {production: {gate: true, override: [lead]}}}\n"
    release = registry.create(write_bundle(tmp_path / "b", declared), by="ann")
    for outcome in (None, "fail", "inconclusive"):
        if outcome:
            passed(registry, release, outcome)
        with pytest.raises(Forbidden, match="it may be promoted by: lead"):
            registry.promote("production", release.digest, "ann", "now", force=True, roles=["admin"])
    with pytest.raises(InvalidInput, match="says why"):
        registry.promote("production", release.digest, "ann", " ", force=True, roles=["lead"])
    assert registry.environment("production").revision == 0
    registry.promote("production", release.digest, "ann", "a hole is open", force=True, roles=["lead"])
    assert len(registry.moves("production")[-1].lacked) == 1


def test_what_is_in_force_still_asks_for_what_it_asked(tmp_path, registry):
    asking = "release: {environments: {production: {gate: true, sign_offs: [security], override: [lead]}}}\n"
    strict = registry.create(write_bundle(tmp_path / "b", asking), by="ann")
    passed(registry, strict)
    registry.sign_off(strict, "security", by="bob")
    registry.promote("production", strict.digest, "ann")
    lax = "release: {environments: {production: {override: [anybody]}}}\n"
    lax = registry.create(write_bundle(tmp_path / "b", lax), by="ann")
    with pytest.raises(Conflict, match="no gate has judged it; nobody has signed it off as security"):
        registry.promote("production", lax.digest, "ann")
    with pytest.raises(Forbidden, match="it may be promoted by: lead"):
        registry.promote("production", lax.digest, "ann", "now", force=True, roles=["anybody"])
    passed(registry, lax)
    registry.sign_off(lax, "security", by="bob")
    assert registry.promote("production", lax.digest, "ann").digest == lax.digest


def test_whoever_reads_what_is_changed_meanwhile_does_not_write_over_it(registry, made):
    a, b, _ = (each.digest for each in made)
    seen = registry.promote("development", a, "ann").revision
    registry.promote("development", b, "ann")
    for late in (
        lambda: registry.promote("development", a, "rollout", revision=seen),
        lambda: registry.save_rollout("development", {"id": "r", "status": "running"}, revision=seen),
    ):
        with pytest.raises(Conflict, match="was changed meanwhile"):
            late()
    assert registry.environment("development").digest == b


def test_a_rollout_is_kept_with_its_environment_and_ends_with_it(registry, made):
    a, b, _ = (each.digest for each in made)
    now = registry.promote("development", a, "ann")
    state = {"id": "rollout_1", "status": "running", "variants": [{"digest": b}], "weights": [0.05]}
    now = registry.save_rollout("development", state, revision=now.revision)
    assert registry.pins()["development"].rollout == state
    now = registry.save_rollout("development", {**state, "stage": 2}, revision=now.revision)
    with pytest.raises(Conflict, match="is on this release, or may go back to it"):
        registry.delete(registry.get(b))
    back = registry.rollback("development", "bob", "worse")
    assert (back.digest, back.rollout) == (a, None), "what was being let in is taken back, and no more"
    assert registry.past_rollouts("development") == [{**state, "stage": 2}]


def test_a_rollout_that_has_ended_does_not_stand_in_the_way_back(registry, made):
    a, b, _ = (each.digest for each in made)
    registry.promote("development", a, "ann")
    now = registry.promote("development", b, "rollout")
    registry.save_rollout("development", {"id": "r1", "status": "promoted"}, revision=now.revision)
    assert registry.rollback("development", "bob", "worse after all").digest == a
    assert registry.past_rollouts("development") == [{"id": "r1", "status": "promoted"}]


def test_a_new_rollout_takes_the_place_of_one_that_has_ended(registry, made):
    now = registry.promote("development", made[0].digest, "ann")
    now = registry.save_rollout("development", {"id": "r1", "status": "rolled_back"}, revision=now.revision)
    registry.save_rollout("development", {"id": "r2", "status": "running"}, revision=now.revision)
    assert [each["id"] for each in registry.past_rollouts("development")] == ["r1"]


def test_a_release_in_use_is_not_forgotten(registry, made, tmp_path):
    a, b, c = made
    for each in (a, b):
        registry.promote("development", each.digest, "ann")
    for each in (a, b):
        with pytest.raises(Conflict):
            registry.delete(each)
    registry.tag(c, "spare", by="ann")
    registry.record_gate(GateRecord(c.digest, "pass", SystemClock().now()))
    registry.open_folder(c.digest)
    registry.delete(c)
    with pytest.raises(NotFound):
        registry.get("spare")
    assert not (tmp_path / "data/releases" / c.digest).exists()
    assert registry.damaged(a) == registry.damaged(b) == [], "what they have in common stays"


def test_a_promotion_that_cannot_be_recorded_does_not_take_place_and_a_rollback_does(tmp_path, store, made):
    a, b, _ = (each.digest for each in made)

    def fails(event):
        raise Unavailable("The ledger is away", "Wait.")

    registry = open_registry(tmp_path, store)
    registry.promote("development", a, "ann")
    registry.promote("development", b, "ann")
    broken = open_registry(tmp_path, store, record=fails)
    with pytest.raises(Unavailable):
        broken.promote("development", a, "ann")
    assert registry.environment("development").digest == b
    with pytest.raises(Unavailable) as caught:
        broken.rollback("development", "bob", "it is worse")
    assert registry.environment("development").digest == a
    assert caught.value.__notes__ == ["development is rolled back; a tenant's evidence does not say so."]
    with pytest.raises(Unavailable):
        broken.create(write_bundle(tmp_path / "other", FREE, x_dot_md="x"), by="ann")
    assert len(registry.all()) == 3


def test_what_came_last_is_last_whatever_clocks_say(tmp_path, store):
    clock = FixedClock()
    registry = open_registry(tmp_path, store, clock)
    a, b = (registry.create(write_bundle(tmp_path / "b", FREE, n_dot_md=n), by="ann") for n in "ab")
    registry.record_gate(GateRecord(a.digest, "fail", clock.now()))
    registry.promote("development", a.digest, "ann")
    clock.advance(-86_400)
    registry.record_gate(GateRecord(a.digest, "pass", clock.now()))
    registry.promote("development", b.digest, "ann")
    assert [each.outcome for each in registry.gates(a)] == ["fail", "pass"]
    assert [each.digest for each in registry.moves("development")] == [a.digest, b.digest]


def test_a_rollback_needs_none_of_the_files(tmp_path, registry, made):
    for each in made[:2]:
        registry.promote("development", each.digest, "ann")
    for path in (tmp_path / "data/releases/blobs").iterdir():
        path.unlink()
    assert registry.rollback("development", "bob", "the disk is broken").digest == made[0].digest


def test_a_manifest_that_was_changed_outside_is_never_used(registry, made, store):
    with store.begin() as tx:
        row = table.c.digest == made[0].digest
        manifest = made[0].manifest.canonical.decode().replace("extractive", "otherwise!")
        tx.execute(table.update().where(row).values(manifest=manifest))
    with pytest.raises(VerificationFailed, match="was changed outside Aver"):
        registry.open_folder(made[0].digest)


def test_reasons_and_people_are_said_in_a_line(registry, made):
    registry.promote("development", made[0].digest, "ann")
    for reason in ("", "  ", "a\nb", "x" * 501):
        with pytest.raises(InvalidInput):
            registry.rollback("development", "ann", reason)
    with pytest.raises(InvalidInput):
        registry.promote("development", made[1].digest, "\0")
    for name in ("", "Production", "a b", "\0", "x" * 33):
        with pytest.raises(InvalidInput):
            registry.environment(name)


def test_another_replica_sees_it_at_once(tmp_path, store, database_url, registry, made):
    there = Store(tmp_path / "data", database_url)
    try:
        other = open_registry(tmp_path, there)
        for each in made[:2]:
            registry.promote("development", each.digest, "ann")
            assert other.pins()["development"].digest == each.digest
        other.rollback("development", "bob", "worse")
        assert registry.pins()["development"].digest == made[0].digest
        assert other.open_folder(made[1].digest) == registry.open_folder(made[1].digest)
    finally:
        there.close()


def test_many_promote_at_once_and_each_move_leads_to_the_next(registry, made):
    def move(number):
        try:
            registry.promote("development", made[number % 3].digest, f"user{number}")
        except AverError as error:
            failures.append(error)

    failures: list[AverError] = []
    threads = [threading.Thread(target=move, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    moves = registry.moves("development")
    assert all(later.before == earlier.digest for earlier, later in pairwise(moves))
    assert registry.environment("development").digest == moves[-1].digest
    assert registry.environment("development").revision == len(moves)


def test_the_same_bundle_frozen_by_many_at_once_is_one_release(tmp_path, registry):
    bundle = write_bundle(tmp_path / "b", FREE, a_dot_md="x", b_dot_md="y")
    digests: list[str] = []
    threads = [
        threading.Thread(target=lambda: digests.append(registry.create(bundle, by="ann").digest)) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(digests) == 6
    assert len(set(digests)) == len(registry.all()) == 1
    assert not [*(tmp_path / "data/releases").glob(".*")]
