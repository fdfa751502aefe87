"""What Confluence Cloud holds, by its API v2 (https://developer.atlassian.com/cloud/confluence/rest/v2/), which pages by cursors; who may
read it, by both versions.

See https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-space-permissions/,
https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-space-roles/ and
https://developer.atlassian.com/cloud/confluence/rest/v1/api-group-content-restrictions/.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from aver.core.errors import NotFound
from aver.knowledge.sources.answers import Records, instant, listed_in, part_of, text_of, walk
from aver.knowledge.sources.atlassian import Site, Withheld
from aver.knowledge.sources.audience import ALL, Audience, either
from aver.knowledge.sources.confluence_access import (
    ConfluenceAccess,
    ConfluenceDirectory,
    Content,
    File,
    Space,
    identified,
)
from aver.knowledge.sources.people import People

__all__ = ["ConfluenceCloud"]

_V1, _V2 = "wiki/rest/api", "wiki/api/v2"
_EXPAND = "restrictions.read.restrictions.user,restrictions.read.restrictions.group"
_A_PAGE = 250
_KEYS_A_REQUEST = 50
_CONTENTS_A_PAGE = 100
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


class ConfluenceCloud:
    """A :class:`~aver.knowledge.sources.confluence.Product`."""

    def __init__(self, site: Site) -> None:
        self._site = site
        site.seen_at = f"{site.url.rstrip('/')}/wiki"

    def directory(self, people: People) -> ConfluenceDirectory:
        return _Directory(self._site, people)

    def access(self, space: Space, directory: ConfluenceDirectory) -> ConfluenceAccess:
        return _Access(self._site, directory, space)

    def spaces(self, keys: Sequence[str]) -> Iterator[Space]:
        for start in range(0, len(keys), _KEYS_A_REQUEST) if keys else (0,):
            some = keys[start : start + _KEYS_A_REQUEST]
            query = {"limit": _A_PAGE, **({"keys": ",".join(some)} if some else {"status": "current"})}
            for page in _by_cursor(self._site, f"{_V2}/spaces", query):
                yield from (Space(identified(each), text_of(each, "key")) for each in page)

    def contents(self, space: Space, kind: str) -> Iterator[Content]:
        query = {"space-id": space.id, "status": "current", "limit": _A_PAGE}
        for some in _by_cursor(self._site, f"{_V2}/{kind}", query):
            for each in some:
                parent = text_of(each, "parentId"), text_of(each, "parentType")
                told = text_of(each, "version", "number"), self._site.seen_at + text_of(each, "_links", "webui")
                yield Content(identified(each), *parent, kind, *told, instant(text_of(each, "version", "createdAt")))

    def files(self, spaces: Sequence[Space]) -> Iterator[list[File]]:  # noqa: ARG002 - asking page by page would be a request each
        """Of the whole site."""
        for some in _by_cursor(self._site, f"{_V2}/attachments", {"status": "current", "limit": _A_PAGE}):
            yield [self._file(each) for each in some]

    def _file(self, found: dict[str, Any]) -> File:
        size = text_of(found, "fileSize")
        return File(
            identified(found),
            text_of(found, "pageId") or text_of(found, "blogPostId"),
            text_of(found, "title"),
            int(size) if size.isdecimal() else 0,
            text_of(found, "version", "number"),
            self._site.seen_at + (text_of(found, "webuiLink") or text_of(found, "_links", "webui")),
            instant(text_of(found, "version", "createdAt")),
        )

    def page(self, kind: str, content: str) -> Any:
        return self._site.get(f"{_V2}/{kind}/{content}", {"body-format": "storage"})

    def file(self, content: str, file: str) -> bytes:
        return self._site.content(f"{_V1}/content/{content}/child/attachment/{file}/download")


def _by_cursor(site: Site, path: str, query: dict[str, Any]) -> Iterator[Records]:
    """The pages of an answer of API v2, or of a search: each says by a cursor where the next one is."""

    def ask(cursor: Any) -> tuple[Records, Any]:
        answer = site.get(path, {**query, "cursor": cursor})
        if (base := text_of(answer, "_links", "base")).startswith(("https://", "http://")):
            site.seen_at = base
        following = parse_qs(urlsplit(text_of(answer, "_links", "next")).query).get("cursor")
        return listed_in(answer, "results"), following[0] if following else None

    return walk(site.name, ask)


class _Directory(ConfluenceDirectory):
    api = _V1

    def _look_up(self, accounts: list[str]) -> list[dict[str, Any]]:
        answer = self._site.told(f"{_V1}/user/bulk", {"accountId": accounts})
        return [] if answer is None else listed_in(answer, "results")

    def _members_of(self, group: str) -> Iterable[dict[str, Any]]:
        if group in _CLASSES:
            groups = [each for kind in _CLASSES[group] for each in self.by_start("group", {"accessType": kind})]
            return [{"accountId": each} for found in groups for each in self.members(text_of(found, "id"))]
        return list(self.by_start(f"group/{quote(group, safe='')}/membersByGroupId", {}))

    def _name_of(self, group: str) -> str:
        if group in _CLASSES:
            return group
        return text_of(self._site.told(f"{_V1}/group/by-id", {"id": group}), "name")


class _Access(ConfluenceAccess):
    api = _V1

    def _parent(self, content: str, kind: str) -> Content | None:
        found = self._site.told(f"{_V2}/{_COLLECTIONS.get(kind, 'pages')}/{quote(content, safe='')}")
        return None if found is None else Content(content, text_of(found, "parentId"), text_of(found, "parentType"))

    def _space(self) -> Audience:
        where = f"{_V2}/spaces/{self._id}"
        if self._site.is_public(where, "id", self._id):
            return ALL
        granted, roles = [], set()
        try:
            for some in _by_cursor(self._site, f"{where}/permissions", {"limit": _A_PAGE}):
                for each in filter(_lets_view, some):
                    kind, found = text_of(each, "principal", "type"), text_of(each, "principal", "id")
                    roles |= {found} if kind == "role" else set()
                    granted.append(_one(kind, found))
            return either([*granted, *(self._assigned(roles) if roles else ())])
        except (Withheld, NotFound):
            return self._unshown_space()

    def _assigned(self, roles: set[str]) -> Iterator[Audience]:
        """Who has one of these roles in the space."""
        for some in _by_cursor(self._site, f"{_V2}/spaces/{self._id}/role-assignments", {"limit": _A_PAGE}):
            for each in some:
                if text_of(each, "roleId") in roles:
                    kind = text_of(each, "principal", "principalType").lower()
                    yield _one(kind, text_of(each, "principal", "principalId"))

    def plant(self, contents: Iterable[Content]) -> None:
        super().plant(contents)
        if self._tree and not self._passed[""].untold:
            self._search()

    def _search(self) -> None:
        """Restrictions as a search tells them. It may lag behind, or leave out what is long: that is asked for one by one."""
        cql = f'space = "{self._key}" and type in (page, blogpost)'
        query = {"cql": cql, "expand": _EXPAND, "limit": _CONTENTS_A_PAGE}
        with suppress(Withheld, NotFound):
            for some in _by_cursor(self._site, f"{_V1}/content/search", query):
                for each in some:
                    self._note(text_of(each, "id"), part_of(each, "restrictions", "read"))


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
