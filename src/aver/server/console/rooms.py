"""The rooms of the console, who may enter each, and what every one of them is shown with: its twin in JSON, its parts that keep themselves fresh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import orjson
from fastapi import Request, Response

from aver.core.errors import InvalidInput
from aver.core.principal import Principal
from aver.policy.access import Permission, allowed

__all__ = ["PERIODS", "ROOMS", "Period", "Room", "address", "period", "rooms_of", "twin", "twin_address"]


@dataclass(frozen=True, slots=True)
class Room:
    """A page of the console: its name, its address, and the permissions of which one lets somebody in."""

    name: str
    words: str
    address: str
    permissions: tuple[Permission, ...]


ROOMS: tuple[Room, ...] = (
    Room("ask", "Ask", "/", ("ask",)),
    Room("overview", "Overview", "/overview", ("oversee",)),
    Room("turns", "Turns", "/turns", ("oversee",)),
    Room("feedback", "Feedback", "/feedback", ("triage",)),
    Room("knowledge", "Knowledge", "/knowledge", ("read", "oversee")),
    Room("evals", "Evals", "/evals", ("oversee",)),
    Room("releases", "Releases", "/releases", ("oversee",)),
    Room("safety", "Safety", "/safety", ("oversee",)),
    Room("gateway", "Gateway", "/gateway", ("oversee",)),
    Room("incidents", "Incidents", "/incidents", ("oversee",)),
    Room("audit", "Audit", "/audit", ("audit",)),
    Room("admin", "Admin", "/admin", ("oversee", "audit", "administer")),
)
"""In the order of the bar. Approvals stand beside them, where there are agents."""


def rooms_of(principal: Principal) -> list[Room]:
    """Those that somebody may enter."""
    return [room for room in ROOMS if any(allowed(principal, each) for each in room.permissions)]


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time up to now, by what the address calls it, such as ``7d``."""

    name: str
    words: str
    length: timedelta

    def since(self, now: datetime) -> datetime:
        return now - self.length

    def before(self, now: datetime) -> tuple[datetime, datetime]:
        """The stretch of the same length before it, which a trend is told against."""
        return now - 2 * self.length, now - self.length


PERIODS: tuple[Period, ...] = (
    Period("1h", "1 hour", timedelta(hours=1)),
    Period("24h", "1 day", timedelta(days=1)),
    Period("7d", "7 days", timedelta(days=7)),
    Period("30d", "30 days", timedelta(days=30)),
    Period("90d", "90 days", timedelta(days=90)),
    Period("1y", "1 year", timedelta(days=365)),
)


def period(name: str, default: str = "7d") -> Period:
    """The period that an address names, or the default where it names none. Raises :class:`~aver.core.errors.InvalidInput` for what is none."""
    for each in PERIODS:
        if each.name == (name or default):
            return each
    known = ", ".join(each.name for each in PERIODS)
    raise InvalidInput(f"There is no period {name[:20]!r}", f"There is {known}.")


def address(path: str, /, **query: object) -> str:
    """An address of the console with what is not empty of ``query``, in the order given."""
    given = {name: str(value) for name, value in query.items() if value not in (None, "", False)}
    return f"{path}?{urlencode(given)}" if given else path


def twin(request: Request, view: Any, *, status: int = HTTPStatus.OK) -> Response | None:
    """The figures of a page as JSON where its address asks for them (``format=json``): the fields of ``view``, which holds data alone."""
    if request.query_params.get("format") != "json":
        return None
    body = orjson.dumps(view, default=_plain, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(body, status, headers, "application/json")


def twin_address(request: Request) -> str:
    """Where the figures of the page at hand are as JSON."""
    return f"{request.url.path}?{urlencode([*_given(request), ('format', 'json')])}"


def _given(request: Request) -> Sequence[tuple[str, str]]:
    return [(name, value) for name, value in request.query_params.multi_items() if name != "format"]


def _plain(value: object) -> list[Any]:
    """What of a view JSON has no form for; anything but a set is a mistake, such as somebody's identity or a service."""
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"a page's figures hold no {type(value).__name__}")
