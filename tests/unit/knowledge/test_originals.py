"""Originals are kept for what has pages, shown to who may read, and gone with their documents."""

from __future__ import annotations

import struct

import pytest

from aver.core.errors import InvalidInput, NotFound, VerificationFailed
from aver.knowledge import AccessList, Knowledge
from aver.knowledge.originals import Originals
from aver.testing import HashEmbedder
from tests.knowledge import MemorySource, access, open_world
from tests.unit.knowledge.adapters.building import pdf

PAGES = [[(72, 700, 24, "Leave"), (72, 660, 12, f"Page {n} of the policy on leave says this.")] for n in (1, 2)]
POLICY = pdf(PAGES)


@pytest.fixture
def world(tmp_path):
    return open_world(tmp_path / "data")


def files(world):
    return sorted(path for path in (world.store.directory / "originals").rglob("*") if path.is_file())


def only(world, principal):
    (document,) = world.knowledge.documents(principal)
    return document


def size(png):
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", png[16:24])


def test_what_has_pages_is_kept_and_drawn(world):
    world.ingest({"policy.pdf": POLICY})
    ann = world.user("ann")
    document = only(world, ann)
    assert world.knowledge.has_original(ann, document.id, 1)
    drawn = [world.knowledge.picture(ann, document.id, 1, page) for page in (1, 2)]
    assert [size(each) for each in drawn] == [(1200, 1553)] * 2
    assert drawn[0] != drawn[1]
    with pytest.raises(NotFound, match="no page 3"):
        world.knowledge.picture(ann, document.id, 1, 3)


def test_what_has_none_is_not(world):
    world.ingest({"leave.md": "# Leave\n\nTen days."})
    ann = world.user("ann")
    document = only(world, ann)
    assert files(world) == []
    assert not world.knowledge.has_original(ann, document.id, 1)
    with pytest.raises(NotFound, match="not kept"):
        world.knowledge.picture(ann, document.id, 1, 1)


def test_who_may_not_read_is_told_nothing(world):
    world.ingest({"policy.pdf": POLICY}, access({"policy.pdf": ["user:ann"]}))
    document, bob = only(world, world.user("ann")), world.user("bob")
    for asked in (world.knowledge.has_original, world.knowledge.origin):
        with pytest.raises(NotFound, match="no such document"):
            asked(bob, document.id, 1)
    with pytest.raises(NotFound, match="no such document"):
        world.knowledge.picture(bob, document.id, 1, 1)


def test_nothing_of_it_stands_on_disk_in_clear(world):
    world.ingest({"policy.pdf": POLICY})
    (kept,) = files(world)
    assert kept.stat().st_mode & 0o077 == 0
    assert b"%PDF" not in kept.read_bytes()


def test_a_changed_file_is_not_shown(world):
    world.ingest({"policy.pdf": POLICY})
    (kept,) = files(world)
    kept.write_bytes(kept.read_bytes()[:-1] + b"x")
    with pytest.raises(VerificationFailed):
        world.knowledge.picture(world.user("ann"), only(world, world.user("ann")).id, 1, 1)


@pytest.mark.parametrize("how", ["by hand", "at the source"])
def test_a_deleted_document_takes_it_along(world, how):
    world.ingest({"policy.pdf": POLICY})
    ann = world.user("ann")
    document = only(world, ann)
    if how == "by hand":
        world.knowledge.delete(ann, document.id)
    else:
        world.ingest({})
    assert files(world) == []


def test_each_version_keeps_its_own_and_content_that_comes_back_finds_its_old_one(world):
    ann = world.user("ann")
    world.ingest({"policy.pdf": POLICY})
    world.ingest({"policy.pdf": pdf(PAGES[:1])})
    document = only(world, ann)
    assert len(files(world)) == 2
    assert [world.knowledge.has_original(ann, document.id, version) for version in (1, 2)] == [True, True]
    world.knowledge.index.snapshot("now")
    world.ingest({"policy.pdf": POLICY})
    world.knowledge.index.rollback("now")
    current = only(world, ann)
    assert current.version == 4
    assert world.knowledge.picture(ann, current.id, 4, 1)


def test_what_a_crash_left_is_removed_by_the_next_run(world):
    world.ingest({"policy.pdf": POLICY})
    (kept,) = files(world)
    Originals(world.store.directory / "originals").keep("memory", b"orphan")
    Originals(world.store.directory / "originals").keep("another", b"of another source")
    assert len(files(world)) == 3
    world.ingest({"policy.pdf": POLICY})
    left = files(world)
    assert kept in left
    assert len(left) == 2


def test_turned_off_what_was_kept_is_removed_by_the_next_run(world):
    world.ingest({"policy.pdf": POLICY})
    without = Knowledge(world.store, world.ledger, HashEmbedder(), world.clock, keep_originals=False)
    without.ingest(MemorySource({"policy.pdf": POLICY, "new.pdf": pdf(PAGES[:1])}), AccessList.everyone())
    assert files(world) == []
    ann = world.user("ann")
    assert not any(without.has_original(ann, each.id, 1) for each in without.documents(ann))
    without.close()


def test_an_encrypted_file_is_read_with_its_password_and_not_drawn(world):
    world.knowledge.ingest(MemorySource({"secret.pdf": pdf(PAGES, password="pelican")}), passwords=["pelican"])
    ann = world.user("ann")
    with pytest.raises(InvalidInput, match="encrypted"):
        world.knowledge.picture(ann, only(world, ann).id, 1, 1)
