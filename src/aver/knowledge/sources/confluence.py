"""Confluence Cloud: the pages and blog posts of its spaces, and what is attached to them.

Listed by API v2 (https://developer.atlassian.com/cloud/confluence/rest/v2/), each with its version number as revision. There is no cursor:
what a search knows to be changed since a moment tells of neither deletions nor permissions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from aver.core.errors import InvalidInput, NotFound, SourceDenied, TooLarge, Unavailable
from aver.gateway.config.shapes import Boolean, Field, ListOf, Text
from aver.knowledge.formats import UnsupportedFormat, format_of
from aver.knowledge.sources.answers import instant
from aver.knowledge.sources.atlassian import FIELDS, Site, part_of, text_of
from aver.knowledge.sources.audience import Audience
from aver.knowledge.sources.confluence_access import ConfluenceAccess, ConfluenceDirectory, Content, by_cursor
from aver.knowledge.sources.confluence_storage import html_page
from aver.knowledge.sources.people import People
from aver.knowledge.sources.types import Kind, Reach
from aver.knowledge.types import CursorExpired, Page, SourceItem

__all__ = ["KIND", "ConfluenceSource"]

_V1, _V2 = "wiki/rest/api", "wiki/api/v2"
_A_PAGE = 250
_KEYS_A_REQUEST = 50


@dataclass(frozen=True, slots=True)
class Options:
    url: str
    token: str
    email: str = ""
    spaces: tuple[str, ...] = ()
    attachments: bool = False
    people: People = field(default_factory=People)
    permissions: bool = True


@dataclass
class ConfluenceSource:
    """A path is ``SPACE/pages/ID.html`` or ``SPACE/blogposts/ID.html``; what is attached is below it, as ``ID.pdf``."""

    name: str
    options: Options
    reach: Reach
    wait: Callable[[float], None] = time.sleep
    _site: Site = field(init=False, repr=False)
    _untold: dict[str, str] = field(default_factory=dict, init=False, repr=False)
    """Why it cannot be told who may read these paths."""

    def __post_init__(self) -> None:
        given = self.options
        self._site = Site(self.name, given.url, given.email, given.token, self.reach, self.wait)

    def pages(self, cursor: str) -> Iterator[Page]:
        """Everything in the spaces. Raises :class:`~aver.core.errors.NotFound` where a declared space is not there, or not shown."""
        if cursor:
            raise CursorExpired("Confluence tells of no changes since a moment", "List everything.")
        self._untold = {}
        self._site.seen_at = f"{self.options.url.rstrip('/')}/wiki"
        directory = ConfluenceDirectory(self._site, self.options.people)
        held: dict[str, SourceItem] = {}
        for space in self._spaces():
            access = ConfluenceAccess(self._site, directory, space) if self.options.permissions else None
            found = [each for kind in ("pages", "blogposts") for each in self._contents(space, kind)]
            if access is not None:
                access.plant(found)
            for start in range(0, len(found), _A_PAGE):
                some = found[start : start + _A_PAGE]
                items = {each.id: self._item(space, each, access, directory) for each in some}
                held.update(items if self.options.attachments else {})
                yield Page(tuple(items.values()))
        if self.options.attachments:
            yield from self._attachments(held)

    def fetch(self, item: SourceItem) -> bytes:
        if why := self._untold.get(item.path):
            raise SourceDenied(f"{why}, so nobody may read it", "Give that account the right to see permissions.")
        _, kind, content, *attached = item.path.split("/")
        if attached:
            if item.size > self.reach.max_bytes:
                raise TooLarge(f"It is larger than {self.reach.max_bytes / 2**20:g} MB", "Raise the limit.")
            file = PurePosixPath(attached[0]).stem
            return self._site.content(f"{_V1}/content/{content}/child/attachment/{file}/download")
        page = self._site.get(f"{_V2}/{kind}/{PurePosixPath(content).stem}", {"body-format": "storage"})
        value = part_of(page, "body", "storage", "value")
        if not isinstance(value, str):
            raise InvalidInput("The page has no body in the storage format", "Open it, and save it again.")
        if len(value) > self.reach.max_bytes:
            raise TooLarge(
                f"The page is larger than {self.reach.max_bytes / 2**20:g} MB", "Raise the limit, or split it."
            )
        return html_page(text_of(page, "title"), value)

    def _spaces(self) -> Iterator[dict[str, Any]]:
        wanted = self.options.spaces
        for start in range(0, len(wanted), _KEYS_A_REQUEST) if wanted else (0,):
            some = wanted[start : start + _KEYS_A_REQUEST]
            query: dict[str, object] = {
                "limit": _A_PAGE,
                **({"keys": ",".join(some)} if some else {"status": "current"}),
            }
            found = [space for page in by_cursor(self._site, f"{_V2}/spaces", query) for space in page]
            if missing := sorted(set(some) - {text_of(each, "key") for each in found}):
                raise NotFound(
                    f"{self.name} shows no space {missing[0][:60]!r}",
                    "Check its key, and that the account may view it.",
                )
            yield from found

    def _contents(self, space: dict[str, Any], kind: str) -> Iterator[Content]:
        query: dict[str, object] = {"space-id": text_of(space, "id"), "status": "current", "limit": _A_PAGE}
        for some in by_cursor(self._site, f"{_V2}/{kind}", query):
            for each in some:
                parent = text_of(each, "parentId"), text_of(each, "parentType")
                told = text_of(each, "version", "number"), self._site.seen_at + text_of(each, "_links", "webui")
                yield Content(_id(each), *parent, kind, *told, instant(text_of(each, "version", "createdAt")))

    def _item(
        self, space: dict[str, Any], content: Content, access: ConfluenceAccess | None, directory: ConfluenceDirectory
    ) -> SourceItem:
        path = f"{quote(text_of(space, 'key'), safe='~')}/{content.kind}/{quote(content.id, safe='')}.html"
        item = SourceItem(path, content.seen_at, revision=content.version, changed=content.changed)
        if access is None:
            return item
        audience = access.audience(content.id)
        return (
            self._unreadable(item, audience) if audience.untold else replace(item, readers=directory.readers(audience))
        )

    def _unreadable(self, item: SourceItem, audience: Audience) -> SourceItem:
        """Readable by nobody; without a revision it is asked for, and so reported, each time."""
        self._untold[item.path] = audience.untold
        return replace(item, revision="", readers=())

    def _attachments(self, held: dict[str, SourceItem]) -> Iterator[Page]:
        """What is attached to ``held``, of all attachments of the site: asking page by page would be a request each."""
        for some in by_cursor(self._site, f"{_V2}/attachments", {"status": "current", "limit": _A_PAGE}):
            items = []
            for each in some:
                container = held.get(text_of(each, "pageId") or text_of(each, "blogPostId"))
                name = PurePosixPath(text_of(each, "title"))
                if container is not None and _is_read(name):
                    items.append(self._attached(container, each, name))
            yield Page(tuple(items))

    def _attached(self, container: SourceItem, found: dict[str, Any], name: PurePosixPath) -> SourceItem:
        path = f"{container.path.removesuffix('.html')}/{quote(_id(found), safe='')}{name.suffix.lower()}"
        size = text_of(found, "fileSize")
        item = SourceItem(
            path,
            self._site.seen_at + (text_of(found, "webuiLink") or text_of(found, "_links", "webui")),
            int(size) if size.isdigit() else 0,
            text_of(found, "version", "number"),
            container.readers,
            instant(text_of(found, "version", "createdAt")),
        )
        why = self._untold.get(container.path)
        return self._unreadable(item, Audience(untold=why)) if why else item


def _id(found: dict[str, Any]) -> str:
    """Raises :class:`~aver.core.errors.Unavailable` for what has none: it could not be told from others."""
    if not (known := text_of(found, "id")):
        raise Unavailable("Something is listed without an id", "Follow it later; see the product's changes to its API.")
    return known


def _is_read(name: PurePosixPath) -> bool:
    """Whether files called so are read at all: pictures and films of a wiki are many, and large."""
    try:
        format_of(b"", name)
    except UnsupportedFormat:
        return False
    except InvalidInput:  # empty, it is not what its name says
        pass
    return True


_KEY = Text(r'[^\s,"]+', "the key of a space", "Write it as it stands in the address of the space.")
KIND = Kind(
    "confluence",
    "Pages and blog posts of Confluence Cloud, with its permissions.",
    {
        **FIELDS,
        "spaces": Field(ListOf(_KEY), "Keys of the spaces; all that the account may view, without it."),
        "attachments": Field(Boolean(), "Whether what is attached to them is read too. Off by default."),
    },
    Options,
    ConfluenceSource,
)
