"""What a repository remembers is what its documents were: versions from before it was declared, found by questions as of a date."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from aver.knowledge.scope import Scope
from aver.knowledge.sources.git import GitSource, Options
from aver.knowledge.sources.types import Reach
from tests.knowledge import open_world

DAY = 86_400.0


def day(number: int) -> datetime:
    return datetime(2025, 1, 1, 12, tzinfo=UTC) + timedelta(days=number)


class Repository:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("config", "user.email", "keeper@example.org")
        self.git("config", "user.name", "Keeper")

    def git(self, *words, on=0):
        dates = {name: day(on).isoformat() for name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE")}
        words = ("git", "-C", str(self.folder), *words)
        subprocess.run(words, check=True, capture_output=True, env={**os.environ, **dates})

    def write(self, on, **pages):
        """Files by name, each of some words, or none to remove it, in one commit of that day."""
        for name, words in pages.items():
            path = self.folder / f"{name}.md"
            path.write_text(words) if words is not None else path.unlink()
        self.git("add", "-A")
        self.git("commit", "--quiet", "-m", "Change", on=on)


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "pages")


class Followed:
    """A tenant that follows the repository from day 100 on."""

    def __init__(self, tmp_path, repository, history=365 * DAY, most=2**20):
        self.world = open_world(tmp_path / "data")
        self.world.clock.advance((day(100) - self.world.clock.now()).total_seconds())
        reach = Reach(lambda _: "", self.world.clock, tmp_path / "copy", most)
        self.source = GitSource("pages", Options(str(repository.folder), history=history), reach)

    def follow(self):
        return self.world.knowledge.ingest(self.source)

    def found(self, on, words="leave"):
        hits = self.world.knowledge.search(self.world.user("ada"), words, 8, Scope(as_of=day(on)))
        return sorted(hit.text for hit in hits)

    def versions(self):
        (document,) = self.world.knowledge.documents(self.world.user("ada"))
        return document.version


@pytest.fixture
def followed(tmp_path, repository):
    return Followed(tmp_path, repository)


def test_every_state_since_the_beginning_can_be_asked_for(followed, repository):
    for on, days in ((10, 20), (20, 25), (30, 27)):
        repository.write(on, leave=f"Staff have {days} days of leave.")
    report = followed.follow()
    assert (report.added, report.changed, report.failed) == (1, 0, ())
    assert [followed.found(on) for on in (9, 11, 21, 31, 99)] == [
        [],
        ["Staff have 20 days of leave."],
        ["Staff have 25 days of leave."],
        *[["Staff have 27 days of leave."]] * 2,
    ]
    assert followed.versions() == 3
    assert followed.world.knowledge.index.verify().ok
    report = followed.follow()
    assert (report.added, report.changed, report.deleted) == (0, 0, 0)
    assert followed.versions() == 3


def test_what_happened_between_two_looks_is_not_lost(followed, repository):
    repository.write(10, leave="Staff have 20 days of leave.", other="Nothing else.")
    followed.follow()
    followed.world.clock.advance(50 * DAY)
    repository.write(110, leave="Staff have 25 days of leave.")
    repository.write(120, leave="Staff have 27 days of leave.")
    repository.write(130, other="Something else.")
    report = followed.follow()
    assert (report.added, report.changed) == (0, 2)
    assert [followed.found(on, "days of leave")[-1] for on in (105, 115, 125)] == [
        f"Staff have {days} days of leave." for days in (20, 25, 27)
    ]


def test_only_so_far_back_as_asked_and_what_was_then_counts_from_then(tmp_path, repository):
    followed = Followed(tmp_path, repository, history=50 * DAY)
    repository.write(10, leave="Staff have 20 days of leave.", old="Old leave rules stay.")
    repository.write(20, leave="Staff have 25 days of leave.")
    repository.write(60, leave="Staff have 27 days of leave.")
    followed.follow()
    assert followed.found(49) == []
    assert followed.found(51) == ["Old leave rules stay.", "Staff have 25 days of leave."]
    assert followed.found(61) == ["Old leave rules stay.", "Staff have 27 days of leave."]


def test_without_history_a_document_begins_when_it_is_taken_in(tmp_path, repository):
    followed = Followed(tmp_path, repository, history=0)
    repository.write(10, leave="Staff have 20 days of leave.")
    repository.write(20, leave="Staff have 25 days of leave.")
    followed.follow()
    assert followed.versions() == 1
    assert followed.found(99) == []


def test_a_merge_counts_when_it_came_onto_the_branch(followed, repository):
    repository.write(10, leave="Staff have 20 days of leave.")
    repository.git("checkout", "--quiet", "-b", "draft")
    repository.write(20, leave="Staff have 99 days of leave, maybe.")
    repository.write(21, leave="Staff have 25 days of leave.")
    repository.git("checkout", "--quiet", "main")
    repository.git("merge", "--quiet", "--no-ff", "-m", "Merge", "draft", on=40)
    followed.follow()
    assert [followed.found(on) for on in (22, 41)] == [[f"Staff have {days} days of leave."] for days in (20, 25)]


def test_what_was_removed_and_came_back_and_odd_names(followed, repository):
    repository.write(10, **{"lé ave\n:x": "Staff have 20 days of leave."})
    repository.write(20, **{"lé ave\n:x": None}, other="Nothing.")
    repository.write(30, **{"lé ave\n:x": "Staff have 25 days of leave."})
    report = followed.follow()
    assert (report.added, report.failed) == (2, ())
    assert followed.found(11, "days of leave") == ["Staff have 20 days of leave."]
    assert "Staff have 25 days of leave." in followed.found(31, "days of leave")


def test_an_earlier_version_that_cannot_be_had_is_left_out(tmp_path, repository):
    followed = Followed(tmp_path, repository, most=1000)
    repository.write(10, leave="Staff have 20 days of leave.")
    repository.write(20, leave="Much. " * 1000)
    repository.write(30, leave="Staff have 27 days of leave.")
    report = followed.follow()
    assert (report.added, report.failed) == (1, ())
    assert followed.found(21) == ["Staff have 20 days of leave."]
    assert followed.found(31) == ["Staff have 27 days of leave."]


def test_a_deletion_takes_the_earlier_versions_too(followed, repository):
    repository.write(10, leave="Staff have 20 days of leave.")
    repository.write(20, leave="Staff have 25 days of leave.")
    followed.follow()
    repository.write(101, leave=None, other="Nothing.")
    followed.follow()
    assert [followed.found(on, "days of leave") for on in (11, 21)] == [[], []]
