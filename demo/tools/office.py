"""The desk, the calendar, the post and the staff of the demo's press, in one SQLite file. All that is in it is invented.

``python demo/tools/office.py FILE reset`` puts everything back as it was at first; ``... FILE show`` prints, as JSON, all that can change.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import yaml

__all__ = ["NotThere", "Office"]

PRESS = Path(__file__).resolve().parent.parent / "northwind-press"
SCHEMA = """
CREATE TABLE people (name TEXT PRIMARY KEY, role TEXT NOT NULL, email TEXT NOT NULL UNIQUE);
CREATE TABLE letters (letter TEXT PRIMARY KEY, sender TEXT NOT NULL, date TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE tickets (ticket INTEGER PRIMARY KEY, title TEXT NOT NULL, customer TEXT NOT NULL, assignee TEXT NOT NULL, state TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE comments (place INTEGER PRIMARY KEY, ticket INTEGER NOT NULL REFERENCES tickets, author TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE events (event INTEGER PRIMARY KEY, title TEXT NOT NULL, day TEXT NOT NULL, start TEXT NOT NULL, "end" TEXT NOT NULL, participants TEXT NOT NULL);
CREATE TABLE messages (message INTEGER PRIMARY KEY, key TEXT UNIQUE, recipients TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL);
"""
AUTHOR = "Assistant"
"""In whose name a program comments on tickets."""


class NotThere(LookupError):
    """There is no such ticket or event. The words are for whoever asked."""


class Office:
    """What the tools work on. Several processes may have the same file open; each method is one transaction.

    Records are mappings with the names of the columns, texts as they were written; days are ``YYYY-MM-DD`` and times ``HH:MM``.
    """

    def __init__(self, path: Path) -> None:
        """Makes the file, as :meth:`reset` does, where there is none."""
        self._path = path
        if not path.is_file():
            self.reset()

    def reset(self, press: Path = PRESS) -> None:
        """Everything as the folder ``press`` says: ``office.yaml`` and the letters in ``post``."""
        said = yaml.safe_load((press / "office.yaml").read_text(encoding="utf-8"))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._changing() as db:
            for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                db.execute(f"DROP TABLE {table}")
            for statement in SCHEMA.strip().split("\n"):
                db.execute(statement)
            for each in said["people"]:
                _insert(db, "people", each)
            for path in sorted((press / "post").glob("*.md")):
                _insert(db, "letters", _letter(path))
            for each in said["tickets"]:
                comments = each.pop("comments", [])
                _insert(db, "tickets", {"state": "open", **each})
                for comment in comments:
                    _insert(db, "comments", {"ticket": each["ticket"], **comment})
            for each in said["events"]:
                _insert(
                    db, "events", {**each, "day": str(each["day"]), "participants": json.dumps(each["participants"])}
                )

    def show(self) -> dict[str, Any]:
        """All that the tools can change."""
        with self._reading() as db:
            tickets = [_ticket(db, row["ticket"]) for row in db.execute("SELECT ticket FROM tickets ORDER BY ticket")]
            events = [_event(row) for row in db.execute("SELECT * FROM events ORDER BY event")]
        return {"tickets": tickets, "events": events, "messages": self.messages()}

    def tickets(self, state: str) -> list[dict[str, Any]]:
        """Those that are ``open`` or ``closed``, without their texts."""
        asked = "SELECT ticket, title, customer, assignee, state FROM tickets WHERE state = ? ORDER BY ticket"
        with self._reading() as db:
            return [dict(row) for row in db.execute(asked, (state,))]

    def ticket(self, ticket: int) -> dict[str, Any]:
        """With its text and comments. Raises :class:`NotThere`, as all that take a ticket do."""
        with self._reading() as db:
            return _ticket(db, ticket)

    def comment(self, ticket: int, text: str) -> dict[str, Any]:
        with self._changing() as db:
            _ticket(db, ticket)
            _insert(db, "comments", {"ticket": ticket, "author": AUTHOR, "text": text})
            return _ticket(db, ticket)

    def close(self, ticket: int, note: str) -> dict[str, Any]:
        """Also writes down ``note``, why, among its comments."""
        return self._become(ticket, "closed", note)

    def reopen(self, ticket: int) -> dict[str, Any]:
        return self._become(ticket, "open", "Opened again.")

    def _become(self, ticket: int, state: str, note: str) -> dict[str, Any]:
        with self._changing() as db:
            if _ticket(db, ticket)["state"] != state:
                db.execute("UPDATE tickets SET state = ? WHERE ticket = ?", (state, ticket))
                _insert(db, "comments", {"ticket": ticket, "author": AUTHOR, "text": note})
            return _ticket(db, ticket)

    def events(self, day: str) -> list[dict[str, Any]]:
        with self._reading() as db:
            return [_event(row) for row in db.execute("SELECT * FROM events WHERE day = ? ORDER BY start", (day,))]

    def schedule(self, title: str, day: str, start: str, end: str, participants: list[str]) -> dict[str, Any]:
        with self._changing() as db:
            given = {"title": title, "day": day, "start": start, "end": end, "participants": json.dumps(participants)}
            event = _insert(db, "events", given)
            return _event(db.execute("SELECT * FROM events WHERE event = ?", (event,)).fetchone())

    def cancel(self, event: int) -> dict[str, Any]:
        """The event as it was. Raises :class:`NotThere`."""
        with self._changing() as db:
            row = db.execute("SELECT * FROM events WHERE event = ?", (event,)).fetchone()
            if row is None:
                raise NotThere(f"There is no event {event}.")
            db.execute("DELETE FROM events WHERE event = ?", (event,))
            return _event(row)

    def letters(self, words: str) -> list[dict[str, Any]]:
        """Those in which every one of ``words`` occurs, the newest first."""
        with self._reading() as db:
            rows = [dict(row) for row in db.execute("SELECT * FROM letters ORDER BY date DESC, letter")]
        return [row for row in rows if all(word in " ".join(row.values()).lower() for word in words.lower().split())]

    def people(self, words: str) -> list[dict[str, Any]]:
        """Staff in whose name or role every one of ``words`` occurs."""
        with self._reading() as db:
            rows = [dict(row) for row in db.execute("SELECT * FROM people ORDER BY name")]
        return [
            row for row in rows if all(word in f"{row['name']} {row['role']}".lower() for word in words.lower().split())
        ]

    def send(self, recipients: list[str], subject: str, body: str, key: str | None) -> dict[str, Any]:
        """Put a message into the outbox, where it stays: nothing here reaches a mail server. One ``key`` sends one message."""
        with self._changing() as db:
            row = db.execute("SELECT message FROM messages WHERE key = ?", (key,)).fetchone() if key else None
            given = {"key": key, "recipients": json.dumps(recipients), "subject": subject, "body": body}
            message = row["message"] if row else _insert(db, "messages", given)
            return _message(db.execute("SELECT * FROM messages WHERE message = ?", (message,)).fetchone())

    def messages(self) -> list[dict[str, Any]]:
        """The outbox, oldest first."""
        with self._reading() as db:
            return [_message(row) for row in db.execute("SELECT * FROM messages ORDER BY message")]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=30, isolation_level=None)) as db:
            db.row_factory = sqlite3.Row
            yield db

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")


def _insert(db: sqlite3.Connection, table: str, row: dict[str, Any]) -> int:
    names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" for _ in row)
    place = db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values())).lastrowid
    assert place is not None
    return place


def _ticket(db: sqlite3.Connection, ticket: int) -> dict[str, Any]:
    row = db.execute("SELECT * FROM tickets WHERE ticket = ?", (ticket,)).fetchone()
    if row is None:
        raise NotThere(f"There is no ticket {ticket}.")
    comments = db.execute("SELECT author, text FROM comments WHERE ticket = ? ORDER BY place", (ticket,))
    return {**dict(row), "comments": [dict(each) for each in comments]}


def _event(row: sqlite3.Row) -> dict[str, Any]:
    return {**dict(row), "participants": json.loads(row["participants"])}


def _message(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "message": row["message"],
        "to": json.loads(row["recipients"]),
        "subject": row["subject"],
        "body": row["body"],
    }


def _letter(path: Path) -> dict[str, Any]:
    _, head, text = path.read_text(encoding="utf-8").split("---\n", 2)
    said = yaml.safe_load(head)
    return {
        "letter": path.stem,
        "sender": said["sender"],
        "date": str(said["date"]),
        "subject": said["subject"],
        "text": text.strip(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("what", choices=("reset", "show"))
    arguments = parser.parse_args()
    office = Office(arguments.file)
    if arguments.what == "reset":
        office.reset()
    else:
        print(json.dumps(office.show(), indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
