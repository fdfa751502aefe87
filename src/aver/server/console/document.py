"""A document version as a page: its text with a span marked, or the page of its file that the span stands on. Blocking reads."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from aver.core.errors import NotFound
from aver.core.principal import Principal
from aver.knowledge.layout import spots
from aver.knowledge.lineage import Origin
from aver.knowledge.types import Block, Box, DocumentText
from aver.server.application import TenantServices
from aver.server.console.reading import Excerpt, excerpt

__all__ = ["DocumentView", "Printed", "document_view"]

_PAGE = 16_000
"""Characters of a document on one page: with its markup well under 150 KB."""
_LONGEST_QUOTE = 600


@dataclass(frozen=True, slots=True)
class Printed:
    """A page as it is printed. ``boxes`` are where the span stands on it; ``earlier`` and ``later`` are addresses, empty at the ends."""

    number: int
    last: int
    picture: str
    boxes: tuple[Box, ...]
    quote: str
    earlier: str
    later: str


@dataclass(frozen=True, slots=True)
class DocumentView:
    """Either ``excerpt`` or ``printed`` is shown. ``as_text`` and ``as_printed`` are addresses, empty where there is no choice; ``pages``
    those that the span stands on."""

    place: str
    principal: Principal
    document: DocumentText
    current: int
    origin: Origin
    pages: tuple[int, ...]
    excerpt: Excerpt | None
    printed: Printed | None
    as_text: str
    as_printed: str
    earlier: str
    later: str


def document_view(
    services: TenantServices,
    principal: Principal,
    document: str,
    version: int | None,
    start: int,
    end: int,
    view: str = "",
    page: int = 0,
) -> DocumentView:
    """The document at an address: on its page where its original is kept and the span stands on one, or where ``view`` is ``page``; else its
    text. :class:`~aver.core.errors.NotFound` for a document, version or page that is not there or not theirs to read."""
    shown = services.knowledge.document(principal, document, version, blocks=True)
    origin = services.knowledge.origin(principal, document, shown.version)
    where = spots(shown.blocks, start, end)
    pages = tuple(sorted({spot.page for spot in where if spot.page}))
    last = max((block.page for block in shown.blocks), default=0)
    kept = last > 0 and services.knowledge.has_original(principal, document, shown.version)
    query = {"version": shown.version, **({"start": start, "end": end} if end > start else {})}

    def address(**more: object) -> str:
        return f"/documents/{document}?{urlencode({**query, **more})}" + ("#cited" if end > start else "")

    printed = None
    if kept and view != "text" and (view == "page" or pages):
        number = page or (pages[0] if pages else 1)
        if not 1 <= number <= last:
            raise NotFound(f"There is no text on a page {number} of this document", "Go back, and open another page.")
        printed = Printed(
            number=number,
            last=last,
            picture=f"/documents/{document}/versions/{shown.version}/pages/{number}.png",
            boxes=tuple(spot.box for spot in where if spot.page == number and spot.box),
            quote=shown.text[start : min(end, start + _LONGEST_QUOTE)],
            earlier=address(view="page", page=number - 1) if number > 1 else "",
            later=address(view="page", page=number + 1) if number < last else "",
        )
    part = None if printed else excerpt(shown.text, start, end, around=_PAGE)
    return DocumentView(
        place=services.store.tenant.name,
        principal=principal,
        document=shown,
        current=origin.current,
        origin=origin,
        pages=pages,
        excerpt=part,
        printed=printed,
        as_text=address(view="text") if printed else "",
        as_printed=address(view="page", page=pages[0] if pages else _page_at(shown.blocks, start))
        if kept and part
        else "",
        earlier=_from(document, shown.version, max(0, part.start - _PAGE)) if part and part.start else "",
        later=_from(document, shown.version, part.end) if part and part.end < part.total else "",
    )


def _from(document: str, version: int, start: int) -> str:
    """The address of the text from a place on."""
    return f"/documents/{document}?{urlencode({'version': version, 'start': start, 'view': 'text'})}"


def _page_at(blocks: tuple[Block, ...], start: int) -> int:
    """The page that the text stands on at ``start``."""
    return next((block.page for block in blocks if block.end > start and block.page), 1)
