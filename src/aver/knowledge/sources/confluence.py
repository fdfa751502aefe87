"""Confluence: the pages and blog posts of its spaces, and what is attached to them, each with its version number as revision.

In Atlassian's cloud or of a Data Center: a :class:`Product` each. There is no cursor: what a search knows to be changed since a moment tells
of neither deletions nor permissions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Protocol
from urllib.parse import quote

from aver.core.errors import InvalidInput, NotFound, SourceDenied, TooLarge
from aver.gateway.config.shapes import Boolean, Field, ListOf, Text
from aver.knowledge.formats import UnsupportedFormat, format_of
from aver.knowledge.sources.answers import part_of, text_of
from aver.knowledge.sources.atlassian import FIELDS, Hosting, Site
from aver.knowledge.sources.audience import Audience
from aver.knowledge.sources.confluence_access import ConfluenceAccess, ConfluenceDirectory, Content, File, Space
from aver.knowledge.sources.confluence_cloud import ConfluenceCloud
from aver.knowledge.sources.confluence_data_center import ConfluenceDataCenter
from aver.knowledge.sources.confluence_storage import html_page
from aver.knowledge.sources.people import People
from aver.knowledge.sources.types import Kind, Reach
from aver.knowledge.types import CursorExpired, Page, SourceItem

__all__ = ["KIND", "ConfluenceSource"]

_A_PAGE = 250


class Product(Protocol):
    """What a Confluence tells, read anew for each listing."""

    def directory(self, people: People) -> ConfluenceDirectory: ...

    def access(self, space: Space, directory: ConfluenceDirectory) -> ConfluenceAccess: ...

    def spaces(self, keys: Sequence[str]) -> Iterator[Space]:
        """Those with these keys, as far as they are there and shown; every current one where there are none."""

    def contents(self, space: Space, kind: str) -> Iterator[Content]:
        """The ``pages`` or ``blogposts`` of a space."""

    def files(self, spaces: Sequence[Space]) -> Iterator[list[File]]:
        """What is attached to contents of these spaces, and maybe to others."""

    def page(self, kind: str, content: str) -> Any:
        """The record of a page or post, with its body in the storage format."""

    def file(self, content: str, file: str) -> bytes:
        """What is attached to ``content`` under the id ``file``."""


_PRODUCTS: dict[Hosting, Callable[[Site], Product]] = {"cloud": ConfluenceCloud, "data-center": ConfluenceDataCenter}


@dataclass(frozen=True, slots=True)
class Options:
    url: str
    token: str
    email: str = ""
    hosting: Hosting = "cloud"
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
    _product: Product = field(init=False, repr=False)
    _untold: dict[str, str] = field(default_factory=dict, init=False, repr=False)
    """Why it cannot be told who may read these paths."""

    def __post_init__(self) -> None:
        given = self.options
        site = Site(self.name, given.url, given.email, given.token, self.reach, self.wait)
        self._product = _PRODUCTS[given.hosting](site)

    def pages(self, cursor: str) -> Iterator[Page]:
        """Everything in the spaces. Raises :class:`~aver.core.errors.NotFound` where a declared space is not there, or not shown."""
        if cursor:
            raise CursorExpired("Confluence tells of no changes since a moment", "List everything.")
        self._untold = {}
        directory = self._product.directory(self.options.people)
        held: dict[str, SourceItem] = {}
        spaces = self._spaces()
        for space in spaces:
            access = self._product.access(space, directory) if self.options.permissions else None
            found = [each for kind in ("pages", "blogposts") for each in self._product.contents(space, kind)]
            if access is not None:
                access.plant(found)
            for start in range(0, len(found), _A_PAGE):
                some = found[start : start + _A_PAGE]
                items = {each.id: self._item(space, each, access, directory) for each in some}
                held.update(items if self.options.attachments else {})
                yield Page(tuple(items.values()))
        if self.options.attachments:
            yield from self._attachments(spaces, held)

    def fetch(self, item: SourceItem) -> bytes:
        if why := self._untold.get(item.path):
            raise SourceDenied(f"{why}, so nobody may read it", "Give that account the right to see permissions.")
        _, kind, content, *attached = item.path.split("/")
        if attached:
            if item.size > self.reach.max_bytes:
                raise TooLarge(f"It is larger than {self.reach.max_bytes / 2**20:g} MB", "Raise the limit.")
            return self._product.file(content, PurePosixPath(attached[0]).stem)
        page = self._product.page(kind, PurePosixPath(content).stem)
        value = part_of(page, "body", "storage", "value")
        if not isinstance(value, str):
            raise InvalidInput("The page has no body in the storage format", "Open it, and save it again.")
        if len(value) > self.reach.max_bytes:
            raise TooLarge(
                f"The page is larger than {self.reach.max_bytes / 2**20:g} MB", "Raise the limit, or split it."
            )
        return html_page(text_of(page, "title"), value)

    def _spaces(self) -> list[Space]:
        wanted = self.options.spaces
        found = list(self._product.spaces(wanted))
        if missing := sorted(set(wanted) - {each.key for each in found}):
            raise NotFound(
                f"{self.name} shows no space {missing[0][:60]!r}", "Check its key, and that the account may view it."
            )
        return found

    def _item(
        self, space: Space, content: Content, access: ConfluenceAccess | None, directory: ConfluenceDirectory
    ) -> SourceItem:
        path = f"{quote(space.key, safe='~')}/{content.kind}/{quote(content.id, safe='')}.html"
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

    def _attachments(self, spaces: Sequence[Space], held: dict[str, SourceItem]) -> Iterator[Page]:
        """What is attached to ``held``."""
        for some in self._product.files(spaces):
            items = []
            for each in some:
                container, name = held.get(each.content), PurePosixPath(each.name)
                if container is not None and _is_read(name):
                    items.append(self._attached(container, each, name))
            yield Page(tuple(items))

    def _attached(self, container: SourceItem, file: File, name: PurePosixPath) -> SourceItem:
        path = f"{container.path.removesuffix('.html')}/{quote(file.id, safe='')}{name.suffix.lower()}"
        item = SourceItem(path, file.seen_at, file.size, file.version, container.readers, file.changed)
        why = self._untold.get(container.path)
        return self._unreadable(item, Audience(untold=why)) if why else item


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
    "Pages and blog posts of Confluence, with its permissions.",
    {
        **FIELDS,
        "spaces": Field(ListOf(_KEY), "Keys of the spaces; all that the account may view, without it."),
        "attachments": Field(Boolean(), "Whether what is attached to them is read too. Off by default."),
    },
    Options,
    ConfluenceSource,
)
