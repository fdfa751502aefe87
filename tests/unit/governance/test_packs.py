"""A pack verifies alone, and no byte of it can be another."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import zipfile
from datetime import timedelta

import pytest
from sqlalchemy import update

from aver.core.errors import AverError, InvalidInput, VerificationFailed
from aver.evidence.recent import verify_recent
from aver.evidence.store import steps
from aver.governance.anchors.service import Anchors
from aver.governance.controls.reading import find, plain_frameworks
from aver.governance.controls.service import check
from aver.governance.packs.service import Packs
from aver.governance.proof.terms import Bad
from aver.governance.proof.verifier import verify
from tests.governance import governed, verified


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packs")
    found = governed(folder)
    packs = Packs(found.store, found.ledger, found.clock, Anchors(found.store, found.ledger, found.clock))
    period = {"since": found.start + timedelta(minutes=3), "until": found.clock.now()}
    frameworks = plain_frameworks(find())
    first = packs.make(folder / "pack.zip", frameworks=frameworks, **period)
    yield found, packs, period, frameworks, first
    found.close()


def test_it_verifies_on_a_machine_without_aver(made):
    pack = made[4]
    code, told = verified(pack.file, "--key", pack.fingerprint, "--thorough")
    assert (code, told["ok"]) == (0, True)
    assert told["first"] > 1
    assert told["controls"] == dict(pack.outcomes)
    assert told["signatures"] >= told["checkpoints"] > 10
    assert not told["notes"]
    code, told = verified(pack.file, "--key", "0" * 64)
    assert code == 1
    assert "not the key" in told["reason"]


def test_the_same_evidence_gives_the_same_bytes(made, tmp_path):
    _, packs, period, frameworks, first = made
    again = packs.make(tmp_path / "again.zip", frameworks=frameworks, **period)
    assert (tmp_path / "again.zip").read_bytes() == first.file.read_bytes()
    assert again.digest == first.digest


def test_any_tool_opens_it(made):
    with zipfile.ZipFile(made[4].file) as opened:
        assert opened.testzip() is None
        names = opened.namelist()
        page = opened.read("index.html").decode()
    assert names[0] == "steps/00001.jsonl"
    assert names[-2:] == ["manifest.json", "manifest.sig"]
    assert "What this does not prove" in page


def test_content_is_in_it_where_that_was_asked_for(made, tmp_path):
    found, packs, period, frameworks, first = made
    with zipfile.ZipFile(first.file) as opened:
        assert b"disclosed" not in opened.read("steps/00001.jsonl")
    signed_off = next(found.ledger.of_kind("release_signed_off"))
    full = packs.make(tmp_path / "full.zip", frameworks=frameworks, with_content=True, **period)
    code, told = verified(full.file, "--thorough")
    assert (code, told["contents"], told["opened"]) == (0, *[full.last - full.first + 1] * 2)
    command = [sys.executable, "-I", "-S", tmp_path / "aver-verify.py", full.file, "--read", str(signed_off.seq)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == signed_off.body == {"role": "reviewer", "by": "ann"}
    ran = subprocess.run([*command[:-1], "1"], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    found.ledger.erase("user:ann")
    erased = packs.make(tmp_path / "erased.zip", frameworks=frameworks, with_content=True, **period)
    assert 0 < verified(erased.file)[1]["contents"] < told["contents"]


def test_content_that_was_let_go_leaves_its_commitment(tmp_path):
    """The step that says so lies behind the period, and before the last."""
    found = governed(tmp_path)
    packs = Packs(found.store, found.ledger, found.clock, Anchors(found.store, found.ledger, found.clock))
    until = found.clock.now()
    found.clock.advance(60)
    gone = [step.seq for step in found.ledger.of_kind("release_signed_off")]
    with found.store.begin() as tx:
        assert found.ledger.dispose(tx, gone, "retention_1", {"class": "releases"})
    found.clock.advance(60)
    frameworks = plain_frameworks(find(["soc2"]))
    for name, since, end in (("before", found.start, until), ("after", until, found.clock.now())):
        pack = packs.make(tmp_path / f"{name}.zip", since=since, until=end, frameworks=frameworks, with_content=True)
        code, told = verified(pack.file, "--thorough")
        assert (code, told["ok"]) == (0, True)
        assert told["contents"] == pack.last - pack.first + 1 - len(gone) * (name == "before")
    assert not verify_recent(found.store, 5).reason
    assert not verify_recent(found.store, 10_000).reason
    with found.store.begin() as tx:
        tx.execute(update(steps).where(steps.c.seq == 50).values(facts="{}"))
    assert "changed" in verify_recent(found.store, 10_000).reason
    assert not verify_recent(found.store, 5).reason
    found.close()


def test_results_are_those_of_the_controls_command(made):
    found, _, period, _, first = made
    results = check(found.store, find(), period["since"], period["until"])
    with zipfile.ZipFile(first.file) as opened:
        packed = json.loads(opened.read("results.json"))["results"]
    assert packed == results


def test_every_byte_counts(made, tmp_path):
    """Each byte of the container's own, of the manifest and of the signature; of the rest, a sample as large as that."""
    data, damaged = made[4].file.read_bytes(), tmp_path / "damaged.zip"
    with zipfile.ZipFile(made[4].file) as opened:
        manifest = opened.getinfo("manifest.json").header_offset
        headers = {each.header_offset + n for each in opened.infolist() for n in range(30 + len(each.filename))}
    chance = random.Random(7)
    places = sorted(headers | set(range(len(data) - 1200, len(data))) | set(chance.sample(range(manifest), 700)))
    places += chance.sample(range(manifest, len(data)), 200)
    for place in places:
        flip = 1 << chance.randrange(8)
        damaged.write_bytes(data[:place] + bytes([data[place] ^ flip]) + data[place + 1 :])
        with pytest.raises(Bad):
            verify(damaged)


