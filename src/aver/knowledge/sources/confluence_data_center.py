"""What Confluence Data Center holds, and who may read it, by its REST API (https://developer.atlassian.com/server/confluence/rest/), which
counts where the next page of an answer begins.

Permissions of spaces are told since 9.1; before, nobody can be named and the declaration's access list has to decide. An account is known
by its key, and a group by its name. E-mail addresses are not told: whoever has no address for a username is named in the declaration.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from aver.core.errors import NotFound, Unavailable
from aver.knowledge.sources.answers import Records, instant, listed_in, part_of, records, text_of, walk_counted
from aver.knowledge.sources.atlassian import Site, Withheld
from aver.knowledge.sources.audience import ALL, Audience, either
from aver.knowledge.sources.confluence_access import (
    ConfluenceAccess,
    ConfluenceDirectory,
    Content,
    File,
    Space,
    by_start,
    identified,
)
from aver.knowledge.sources.people import People

__all__ = ["ConfluenceDataCenter"]

_API = "rest/api"
_A_PAGE = 100
_EXPAND = "version,ancestors,restrictions.read.restrictions.user,restrictions.read.restrictions.group"


class ConfluenceDataCenter:
    """A :class:`~aver.knowledge.sources.confluence.Product`."""

    def __init__(self, site: Site) -> None:
        self._site = site
        site.seen_at = site.url.rstrip("/")

    def directory(self, people: People) -> ConfluenceDirectory:
        return _Directory(self._site, people)

    def access(self, space: Space, directory: ConfluenceDirectory) -> ConfluenceAccess:
        return _Access(self._site, directory, space)

    def spaces(self, keys: Sequence[str]) -> Iterator[Space]:
        for start in range(0, len(keys), _A_PAGE) if keys else (0,):
            some = list(keys[start : start + _A_PAGE])
            query = {"limit": _A_PAGE, **({"spaceKey": some} if some else {"status": "current"})}
            for page in by_start(self._site, f"{_API}/space", query):
                yield from (Space(identified(each), text_of(each, "key")) for each in page)

    def contents(self, space: Space, kind: str) -> Iterator[Content]:
        of = {"spaceKey": space.key, "type": kind.removesuffix("s"), "status": "current"}
        for some in self._listed("content", {**of, "expand": _EXPAND}):
            for each in some:
                above = part_of(each, "ancestors")
                parent = text_of(above[-1], "id") if isinstance(above, list) and above else ""
                told = text_of(each, "version", "number"), self._seen_at(each)
                changed = instant(text_of(each, "version", "when"))
                restricted = part_of(each, "restrictions", "read")
                yield Content(identified(each), parent, "page", kind, *told, changed, restricted)

    def files(self, spaces: Sequence[Space]) -> Iterator[list[File]]:
        for space in spaces:
            query = {"cql": f'space = "{space.key}" and type = attachment', "expand": "container,version"}
            for some in self._listed("content/search", query):
                yield [self._file(each) for each in some]

    def _listed(self, path: str, query: dict[str, Any]) -> Iterator[Records]:
        """What the account may not see is left out of a page after it was counted, so the next begins where the answer says."""

        def ask(start: int) -> tuple[Records, int | None]:
            answer = self._site.get(f"{_API}/{path}", {**query, "start": start, "limit": _A_PAGE})
            found, following = listed_in(answer, "results"), text_of(answer, "_links", "next")
            said = parse_qs(urlsplit(following).query).get("start", [""])[0]
            end = int(said) if said.isdecimal() else start + len(found)
            return found, end if following else None

        return walk_counted(self._site.name, ask)

    def _file(self, found: dict[str, Any]) -> File:
        size = text_of(found, "extensions", "fileSize")
        return File(
            identified(found),
            text_of(found, "container", "id"),
            text_of(found, "title"),
            int(size) if size.isdecimal() else 0,
            text_of(found, "version", "number"),
            self._seen_at(found),
            instant(text_of(found, "version", "when")),
        )

    def page(self, kind: str, content: str) -> Any:  # noqa: ARG002 - pages and posts are at one place
        return self._site.get(f"{_API}/content/{content}", {"expand": "body.storage"})

    def file(self, content: str, file: str) -> bytes:  # noqa: ARG002 - it has a place of its own
        found = self._site.get(f"{_API}/content/{file}")
        if not (where := text_of(found, "_links", "download")):
            raise Unavailable(
                "It is not told where the file is", "Follow it later; see the product's changes to its API."
            )
        return self._site.content(where)

    def _seen_at(self, found: dict[str, Any]) -> str:
        return self._site.seen_at + text_of(found, "_links", "webui")


class _Directory(ConfluenceDirectory):
    api = _API
    account_id, account_name, group_id = "userKey", "username", "name"

    def _look_up(self, accounts: list[str]) -> list[dict[str, Any]]:
        found = (self._site.told(f"{_API}/user", {"key": each}) for each in accounts)
        return [each for each in found if isinstance(each, dict)]

    def _members_of(self, group: str) -> Iterable[dict[str, Any]]:
        return list(self.by_start(f"group/{quote(group, safe='')}/member", {}))

    def _name_of(self, group: str) -> str:
        return group


class _Access(ConfluenceAccess):
    api = _API

    def _parent(self, content: str, kind: str) -> Content | None:  # noqa: ARG002 - only pages have pages below
        found = self._site.told(f"{_API}/content/{quote(content, safe='')}", {"expand": "ancestors"})
        above = part_of(found, "ancestors")
        if not isinstance(above, list):
            return None
        return Content(content, text_of(above[-1], "id") if above else "", "page")

    def _space(self) -> Audience:
        where = f"{_API}/space/{quote(self._key, safe='~')}"
        if self._site.is_public(where, "key", self._key):
            return ALL
        try:
            granted = records(self._site.get(f"{where}/permissions"), "permissions")
        except (Withheld, NotFound):
            return self._unshown_space()
        return either([self._one(part_of(each, "subject")) for each in granted if _lets_view(each)])

    def _one(self, subject: Any) -> Audience:
        """Whom a permission is for. Anonymous users are nobody here: whether they count is tried."""
        match text_of(subject, "type"):
            case "user" | "known":
                return Audience(users=frozenset({self._directory.met(subject)} - {""}))
            case "group":
                return Audience(groups=frozenset({self._directory.seen(subject)} - {""}))
            case _:
                return Audience()


def _lets_view(permission: dict[str, Any]) -> bool:
    named = text_of(permission, "operation", "operationKey"), text_of(permission, "operation", "targetType")
    return named == ("read", "space")
