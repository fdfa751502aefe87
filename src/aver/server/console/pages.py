"""Templates into responses: everything escaped, every response with the headers that keep a page to itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

from fastapi import Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from aver.core.errors import AverError
from aver.gateway.feedback import REASONS
from aver.ops.feedback.types import DISMISSALS
from aver.policy.access import allowed
from aver.server.console import charts
from aver.server.console.assets import asset_address
from aver.server.console.knowledge import rhythm, span
from aver.server.console.outcomes import STATES
from aver.server.console.rooms import PERIODS, Room, address
from aver.store import ApiKey

__all__ = ["MANY", "Notices", "problem_page", "render"]

_HEADERS = {
    # Scripts and styles only from files of this server; what a script may turn into elements goes through one policy.
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types aver-page"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: that also blanks the Origin of a form's post, which tells this site's own pages from others.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Once:
    """Whether this is the first time of being asked: the first of several marks carries the anchor."""

    def __init__(self) -> None:
        self._asked = False

    def first(self) -> bool:
        asked, self._asked = self._asked, True
        return not asked


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.2f} s"


def _dollars(cost: float | None) -> str:
    """Two significant digits below a dollar, so that a small cost does not look like none."""
    if cost is None:
        return "cost unknown"
    if cost == 0:
        return "$0"
    return f"${cost:.2f}" if cost >= 1 else f"${cost:.{1 - math.floor(math.log10(cost))}f}"


def _count(number: float) -> str:
    """A number of things, its thousands apart."""
    return f"{number:,.0f}"


def _share(value: float | None) -> str:
    """A share as percent, with a decimal where it matters: close to none and to all."""
    if value is None:
        return "no data"
    percent = 100 * value
    near = min(percent, 100 - percent)
    return f"{percent:.0f} %" if near >= 10 or near == 0 else f"{percent:.1f} %" if near >= 0.1 else f"{percent:.2f} %"


def _moment(at: datetime | None) -> Markup:
    """A moment to the minute, and to the second for machines."""
    if at is None:
        return Markup("never")
    utc = at.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        utc.isoformat(timespec="seconds"), utc.strftime("%-d %b %Y, %H:%M UTC")
    )


def _second(at: str) -> str:
    """A moment as evidence has it (RFC 3339), to the second; what is none as it is."""
    try:
        return f"{datetime.fromisoformat(at):%-d %b %H:%M:%S}"
    except ValueError:
        return at


def _place(uri: str) -> str:
    """Where a document comes from, as short as it says something: the name of a file, the host and path of a page; what is no address as it is."""
    try:
        address = urlsplit(uri)
    except ValueError:  # such as a host that is none
        return uri
    path = unquote(address.path)
    return f"{address.netloc}{path}".rstrip("/") if address.scheme in ("http", "https") else path.rpartition("/")[2]


_templates = Environment(
    loader=PackageLoader("aver.server.console"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals.update(
    static=asset_address, once=Once, address=address, charts=charts, PERIODS=PERIODS, STATES=STATES
)
_templates.globals.update(may=allowed, REASONS=REASONS, DISMISSALS=DISMISSALS)
_templates.filters.update(
    seconds=_seconds,
    dollars=_dollars,
    place=_place,
    second=_second,
    rhythm=rhythm,
    span=span,
    count=_count,
    share=_share,
    moment=_moment,
)


MANY = 10
"""So many approvals are counted, and are said to be more than one less."""


@dataclass(frozen=True, slots=True)
class Notices:
    """What every page says at its top: how many approvals wait for whoever looks (``None`` where there are no agents), and, to whoever keeps
    the installation, what is wrong with the bundle, and which access was taken by breaking the glass; ``rooms`` are those that they may enter;
    ``generated`` says for what traffic of the tenant was generated."""

    waiting: int | None = None
    mistakes: Sequence[str] = ()
    broken: Sequence[ApiKey] = ()
    rooms: Sequence[Room] = ()
    generated: str = ""

    @property
    def counted(self) -> str:
        return "" if not self.waiting else str(self.waiting) if self.waiting < MANY else f"{MANY - 1}+"


def render(template: str, *, status: int = HTTPStatus.OK, notices: Notices | None = None, **context: Any) -> Response:
    """The page of a template."""
    page = _templates.get_template(template).render(context, notices=notices or Notices())
    return Response(page, status, _HEADERS, "text/html; charset=utf-8")


def problem_page(error: AverError) -> Response:
    """A failure as a page that says what happened and what to do."""
    return render("problem.html", status=error.status, problem=error)