@pytest.mark.parametrize("how", ["cut", "grown", "middle", "removed", "swapped"])
def test_nothing_can_be_removed_added_or_moved(made, tmp_path, how):
    data, damaged = made[4].file.read_bytes(), tmp_path / "damaged.zip"
    with zipfile.ZipFile(made[4].file) as opened:
        offsets = [each.header_offset for each in opened.infolist()]
    one, two, three = offsets[1:4]
    changed = {
        "cut": data[:-1],
        "grown": data + b"\0",
        "middle": data[:one] + b"PK" + data[one:],
        "removed": data[:one] + data[two:],
        "swapped": data[:one] + data[two:three] + data[one:two] + data[three:],
    }[how]
    damaged.write_bytes(changed)
    with pytest.raises(Bad):
        verify(damaged)


@pytest.mark.parametrize(
    ("part", "reason"), [("steps/", "is missing"), ("results", "not the file that the manifest signs")]
)
def test_a_container_written_anew_fails(made, tmp_path, part, reason):
    """As whoever has a zip program but not the key can: the container is sound, the manifest is not."""
    from aver.governance.packs.container import Container

    with zipfile.ZipFile(made[4].file) as opened, (tmp_path / "forged.zip").open("wb") as file:
        container = Container(file)
        for name in opened.namelist():
            data = opened.read(name)
            if name.startswith(part):
                data = data[data.index(b"\n") + 1 :] if part == "steps/" else data.replace(b"no_data", b"met")
            container.put(name, data, deflated=not name.startswith("manifest"))
        container.close()
    with pytest.raises(Bad, match=reason):
        verify(tmp_path / "forged.zip")


def test_a_changed_step_is_never_signed(made, tmp_path):
    found, packs, period, frameworks, _ = made
    with found.store.begin() as tx:
        was = tx.scalar(steps.select().with_only_columns(steps.c.facts).where(steps.c.seq == 40))
        tx.execute(update(steps).where(steps.c.seq == 40).values(facts="{}"))
    try:
        with pytest.raises(VerificationFailed):
            packs.make(tmp_path / "bad.zip", frameworks=frameworks, **period)
    finally:
        with found.store.begin() as tx:
            tx.execute(update(steps).where(steps.c.seq == 40).values(facts=was))
    assert not (tmp_path / "bad.zip").exists()


def test_periods_that_cannot_be_packed(made, tmp_path):
    found, packs, period, frameworks, _ = made
    start, now = found.start, found.clock.now()
    for since, until in (
        (now, start),
        (start, now + timedelta(days=1)),
        (start - timedelta(days=2), start - timedelta(days=1)),
    ):
        with pytest.raises(InvalidInput):
            packs.make(tmp_path / "none.zip", since=since, until=until, frameworks=frameworks)
    with pytest.raises(AverError):
        packs.make(tmp_path / "no" / "such" / "folder.zip", frameworks=frameworks, **period)
