"""Options that several commands share, and the principal they make."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from aver.core.errors import InvalidInput

__all__ = ["AsJson", "Environment", "Groups", "Since", "TenantName", "Until", "UserName", "check_text", "read_date"]

TenantName = Annotated[str, typer.Option("--tenant", "-t", metavar="TENANT", help="The tenant, by name or id.")]
UserName = Annotated[str, typer.Option("--user", "-u", metavar="USER", help="Who is asking.")]
Groups = Annotated[
    list[str], typer.Option("--group", "-g", metavar="GROUP", help="A group the user is in; repeat it for more.")
]
Environment = Annotated[
    str, typer.Option("--environment", "-e", metavar="NAME", help="Where; production, if left out.")
]
Since = Annotated[
    str, typer.Option("--since", metavar="TIME", help="From when: 2026-01-31T10:00:00Z, or a span back such as 90d.")
]
Until = Annotated[str, typer.Option("--until", metavar="TIME", help="Until when; until now, if left out.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document, also for an error.")]


def check_text(kind: str, text: str) -> str:
    """``text`` itself when it is text at all: the shell passes on bytes that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput(f"The {kind} is not valid UTF-8", "Type it again in a terminal that speaks UTF-8.") from None
    return text


def read_date(text: str | None, now: datetime, *, last: bool = False) -> datetime | None:
    """The moment at which a date that was typed begins; with ``last``, the one at which it ends. :class:`InvalidInput` for what is none."""
    from aver.agents.understanding import moment

    found = None if text is None else moment(text, now, last=last)
    if text is not None and found is None:
        raise InvalidInput(f"{text!r} is no date", "Write it as 2026-01-31, 2026-01 or 2026.")
    return found
