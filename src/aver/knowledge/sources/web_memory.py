"""What is remembered of a site's pages between two listings, so that one that did not change costs a question and no answer."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TypeVar

from aver.core import sha256_hex
from aver.core.errors import Unavailable

__all__ = ["Known", "Memory"]

T = TypeVar("T")
_MOST_KEPT = 2 * 2**30
"""Bytes of contents that wait to be fetched; of what is beyond, only the revision is known."""


@dataclass(frozen=True, slots=True)
class Known:
    """A page as it was seen last. ``ending`` is empty for what is no document; ``links`` are those within the site, one a line;
    ``modified`` is what the answer said, and ``dated`` what the sitemap did; ``failures`` counts the listings in a row in which it could
    not be had."""

    url: str
    ending: str = ""
    etag: str = ""
    modified: str = ""
    dated: str = ""
    revision: str = ""
    wording: str = ""
    canonical: str = ""
    indexed: bool = False
    links: str = ""
    failures: int = 0


_NAMES = [each.name for each in fields(Known)]


class Memory:
    """In ``folder``, which is made anew where it is damaged: it costs one listing, and nothing else.

    What a listing writes of pages stands at once. What it did not come upon is forgotten by :meth:`end` alone, so that a listing that
    breaks off leaves everything known.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._contents = folder / "contents"
        self._database: sqlite3.Connection | None = None
        self._kept = 0

    def begin(self) -> frozenset[str]:
        """A listing begins: the addresses that are known."""
        shutil.rmtree(self._contents, ignore_errors=True)
        self._contents.mkdir(parents=True, exist_ok=True)
        self._kept = 0

        def everything(database: sqlite3.Connection) -> frozenset[str]:
            database.execute("UPDATE pages SET seen = 0")
            return frozenset(url for (url,) in database.execute("SELECT url FROM pages"))

        return self._with(everything)

    def end(self) -> None:
        """The listing is complete."""
        self._with(lambda database: database.execute("DELETE FROM pages WHERE seen = 0"))

    def documents(self) -> int:
        """How many documents are known."""
        query = "SELECT count(*) FROM pages WHERE ending <> '' AND indexed AND revision <> ''"
        return int(self._with(lambda database: database.execute(query).fetchone()[0]))

    def get(self, url: str) -> Known | None:
        query = f"SELECT {', '.join(_NAMES)} FROM pages WHERE url = ?"  # noqa: S608 - the names are those of the record
        row = self._with(lambda database: database.execute(query, (url,)).fetchone())
        if row is None:
            return None
        values = dict(zip(_NAMES, row, strict=True))
        return Known(**{**values, "indexed": bool(values["indexed"])})

    def put(self, page: Known) -> None:
        """``page`` as it is seen in this listing."""
        marks = ", ".join("?" * len(_NAMES))
        statement = f"INSERT OR REPLACE INTO pages ({', '.join(_NAMES)}, seen) VALUES ({marks}, 1)"  # noqa: S608
        self._with(lambda database: database.execute(statement, astuple(page)))

    def keep(self, url: str, content: bytes) -> None:
        """Until it is taken, or the next listing begins."""
        place = self._place(url)
        try:
            if self._kept + len(content) <= _MOST_KEPT:
                place.write_bytes(content)
                self._kept += len(content)
        except OSError:  # such as a full disk; it can be had from the site again
            place.unlink(missing_ok=True)

    def take(self, url: str) -> bytes | None:
        """What was kept, once."""
        place = self._place(url)
        try:
            content = place.read_bytes()
        except FileNotFoundError:
            return None
        place.unlink(missing_ok=True)
        self._kept -= len(content)
        return content

    def close(self) -> None:
        """Until it is used again."""
        if self._database is not None:
            with suppress(sqlite3.Error):
                self._database.close()
            self._database = None

    def _place(self, url: str) -> Path:
        return self._contents / sha256_hex(url.encode())

    def _with(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return work(self._open())
        except sqlite3.OperationalError as error:  # such as a full disk, which is not mended by forgetting
            said = f"What is known of the site can be neither read nor written: {error}"
            raise Unavailable(said, f"See to the disk, and to {self._folder}.") from error
        except sqlite3.DatabaseError:
            self._forget()
        return work(self._open())

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(
                self._folder / "pages.db", isolation_level=None, check_same_thread=False, timeout=30
            )
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            columns = ", ".join(f"{name} NOT NULL" for name in _NAMES[1:])
            self._database.execute(
                f"CREATE TABLE IF NOT EXISTS pages (url TEXT PRIMARY KEY, {columns}, seen NOT NULL) WITHOUT ROWID"
            )
        return self._database

    def _forget(self) -> None:
        self.close()
        for name in ("pages.db", "pages.db-wal", "pages.db-shm"):
            (self._folder / name).unlink(missing_ok=True)
