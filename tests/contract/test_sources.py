"""Every kind of source, over the real thing, against the suite that is public for whoever writes another; and the suite against
sources that do wrong."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aver.core.clock import SystemClock
from aver.core.errors import AverError
from aver.knowledge.folder import FolderSource
from aver.knowledge.sources.git import GitSource
from aver.knowledge.sources.git import Options as GitOptions
from aver.knowledge.sources.sql import Options as SqlOptions
from aver.knowledge.sources.sql import SqlSource
from aver.knowledge.sources.types import Reach
from aver.knowledge.types import Page
from aver.testing.sources import CHECKS, PERMISSION_CHECKS
from tests.knowledge import ChangingSource


def reach(folder: Path, **secrets: str) -> Reach:
    return Reach(lambda reference: secrets[reference], SystemClock(), folder, 2**20)


class Folder:
    def __init__(self, root):
        self.root = root / "pages"
        self.root.mkdir()

    def open(self):
        return FolderSource(self.root, "folder")

    def put(self, name, words):
        (self.root / f"{name}.md").write_text(words)

    def remove(self, name):
        (self.root / f"{name}.md").unlink()

    @contextmanager
    def away(self):
        self.root.rename(self.root.with_name("elsewhere"))
        yield
        self.root.with_name("elsewhere").rename(self.root)


class Git(Folder):
    def __init__(self, root):
        super().__init__(root)
        self.folder = root / "source"
        self._git("init", "--quiet", "--initial-branch", "main")
        self._git("config", "user.email", "keeper@example.org")
        self._git("config", "user.name", "Keeper")

    def _git(self, *words):
        subprocess.run(["git", "-C", str(self.root), *words], check=True, capture_output=True)

    def open(self):
        return GitSource("git", GitOptions(str(self.root)), reach(self.folder))

    def put(self, name, words):
        super().put(name, words)
        self._git("add", "-A")
        self._git("commit", "--quiet", "-m", f"Write {name}")

    def remove(self, name):
        super().remove(name)
        self._git("add", "-A")
        self._git("commit", "--quiet", "-m", f"Remove {name}")


class Sql:
    def __init__(self, root):
        self.file = root / "desk.db"
        self.folder = root / "source"
        self._do("CREATE TABLE notes (id TEXT PRIMARY KEY, text TEXT, readers TEXT DEFAULT '')")

    def _do(self, statement, *values):
        with sqlite3.connect(self.file) as connection:
            connection.execute(statement, values)
        connection.close()

    def open(self):
        options = SqlOptions("env:URL", "SELECT id, text, readers, length(text) AS letters FROM notes ORDER BY id")
        return SqlSource("desk", options, reach(self.folder, **{"env:URL": f"sqlite:///{self.file}"}))

    def put(self, name, words):
        self._do(
            "INSERT INTO notes (id, text) VALUES (?, ?) ON CONFLICT DO UPDATE SET text = excluded.text", name, words
        )

    def remove(self, name):
        self._do("DELETE FROM notes WHERE id = ?", name)

    def permit(self, name, readers):
        self._do("UPDATE notes SET readers = ? WHERE id = ?", " ".join(readers), name)

    @contextmanager
    def away(self):
        moved = self.file.with_suffix(".away")
        shutil.move(self.file, moved)
        yield
        shutil.move(moved, self.file)


class Changing:
    """The source that the tests of ingesting use."""

    def __init__(self, _root):
        self.source = ChangingSource()
        self.reachable = True

    def open(self):
        place = self

        class Reached(ChangingSource):
            def pages(self, cursor):
                if not place.reachable:
                    raise AverError("It is away", "Try again.")
                if cursor and not cursor.isdigit():
                    cursor = "1"
                return super().pages(cursor)

        source = Reached()
        source.__dict__.update(self.source.__dict__)
        source.oldest = max(source.oldest, 1)
        return source

    def put(self, name, words):
        self.source.put(f"{name}.md", words, self.source.files.get(f"{name}.md", ("", 0, None))[2])

    def remove(self, name):
        self.source.remove(f"{name}.md")

    def permit(self, name, readers):
        self.source.put(f"{name}.md", self.source.files[f"{name}.md"][0], readers)

    @contextmanager
    def away(self):
        self.reachable = False
        yield
        self.reachable = True


PLACES = (Folder, Git, Sql, Changing)
PERMITTED = (Sql, Changing)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_source_keeps_the_contract(place, check, tmp_path):
    check(place(tmp_path))


@pytest.mark.parametrize("place", PERMITTED)
@pytest.mark.parametrize("check", PERMISSION_CHECKS, ids=lambda check: check.__name__)
def test_every_source_with_permissions_keeps_the_contract(place, check, tmp_path):
    check(place(tmp_path))


class Wrong:
    """Wraps a source, and does one thing wrong."""

    def __init__(self, source, memory):
        self.source, self.memory, self.name = source, memory, source.name

    def pages(self, cursor):
        yield from self.source.pages(cursor)

    def fetch(self, item):
        return self.source.fetch(item)


class ForgetsDeletions(Wrong):
    def pages(self, cursor):
        for page in self.source.pages(cursor):
            for item in page.items:
                self.memory[item.path] = item
            yield Page(tuple(self.memory.values()), (), page.cursor)


class ListsHalf(Wrong):
    def pages(self, cursor):
        with suppress(AverError):
            yield from self.source.pages(cursor)


class MovesAbout(Wrong):
    def pages(self, cursor):
        self.memory["times"] = self.memory.get("times", 0) + 1
        for page in self.source.pages(cursor):
            items = (replace(item, path=f"{self.memory['times']}/{item.path}") for item in page.items)
            yield Page(tuple(items), page.gone, page.cursor)

    def fetch(self, item):
        return self.source.fetch(replace(item, path=item.path.split("/", 1)[1]))


class NeverChanges(Wrong):
    def pages(self, cursor):
        for page in self.source.pages(cursor):
            yield Page(tuple(replace(item, revision="1") for item in page.items), page.gone, page.cursor)


class AlwaysChanges(Wrong):
    def pages(self, cursor):
        self.memory["times"] = self.memory.get("times", 0) + 1
        for page in self.source.pages(cursor):
            items = (replace(item, revision=str(self.memory["times"])) for item in page.items)
            yield Page(tuple(items), page.gone, page.cursor)


class SkipsFromCursors(Wrong):
    def pages(self, cursor):
        yield from [Page(cursor=cursor)] if cursor else self.source.pages(cursor)


class LetsEverybodyRead(Wrong):
    def pages(self, cursor):
        for page in self.source.pages(cursor):
            yield Page(tuple(replace(item, readers=("everyone",)) for item in page.items), page.gone, page.cursor)


class DatesBackwards(Wrong):
    def pages(self, cursor):
        self.memory["now"] = self.memory.get("now", datetime(2026, 1, 1, tzinfo=UTC)) - timedelta(days=1)
        for page in self.source.pages(cursor):
            items = (replace(item, changed=self.memory["now"]) for item in page.items)
            yield Page(tuple(items), page.gone, page.cursor)


WRONGS = (
    *(ForgetsDeletions, ListsHalf, MovesAbout, NeverChanges, AlwaysChanges, SkipsFromCursors, LetsEverybodyRead),
    DatesBackwards,
)


@pytest.mark.parametrize("wrong", WRONGS)
def test_a_source_that_does_wrong_is_found_out(wrong, tmp_path):
    memory = {}

    class Place(Changing):
        def open(self):
            return wrong(super().open(), memory)

    failed = []
    for check in (*CHECKS, *PERMISSION_CHECKS):
        memory.clear()
        try:
            check(Place(tmp_path))
        except AssertionError:
            failed.append(check.__name__)
    assert failed
