"""Who may read what in Confluence: whoever may view the space, and is named by every restriction from the page up to the top.

See https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-space-permissions/,
https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-space-roles/ and
https://developer.atlassian.com/cloud/confluence/rest/v1/api-group-content-restrictions/.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit

from aver.core.errors import NotFound
from aver.knowledge.sources.atlassian import Directory, Site, Withheld, listed_in, part_of, text_of, walk
from aver.knowledge.sources.audience import ALL, Audience, either
from aver.knowledge.sources.people import People

__all__ = ["ConfluenceAccess", "ConfluenceDirectory", "Content", "by_cursor"]

_V1, _V2 = "wiki/rest/api", "wiki/api/v2"
_EXPAND = "restrictions.read.restrictions.user,restrictions.read.restrictions.group"
_CONTENTS_A_PAGE = 100
_SUBJECTS_A_PAGE = 200
_SPACES_A_PAGE = 250
_COLLECTIONS = {
    "page": "pages",
    "folder": "folders",
    "whiteboard": "whiteboards",
    "database": "databases",
    "embed": "embeds",
}
_CLASSES: dict[str, tuple[str, ...]] = {
    "all-licensed-users": ("user", "admin"),
    "all-product-admins": ("admin",),
    "authenticated-users": (),
    "jsm-project-admins": (),
}
"""Classes of users, which are groups here, and the kinds of access that the groups in them give, where the API names these."""


class Content(NamedTuple):
    """Anything that stands in a space's tree. ``parent`` is empty at the top; ``kind`` is what the API lists it under, ``version``,
    ``seen_at`` and ``changed`` what it tells of pages and posts."""

    id: str
    parent: str = ""
    parent_kind: str = ""
    kind: str = ""
    version: str = ""
    seen_at: str = ""
    changed: datetime | None = None


def by_cursor(site: Site, path: str, query: dict[str, object]) -> Iterator[list[dict[str, Any]]]:
    """The pages of an answer of API v2, or of a search: each says by a cursor where the next one is."""

    def ask(cursor: Any) -> tuple[list[dict[str, Any]], Any]:
        answer = site.get(path, {**query, "cursor": cursor})
        if (base := text_of(answer, "_links", "base")).startswith(("https://", "http://")):
            site.seen_at = base
        following = parse_qs(urlsplit(text_of(answer, "_links", "next")).query).get("cursor")
        return listed_in(answer, "results"), following[0] if following else None

    return walk(site.name, ask)


class ConfluenceDirectory(Directory):
    """Accounts and groups as API v1 tells of them."""

    def __init__(self, site: Site, people: People) -> None:
        super().__init__(site.name, people)
        self._site = site

    def _look_up(self, accounts: list[str]) -> list[dict[str, Any]]:
        answer = self._site.told(f"{_V1}/user/bulk", {"accountId": accounts})
        return [] if answer is None else listed_in(answer, "results")

    def _members_of(self, group: str) -> Iterable[dict[str, Any]]:
        if group in _CLASSES:
            groups = [each for kind in _CLASSES[group] for each in self._by_start(f"{_V1}/group", {"accessType": kind})]
            return [{"accountId": each} for found in groups for each in self.members(text_of(found, "id"))]
        return list(self._by_start(f"{_V1}/group/{quote(group, safe='')}/membersByGroupId", {}))

    def _name_of(self, group: str) -> str:
        if group in _CLASSES:
            return group
        return text_of(self._site.told(f"{_V1}/group/by-id", {"id": group}), "name")

    def _by_start(self, path: str, query: dict[str, object]) -> Iterator[dict[str, Any]]:
        """The records of an answer of API v1, which counts where the next page begins."""

        def ask(start: Any) -> tuple[list[dict[str, Any]], Any]:
            answer = self._site.told(path, {**query, "start": start or 0, "limit": _SUBJECTS_A_PAGE})
            found = [] if answer is None else listed_in(answer, "results")
            more = found and text_of(answer, "_links", "next")
            return found, (start or 0) + len(found) if more else None

        return (each for some in walk(self.name, ask) for each in some)


class ConfluenceAccess:
    """The audiences of one space's contents, for one listing."""

    def __init__(self, site: Site, directory: ConfluenceDirectory, space: dict[str, Any]) -> None:
        self._site = site
        self._directory = directory
        self._id, self._key = text_of(space, "id"), text_of(space, "key")
        self._tree: dict[str, Content] = {}
        self._restrictions: dict[str, Audience] = {}
        """Whom a content's own restriction lets in, as far as a search told it."""
        self._passed: dict[str, Audience] = {"": self._space()}
        """Who passes a content and all above it; the space itself is called by no id."""

    def plant(self, contents: Iterable[Content]) -> None:
        """What stands in the space. Asks for the restrictions of all of it, many at a time."""
        self._tree.update({each.id: each for each in contents})
        if self._tree and not self._passed[""].untold:
            self._search()

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
                self._tree[at] = self._parent(at, here.parent_kind)
        for here in reversed(way):
            above = self._passed[here.parent]
            self._passed[here.id] = above if above.untold else self._directory.both(above, self._own(here.id))
        return self._passed.get(content, self._passed[""])

    def _parent(self, content: str, kind: str) -> Content:
        path = f"{_V2}/{_COLLECTIONS.get(kind, 'pages')}/{quote(content, safe='')}"
        found = self._site.told(path)
        if found is None:
            self._restrictions[content] = Audience(untold="What it stands below is not shown to the source's account")
            return Content(content)
        return Content(content, text_of(found, "parentId"), text_of(found, "parentType"))

    def _space(self) -> Audience:
        if self._site.is_public(f"{_V2}/spaces/{self._id}", "id", self._id):
            return ALL
        granted, roles = [], set()
        try:
            for some in by_cursor(self._site, f"{_V2}/spaces/{self._id}/permissions", {"limit": _SPACES_A_PAGE}):
                for each in filter(_lets_view, some):
                    kind, found = text_of(each, "principal", "type"), text_of(each, "principal", "id")
                    roles |= {found} if kind == "role" else set()
                    granted.append(_one(kind, found))
            return either([*granted, *(self._assigned(roles) if roles else ())])
        except (Withheld, NotFound):
            return Audience(untold=f"The permissions of the space {self._key} are not shown to the source's account")

    def _assigned(self, roles: set[str]) -> Iterator[Audience]:
        """Who has one of these roles in the space."""
        for some in by_cursor(self._site, f"{_V2}/spaces/{self._id}/role-assignments", {"limit": _SPACES_A_PAGE}):
            for each in some:
                if text_of(each, "roleId") in roles:
                    kind = text_of(each, "principal", "principalType").lower()
                    yield _one(kind, text_of(each, "principal", "principalId"))

    def _search(self) -> None:
        """Restrictions as a search tells them. It may lag behind, or leave out what is long: that is asked for one by one."""
        cql = f'space = "{self._key}" and type in (page, blogpost)'
        query: dict[str, object] = {"cql": cql, "expand": _EXPAND, "limit": _CONTENTS_A_PAGE}
        with suppress(Withheld, NotFound):
            for some in by_cursor(self._site, f"{_V1}/content/search", query):
                for each in some:
                    if (found := self._restriction(part_of(each, "restrictions", "read"))) is not None:
                        self._restrictions[text_of(each, "id")] = found

    def _own(self, content: str) -> Audience:
        """Whom a content's own restriction lets in; users and groups are paged together, each with a limit of its own."""
        path = f"{_V1}/content/{quote(content, safe='')}/restriction/byOperation/read"
        if content in self._restrictions:
            return self._restrictions[content]

        def ask(start: Any) -> tuple[list[dict[str, Any]], Any]:
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

    def _restriction(self, read: Any) -> Audience | None:
        """What a restriction that came with something else says; ``None`` where it may say more than came."""
        inner = [part_of(read, "restrictions", kind) for kind in ("user", "group")]
        results = [part_of(each, "results") for each in inner]
        if any(
            not isinstance(some, list) or len(some) >= _limit(each) for some, each in zip(results, inner, strict=True)
        ):
            return None
        return self._named(*(listed_in(each, "results") for each in inner))

    def _named(self, users: list[dict[str, Any]], groups: list[dict[str, Any]]) -> Audience:
        """Whom a restriction names; everyone where it names nobody, for then there is none."""
        if not users and not groups:
            return ALL
        met = map(self._directory.met, users)
        called = (self._directory.called(text_of(each, "id"), text_of(each, "name")) for each in groups)
        return Audience(frozenset(filter(None, met)), frozenset(filter(None, called)))


def _limit(subjects: Any) -> int:
    """How many of them an answer may hold."""
    limit = part_of(subjects, "limit")
    return limit if isinstance(limit, int) else _SUBJECTS_A_PAGE


def _lets_view(permission: dict[str, Any]) -> bool:
    wanted = ("read", "space")
    return (text_of(permission, "operation", "key"), text_of(permission, "operation", "targetType")) == wanted


def _one(kind: str, found: str) -> Audience:
    """A principal. Anonymous users are nobody here: whether they count is tried."""
    match kind:
        case "user":
            return Audience(users=frozenset({found}))
        case "group" | "access_class" if found != "anonymous-users":
            return Audience(groups=frozenset({found}))
        case _:
            return Audience()
