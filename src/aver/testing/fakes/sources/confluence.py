"""A Confluence Cloud site for tests, as its public REST documentation describes it.

Spaces, pages, blog posts and attachments by https://developer.atlassian.com/cloud/confluence/rest/v2/; restrictions, groups, users, the
search and downloads by https://developer.atlassian.com/cloud/confluence/rest/v1/. It pages as the real one does, and refuses what it does.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from aver.testing.fakes.sources.atlassian import FakeAtlassian, Routes
from aver.testing.fakes.sources.serving import Answer, Asked

__all__ = ["FakeConfluence", "FakeContent", "FakeSpace", "written"]

_V1, _V2 = "/wiki/rest/api", "/wiki/api/v2"
_LARGEST = 250
_NOT_FOUND = Answer({"errors": [{"status": 404, "code": "NOT_FOUND", "title": "Not Found", "detail": None}]}, 404)
_FORBIDDEN = Answer({"statusCode": 403, "message": "Current user not permitted to use this operation"}, 403)
_CREATED = "2026-01-01T00:00:00.000Z"


def _bad(detail: str) -> Answer:
    return Answer(
        {"errors": [{"status": 400, "code": "INVALID_REQUEST_PARAMETER", "title": detail, "detail": None}]}, 400
    )


@dataclass
class FakeContent:
    id: str
    space: str
    kind: str
    title: str
    storage: str
    parent: str = ""
    version: int = 1


@dataclass
class FakeSpace:
    id: str
    key: str
    users: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    roles: list[tuple[str, str, str]] = field(default_factory=list)
    """Role, type of principal, principal."""
    public: bool = False
    hidden: bool = False
    """Whether its permissions are kept from the account that asks."""


class FakeConfluence(FakeAtlassian):
    """Accounts, groups, spaces and contents are added by methods, which give their ids. ``unindexed`` contents are not found by the
    search; ``subjects`` is how many users or groups of a restriction come at once; ``withheld`` contents are not shown."""

    def __init__(self) -> None:
        super().__init__()
        self.spaces: dict[str, FakeSpace] = {}
        self.contents: dict[str, FakeContent] = {}
        self.files: dict[str, tuple[str, str, bytes]] = {}
        """Content, name and bytes by the id of an attachment."""
        self.restricted: dict[str, tuple[list[str], list[str]]] = {}
        self.licensed: list[str] = []
        """Groups that give access to the product."""
        self.unindexed: set[str] = set()
        self.withheld: set[str] = set()
        self.subjects = 100
        self.page = _LARGEST
        """How many records a page has at most, whatever is asked for."""

    def add_space(self, key: str, *, users: Iterable[str] = (), groups: Iterable[str] = ()) -> FakeSpace:
        space = FakeSpace(str(self.number()), key, list(users), list(groups))
        self.spaces[space.id] = space
        return space

    def add(self, space: FakeSpace, title: str, storage: str, *, kind: str = "page", parent: str = "") -> str:
        """A page, a blog post, a folder or whatever stands in the space's tree."""
        content = FakeContent(str(self.number()), space.id, kind, title, storage, parent)
        self.contents[content.id] = content
        return content.id

    def edit(self, content: str, storage: str) -> None:
        self.contents[content].storage = storage
        self.contents[content].version += 1

    def attach(self, content: str, name: str, data: bytes) -> str:
        file = f"att{self.number()}"
        self.files[file] = (content, name, data)
        return file

    def routes(self) -> Routes:
        return (
            (f"{_V2}/spaces", self._spaces),
            (f"{_V2}/spaces/([0-9]+)", self._one_space),
            (f"{_V2}/spaces/([0-9]+)/permissions", self._permissions),
            (f"{_V2}/spaces/([0-9]+)/role-assignments", self._roles),
            (f"{_V2}/(pages|blogposts)", self._listed),
            (f"{_V2}/(pages|blogposts|folders|whiteboards|databases|embeds)/([0-9]+)", self._one),
            (f"{_V2}/attachments", self._attachments),
            (f"{_V1}/content/([0-9]+)/child/attachment/(att[0-9]+)/download", self._download),
            ("/media/(att[0-9]+)", self._media),
            (f"{_V1}/content/([0-9]+)/restriction/byOperation/read", self._restrictions),
            (f"{_V1}/content/search", self._search),
            (f"{_V1}/group", self._all_groups),
            (f"{_V1}/group/by-id", self._group),
            (f"{_V1}/group/([^/]+)/membersByGroupId", self._members),
            (f"{_V1}/user/bulk", self._bulk),
        )

    def missing(self) -> Answer:
        return _NOT_FOUND

    def refusal(self, asked: Asked) -> Answer:
        """Somebody without an account sees what is public."""
        found = re.fullmatch("/wiki/api/v2/spaces/([0-9]+)", asked.path)
        if found and "authorization" not in asked.headers:
            space = self.spaces.get(found[1])
            return Answer(self._space(space)) if space is not None and space.public else _NOT_FOUND
        return Answer({"code": 401, "message": "Unauthorized"}, 401, {"WWW-Authenticate": 'OAuth realm="confluence"'})

    def _by_cursor(self, asked: Asked, records: list[dict[str, Any]], default: int = 25) -> Answer:
        """A page of API v2; what leads to the next is opaque."""
        limit, start = asked.query.get("limit", str(default)), 0
        if not limit.isdigit() or not 1 <= int(limit) <= _LARGEST:
            return _bad(f"Provided value {{{limit}}} for 'limit' is not the correct type or out of range")
        if cursor := asked.query.get("cursor"):
            try:
                start = int(base64.b64decode(cursor, validate=True).decode().removeprefix("from:"))
            except ValueError:
                return _bad("Invalid cursor")
        end = start + min(int(limit), self.page)
        links = {"base": f"{self.url}/wiki"}
        if end < len(records):
            following = base64.b64encode(f"from:{end}".encode()).decode()
            query = {**dict(parse_qsl(urlencode(asked.query))), "cursor": following}
            links["next"] = f"{asked.path}?{urlencode(query)}"
        return Answer({"results": records[start:end], "_links": links})

    def _by_start(self, asked: Asked, records: list[dict[str, Any]], most: int = 200) -> Answer:
        """A page of API v1."""
        start, limit = asked.query.get("start", "0"), asked.query.get("limit", str(most))
        if not (start.isdigit() and limit.isdigit()):
            return Answer({"statusCode": 400, "message": "start and limit are numbers"}, 400)
        begin, size = int(start), min(int(limit), most, self.page)
        some = records[begin : begin + size]
        links: dict[str, str] = {"base": f"{self.url}/wiki", "context": "/wiki"}
        if begin + size < len(records):
            links["next"] = f"{asked.path.removeprefix('/wiki')}?start={begin + size}&limit={size}"
        return Answer({"results": some, "start": begin, "limit": size, "size": len(some), "_links": links})

    def _space(self, space: FakeSpace) -> dict[str, Any]:
        webui = {"webui": f"/spaces/{space.key}"}
        return {
            "id": space.id,
            "key": space.key,
            "name": space.key,
            "type": "global",
            "status": "current",
            "_links": webui,
        }

    def _spaces(self, asked: Asked) -> Answer:
        keys = asked.query.get("keys")
        some = [each for each in self.spaces.values() if keys is None or each.key in keys.split(",")]
        return self._by_cursor(asked, [self._space(each) for each in some])

    def _one_space(self, _: Asked, space: str) -> Answer:
        return Answer(self._space(self.spaces[space])) if space in self.spaces else _NOT_FOUND

    def _permissions(self, asked: Asked, space: str) -> Answer:
        if space not in self.spaces:
            return _NOT_FOUND
        found = self.spaces[space]
        if found.hidden:
            return _FORBIDDEN
        principals = [("user", each) for each in found.users] + [("group", each) for each in found.groups]
        principals += [("role", each) for each in sorted({role for role, _, _ in found.roles})]
        operations = (("read", "space"), ("create", "comment"))
        records = [
            {
                "id": f"{number}{key}",
                "principal": {"type": kind, "id": who},
                "operation": {"key": key, "targetType": on},
            }
            for number, (kind, who) in enumerate(principals)
            for key, on in operations
        ]
        writers = {"principal": {"type": "group", "id": "9c559b11-writers"}}
        records.append({"id": "w", **writers, "operation": {"key": "create", "targetType": "page"}})
        return self._by_cursor(asked, records)

    def _roles(self, asked: Asked, space: str) -> Answer:
        if space not in self.spaces:
            return _NOT_FOUND
        records = [
            {"roleId": role, "principal": {"principalType": kind, "principalId": who}}
            for role, kind, who in self.spaces[space].roles
        ]
        return self._by_cursor(asked, records)

    def _content(self, content: FakeContent, *, body: bool = False) -> dict[str, Any]:
        key = self.spaces[content.space].key
        above = self.contents.get(content.parent)
        place = "pages" if content.kind == "page" else "blog" if content.kind == "blogpost" else content.kind
        record: dict[str, Any] = {
            "id": content.id,
            "status": "current",
            "title": content.title,
            "spaceId": content.space,
            "authorId": "712020:0",
            "createdAt": _CREATED,
            "version": {
                "number": content.version,
                "message": "",
                "minorEdit": False,
                "createdAt": written(content.version),
            },
            "body": {"storage": {"representation": "storage", "value": content.storage}} if body else {},
            "_links": {"webui": f"/spaces/{key}/{place}/{content.id}", "base": f"{self.url}/wiki"},
        }
        if content.kind != "blogpost":
            record |= {"parentId": content.parent or None, "parentType": above.kind if above else None}
        return record

    def _listed(self, asked: Asked, kind: str) -> Answer:
        space = asked.query.get("space-id")
        if space is not None and not space.isdigit():
            return _bad(f"Provided value {{{space}}} for 'space-id' is not the correct type. Expected type is Long")
        some = [
            each
            for each in self.contents.values()
            if f"{each.kind}s" == kind and space in (None, each.space) and each.id not in self.withheld
        ]
        return self._by_cursor(asked, [self._content(each) for each in some])

    def _one(self, asked: Asked, kind: str, content: str) -> Answer:
        found = self.contents.get(content)
        if found is None or f"{found.kind}s" != kind or content in self.withheld:
            return _NOT_FOUND
        wanted = asked.query.get("body-format")
        if wanted not in (None, "storage", "atlas_doc_format", "view"):
            return _bad(f"Provided value {{{wanted}}} for 'body-format' is not valid")
        return Answer(self._content(found, body=wanted == "storage"))

    def _attachments(self, asked: Asked) -> Answer:
        records = []
        for file, (content, name, data) in self.files.items():
            holder = "blogPostId" if self.contents[content].kind == "blogpost" else "pageId"
            download = f"/download/attachments/{content}/{name}?version=1"
            records.append(
                {
                    "id": file,
                    "status": "current",
                    "title": name,
                    holder: content,
                    "mediaType": "application/octet-stream",
                    "fileSize": len(data),
                    "webuiLink": f"/pages/viewpageattachments.action?pageId={content}&preview={name}",
                    "downloadLink": download,
                    "version": {"number": 1, "createdAt": _CREATED},
                    "_links": {"download": download},
                }
            )
        return self._by_cursor(asked, records, default=50)

    def _download(self, _: Asked, content: str, file: str) -> Answer:
        if file not in self.files or self.files[file][0] != content:
            return _NOT_FOUND
        return Answer(status=302, headers={"Location": f"{self.url}/media/{file}"})

    def _media(self, _: Asked, file: str) -> Answer:
        return Answer(self.files[file][2]) if file in self.files else _NOT_FOUND

    def restriction(self, content: str, start: int = 0, limit: int | None = None) -> dict[str, Any]:
        users, groups = self.restricted.get(content, ([], []))
        size = min(limit or self.subjects, self.subjects)
        subjects = {
            "user": [self.users.get(each, {"type": "unknown", "accountId": each}) for each in users],
            "group": [{"type": "group", "name": self.groups[each][0], "id": each} for each in groups],
        }
        return {
            "operation": "read",
            "restrictions": {
                kind: {"results": found[start : start + size], "start": start, "limit": size, "size": len(found[start : start + size])}
                for kind, found in subjects.items()
            },
        }  # fmt: skip

    def _restrictions(self, asked: Asked, content: str) -> Answer:
        if content not in self.contents or content in self.withheld:
            return _NOT_FOUND
        start, limit = int(asked.query.get("start", "0")), int(asked.query.get("limit", "100"))
        return Answer(self.restriction(content, start, limit))

    def _search(self, asked: Asked) -> Answer:
        found = re.fullmatch(r'space = "([^"]+)" and type in \(page, blogpost\)', asked.query.get("cql", ""))
        if not found:
            return Answer({"statusCode": 400, "message": "Could not parse cql"}, 400)
        wanted = "restrictions.read.restrictions.user" in asked.query.get("expand", "")
        records = [
            {
                "id": each.id,
                "type": each.kind,
                "status": "current",
                "title": each.title,
                **({"restrictions": {"read": self.restriction(each.id)}} if wanted else {}),
            }
            for each in self.contents.values()
            if self.spaces[each.space].key == found[1]
            and each.kind in ("page", "blogpost")
            and each.id not in self.unindexed | self.withheld
        ]
        answer = self._by_cursor(asked, records)
        links: dict[str, str] = answer.content.get("_links", {})
        if "next" in links:
            links["next"] = links["next"].removeprefix("/wiki")
        return answer

    def _all_groups(self, asked: Asked) -> Answer:
        some = self.licensed if "accessType" in asked.query else list(self.groups)
        return self._by_start(asked, [{"type": "group", "name": self.groups[each][0], "id": each} for each in some])

    def _group(self, asked: Asked) -> Answer:
        group = asked.query.get("id", "")
        if group not in self.groups:
            return _NOT_FOUND
        return Answer({"type": "group", "name": self.groups[group][0], "id": group})

    def _members(self, asked: Asked, group: str) -> Answer:
        if group not in self.groups:
            return _NOT_FOUND
        return self._by_start(asked, [self.users[each] for each in self.groups[group][1]])

    def _bulk(self, asked: Asked) -> Answer:
        wanted = asked.queries.get("accountId", [])
        if not wanted:
            return Answer({"statusCode": 400, "message": "accountId is required"}, 400)
        some: list[Mapping[str, Any]] = [self.users[each] for each in wanted[:100] if each in self.users]
        return Answer({"results": some, "start": 0, "limit": 100, "size": len(some)})


def written(version: int) -> str:
    """When a version was made: one each minute."""
    return f"2026-01-01T{(version - 1) // 60:02d}:{(version - 1) % 60:02d}:00.000Z"
