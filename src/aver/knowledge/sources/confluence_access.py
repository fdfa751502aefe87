"""Who may read what in Confluence: whoever may view the space, and is named by every restriction from the page up to the top.

The two products differ in where they tell it; see :mod:`~aver.knowledge.sources.confluence_cloud` and
:mod:`~aver.knowledge.sources.confluence_data_center`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, ClassVar, NamedTuple
from urllib.parse import quote

from aver.core.errors import NotFound, Unavailable
from aver.knowledge.sources.answers import Records, listed_in, part_of, text_of, walk
from aver.knowledge.sources.atlassian import Directory, Site, Withheld
from aver.knowledge.sources.audience import ALL, Audience
from aver.knowledge.sources.people import People

__all__ = ["ConfluenceAccess", "ConfluenceDirectory", "Content", "File", "Space", "by_start", "identified"]

_SUBJECTS_A_PAGE = 200


class Space(NamedTuple):
    id: str
    key: str


class Content(NamedTuple):
    """Anything that stands in a space's tree. ``parent`` is empty at the top; ``kind`` is what the API lists it under, ``version``,
    ``seen_at`` and ``changed`` what it tells of pages and posts, and ``restricted`` its restriction, where that came with it."""

    id: str
    parent: str = ""
    parent_kind: str = ""
    kind: str = ""
    version: str = ""
    seen_at: str = ""
    changed: datetime | None = None
    restricted: Any = None


class File(NamedTuple):
    """What is attached to a content; ``size`` in bytes, 0 where it is not told."""

    id: str
    content: str
    name: str
    size: int
    version: str
    seen_at: str
    changed: datetime | None


def identified(found: dict[str, Any]) -> str:
    """Its id. Raises :class:`~aver.core.errors.Unavailable` for what has none: it could not be told from others."""
    if not (known := text_of(found, "id")):
        raise Unavailable("Something is listed without an id", "Follow it later; see the product's changes to its API.")
    return known


def by_start(site: Site, path: str, query: dict[str, Any], *, told: bool = False) -> Iterator[Records]:
    """The pages of an answer that counts where the next one begins; none, with ``told``, where that is withheld or not there."""

    def ask(start: Any) -> tuple[Records, Any]:
        asked = {"limit": _SUBJECTS_A_PAGE, **query, "start": start or 0}
        answer = site.told(path, asked) if told else site.get(path, asked)
        found = [] if told and answer is None else listed_in(answer, "results")
        more = found and text_of(answer, "_links", "next")
        return found, (start or 0) + len(found) if more else None

    return walk(site.name, ask)


class ConfluenceDirectory(Directory):
    """Accounts and groups as API v1, which is at ``api``, tells of them."""

    api: ClassVar[str]

    def __init__(self, site: Site, people: People) -> None:
        super().__init__(site.name, people)
        self._site = site

    def by_start(self, path: str, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The records of an answer; none where it is withheld."""
        return (each for some in by_start(self._site, f"{self.api}/{path}", query, told=True) for each in some)


class ConfluenceAccess(ABC):
    """The audiences of one space's contents, for one listing. Restrictions are told by API v1, which is at ``api``."""

    api: ClassVar[str]

    def __init__(self, site: Site, directory: ConfluenceDirectory, space: Space) -> None:
        self._site = site
        self._directory = directory
        self._id, self._key = space
        self._tree: dict[str, Content] = {}
        self._restrictions: dict[str, Audience] = {}
        """Whom a content's own restriction lets in, as far as it is known."""
        self._passed: dict[str, Audience] = {"": self._space()}
        """Who passes a content and all above it; the space itself is called by no id."""

    @abstractmethod
    def _space(self) -> Audience:
        """Who may view the space."""

    @abstractmethod
    def _parent(self, content: str, kind: str) -> Content | None:
        """Something that pages stand below and that was not planted; ``None`` where it is not shown."""

    def plant(self, contents: Iterable[Content]) -> None:
        """What stands in the space, with the restrictions that came with it."""
        for each in contents:
            self._tree[each.id] = each
            self._note(each.id, each.restricted)

    def audience(self, content: str) -> Audience:
        """Who may read what was planted under this id."""
        way: list[Content] = []
        at = "" if self._passed[""].untold else content
        while at not in self._passed:
            here = self._tree[at]
            if here in way:
                return Audience(untold="It stands below itself")
            way.append(here)
            at = here.parent
            if at and at not in self._tree:
                self._tree[at] = self._above(at, here.parent_kind)
        for here in reversed(way):
            above = self._passed[here.parent]
            self._passed[here.id] = above if above.untold else self._directory.both(above, self._own(here.id))
        return self._passed.get(content, self._passed[""])

    def _above(self, content: str, kind: str) -> Content:
        if (found := self._parent(content, kind)) is not None:
            return found
        self._restrictions[content] = Audience(untold="What it stands below is not shown to the source's account")
        return Content(content)

    def _unshown_space(self) -> Audience:
        return Audience(untold=f"The permissions of the space {self._key} are not shown to the source's account")

    def _own(self, content: str) -> Audience:
        """Whom a content's own restriction lets in; users and groups are paged together, each with a limit of its own."""
        path = f"{self.api}/content/{quote(content, safe='')}/restriction/byOperation/read"
        if content in self._restrictions:
            return self._restrictions[content]

        def ask(start: Any) -> tuple[Records, Any]:
            start = start or 0
            query = {"expand": "restrictions.user,restrictions.group", "start": start, "limit": _SUBJECTS_A_PAGE}
            answer = self._site.get(path, query)
            inner = {kind: part_of(answer, "restrictions", kind) for kind in ("user", "group")}
            found = {kind: listed_in(each, "results") for kind, each in inner.items()}
            full = [len(found[kind]) for kind, each in inner.items() if len(found[kind]) >= _limit(each) > 0]
            named = [{kind: each} for kind, some in found.items() for each in some]
            return named, start + min(full) if full else None

        try:
            named = [each for some in walk(self._site.name, ask) for each in some]
        except (Withheld, NotFound):
            return Audience(untold="Its restrictions are not shown to the source's account")
        return self._named(*([each[kind] for each in named if kind in each] for kind in ("user", "group")))

    def _note(self, content: str, read: Any) -> None:
        """Remember a restriction that came with something else, unless it may say more than came."""
        inner = [part_of(read, "restrictions", kind) for kind in ("user", "group")]
        results = [part_of(each, "results") for each in inner]
        if all(isinstance(some, list) and len(some) < _limit(each) for some, each in zip(results, inner, strict=True)):
            self._restrictions[content] = self._named(*(listed_in(each, "results") for each in inner))

    def _named(self, users: Records, groups: Records) -> Audience:
        """Whom a restriction names; everyone where it names nobody, for then there is none."""
        if not users and not groups:
            return ALL
        met = map(self._directory.met, users)
        called = map(self._directory.seen, groups)
        return Audience(frozenset(filter(None, met)), frozenset(filter(None, called)))


def _limit(subjects: Any) -> int:
    """How many of them an answer may hold."""
    limit = part_of(subjects, "limit")
    return limit if isinstance(limit, int) else _SUBJECTS_A_PAGE
