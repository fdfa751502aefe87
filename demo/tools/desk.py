"""The demo's ticket desk, calendar and post as an MCP server over its pipes: ``python demo/tools/desk.py FILE``."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from office import NotThere, Office
from protocol import Failed, Server
from pydantic import Field
from typing_extensions import TypedDict

__all__ = ["server"]

Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="HH:MM")]
Number = Annotated[int, Field(ge=1)]


class Listed(TypedDict):
    ticket: int
    title: str
    customer: str
    assignee: str
    state: str


class Comment(TypedDict):
    author: str
    text: str


class Ticket(Listed):
    text: str
    comments: list[Comment]


class Event(TypedDict):
    event: int
    title: str
    day: str
    start: str
    end: str
    participants: list[str]


class Letter(TypedDict):
    letter: str
    sender: str
    date: str
    subject: str
    text: str


class Tickets(TypedDict):
    tickets: list[Listed]


class Events(TypedDict):
    events: list[Event]


class Letters(TypedDict):
    letters: list[Letter]


def server(office: Office) -> Server:
    """The server over this office."""
    found = Server("northwind-desk")

    @found.tool(reads=True)
    def list_tickets(state: Literal["open", "closed"] = "open") -> Tickets:
        """The tickets of the desk, without their texts."""
        return {"tickets": office.tickets(state)}  # type: ignore[typeddict-item]

    @found.tool(reads=True)
    def read_ticket(ticket: Number) -> Ticket:
        """One ticket with what the customer wrote and all comments."""
        return _done(office.ticket, ticket)

    @found.tool()
    def comment_on_ticket(ticket: Number, text: Annotated[str, Field(min_length=1, max_length=2000)]) -> Ticket:
        """Add a comment to a ticket, for colleagues; the customer does not see it."""
        return _done(office.comment, ticket, text)

    @found.tool()
    def close_ticket(ticket: Number, note: Annotated[str, Field(description="Why.", max_length=2000)]) -> Ticket:
        """Close a ticket; reopen_ticket opens it again."""
        return _done(office.close, ticket, note)

    @found.tool()
    def reopen_ticket(ticket: Number) -> Ticket:
        """Open a closed ticket again."""
        return _done(office.reopen, ticket)

    @found.tool(reads=True)
    def list_events(day: date) -> Events:
        """The calendar of one day."""
        return {"events": office.events(day.isoformat())}  # type: ignore[typeddict-item]

    @found.tool()
    def schedule_event(title: str, day: date, start: Clock, end: Clock, participants: list[str]) -> Event:
        """Put an event into the calendar and invite the participants, by their e-mail addresses; cancel_event takes it back."""
        if end <= start:
            raise Failed(f"The event would end at {end}, not after it begins.")
        return _done(office.schedule, title, day.isoformat(), start, end, participants)

    @found.tool(destroys=True)
    def cancel_event(event: Number) -> Event:
        """Take an event out of the calendar and tell its participants."""
        return _done(office.cancel, event)

    @found.tool(reads=True)
    def search_post(words: Annotated[str, Field(description="Words that all occur in the letter.")]) -> Letters:
        """Letters that came with the post, the newest first."""
        return {"letters": office.letters(words)}  # type: ignore[typeddict-item]

    return found


def _done(step: Any, *given: Any) -> Any:
    try:
        return step(*given)
    except NotThere as error:
        raise Failed(str(error)) from None


if __name__ == "__main__":
    server(Office(Path(sys.argv[1]))).run()
