"""A Confluence Data Center for tests, as its public REST documentation describes it (https://developer.atlassian.com/server/confluence/rest/).

It counts where pages of answers begin, calls accounts by a key and a username, and groups by their name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from aver.testing.fakes.sources.atlassian import Routes
from aver.testing.fakes.sources.confluence import FakeConfluence, FakeContent, FakeSpace, written
from aver.testing.fakes.sources.serving import Answer, Asked

__all__ = ["FakeConfluenceDataCenter"]

_API = "/rest/api"
_LARGEST = 200
_MISSING = Answer({"statusCode": 404, "message": "No content found"}, 404)
_FORBIDDEN = Answer({"statusCode": 403, "message": "Not permitted to view the permissions of the space"}, 403)
_CREATED = "2026-01-01T00:00:00.000+00:00"


class FakeConfluenceDataCenter(FakeConfluence):
    """As :class:`~aver.testing.fakes.sources.confluence.FakeConfluence`; ``users`` are by their key, ``groups`` by their name."""

    def add_user(self, email: str, **more: Any) -> str:
        """An account that is called by its address, unless ``more`` gives it a ``username``."""
        key = f"4028800d98315ec6{self.number():016x}"
        called = {"username": email, "displayName": email.partition("@")[0], **more}
        self.users[key] = {"type": "known", "userKey": key, **called}
        return key

    def add_group(self, name: str, *accounts: str) -> str:
        self.groups[name] = (name, list(accounts))
        return name

    def routes(self) -> Routes:
        return (
            (f"{_API}/space", self._all_spaces),
            (f"{_API}/space/([^/]+)", self._space_of),
            (f"{_API}/space/([^/]+)/permissions", self._granted),
            (f"{_API}/content", self._some),
            (f"{_API}/content/search", self._attached),
            (f"{_API}/content/(att[0-9]+)", self._attachment),
            (f"{_API}/content/([0-9]+)", self._content_of),
            (f"{_API}/content/([0-9]+)/restriction/byOperation/read", self._restrictions),
            ("/download/attachments/([0-9]+)/(.+)", self._downloaded),
            (f"{_API}/user", self._user_of),
            (f"{_API}/group/([^/]+)/member", self._members),
        )

    def missing(self) -> Answer:
        return _MISSING

    def refusal(self, asked: Asked) -> Answer:
        found = re.fullmatch(f"{_API}/space/([^/]+)", asked.path)
        if found and "authorization" not in asked.headers:
            space = self._named(found[1])
            return self._space_of(asked, found[1]) if space is not None and space.public else _MISSING
        return Answer({"message": "Client must be authenticated to access this resource.", "status-code": 401}, 401)

    def _paged(self, asked: Asked, records: list[dict[str, Any]]) -> Answer:
        start, limit = asked.query.get("start", "0"), asked.query.get("limit", "25")
        if not (start.isdigit() and limit.isdigit()):
            return Answer({"statusCode": 400, "message": "start and limit are numbers"}, 400)
        begin, size = int(start), min(int(limit), _LARGEST, self.page)
        links = {"base": self.url, "context": ""}
        if begin + size < len(records):
            links["next"] = f"{asked.path}?{urlencode({**asked.query, 'start': begin + size, 'limit': size})}"
        some = [each for each in records[begin : begin + size] if each.get("id") not in self.withheld]
        return Answer({"results": some, "start": begin, "limit": size, "size": len(some), "_links": links})

    def _named(self, key: str) -> FakeSpace | None:
        return next((each for each in self.spaces.values() if each.key == key), None)

    def _told(self, space: FakeSpace) -> dict[str, Any]:
        return {"id": int(space.id), "key": space.key, "name": space.key, "type": "global", "status": "CURRENT"}

    def _all_spaces(self, asked: Asked) -> Answer:
        keys = asked.queries.get("spaceKey")
        return self._paged(asked, [self._told(each) for each in self.spaces.values() if not keys or each.key in keys])

    def _space_of(self, _: Asked, key: str) -> Answer:
        space = self._named(key)
        return _MISSING if space is None else Answer(self._told(space))

    def _granted(self, _: Asked, key: str) -> Answer:
        space = self._named(key)
        if space is None or space.hidden:
            return _MISSING if space is None else _FORBIDDEN
        subjects = [{"type": "user", **self._subject(each)} for each in space.users]
        subjects += [{"type": "group", "name": each} for each in space.groups]
        of = {"spaceKey": space.key, "spaceId": int(space.id)}
        granted = [
            {"operation": {"targetType": on, "operationKey": key}, "subject": subject, **of}
            for subject in subjects
            for key, on in (("read", "space"), ("create", "comment"))
        ]
        writers = {"type": "group", "name": "writers"}
        granted.append({"operation": {"targetType": "page", "operationKey": "create"}, "subject": writers, **of})
        return Answer(granted)

    def _subject(self, key: str) -> dict[str, Any]:
        """Without a username."""
        known = self.users.get(key, {"displayName": "Unknown user"})
        return {"userKey": key, "displayName": known["displayName"]}

    def _ancestors(self, content: FakeContent) -> list[dict[str, Any]]:
        above = self.contents.get(content.parent)
        return [] if above is None else [*self._ancestors(above), {"id": above.id, "type": above.kind}]

    def _record(self, content: FakeContent, expand: str) -> dict[str, Any]:
        space = self.spaces[content.space]
        webui = f"/spaces/{space.key}/pages/{content.id}"
        record: dict[str, Any] = {"id": content.id, "type": content.kind, "status": "current", "title": content.title}
        record["_links"] = {"webui": webui, "self": f"{self.url}{_API}/content/{content.id}"}
        if "version" in expand:
            record["version"] = {"number": content.version, "when": written(content.version), "minorEdit": False}
        if "ancestors" in expand:
            record["ancestors"] = self._ancestors(content)
        if "restrictions.read.restrictions.user" in expand:
            record["restrictions"] = {"read": self.restriction(content.id)}
        if "body.storage" in expand:
            record["body"] = {"storage": {"value": content.storage, "representation": "storage"}}
        return record

    def _some(self, asked: Asked) -> Answer:
        kind, space = asked.query.get("type", "page"), self._named(asked.query.get("spaceKey", ""))
        if space is None:
            return _MISSING
        found = [
            self._record(each, asked.query.get("expand", ""))
            for each in self.contents.values()
            if (each.space, each.kind) == (space.id, kind)
        ]
        return self._paged(asked, found)

    def _content_of(self, asked: Asked, content: str) -> Answer:
        if content not in self.contents or content in self.withheld:
            return _MISSING
        return Answer(self._record(self.contents[content], asked.query.get("expand", "")))

    def _file(self, file: str) -> dict[str, Any]:
        content, name, data = self.files[file]
        return {
            "id": file,
            "type": "attachment",
            "title": name,
            "container": {"id": content, "type": self.contents[content].kind},
            "version": {"number": 1, "when": _CREATED},
            "extensions": {"mediaType": "application/octet-stream", "fileSize": len(data)},
            "_links": {
                "webui": f"/pages/viewpage.action?pageId={content}&preview={name}",
                "download": f"/download/attachments/{content}/{name}?version=1&api=v2",
            },
        }

    def _attached(self, asked: Asked) -> Answer:
        found = re.fullmatch(r'space = "([^"]+)" and type = attachment', asked.query.get("cql", ""))
        space = self._named(found[1]) if found else None
        if space is None:
            return Answer({"statusCode": 400, "message": "Could not parse cql"}, 400)
        some = [each for each, (content, _, _) in self.files.items() if self.contents[content].space == space.id]
        return self._paged(asked, [self._file(each) for each in some])

    def _attachment(self, _: Asked, file: str) -> Answer:
        return Answer(self._file(file)) if file in self.files else _MISSING

    def _downloaded(self, _: Asked, content: str, name: str) -> Answer:
        found = (data for of, called, data in self.files.values() if (of, called) == (content, name))
        return Answer(next(found, b"")) if content in self.contents else _MISSING

    def _user_of(self, asked: Asked) -> Answer:
        found: Mapping[str, Any] | None = self.users.get(asked.query.get("key", ""))
        return _MISSING if found is None else Answer(found)

    def _members(self, asked: Asked, group: str) -> Answer:
        if group not in self.groups:
            return _MISSING
        return self._paged(asked, [self.users[each] for each in self.groups[group][1]])
