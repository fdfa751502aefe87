"""A Jira Cloud site for tests, as its public REST documentation describes it.

See https://developer.atlassian.com/cloud/jira/platform/rest/v3/: issue search, issues, comments, projects, permission schemes, roles,
security levels, groups and users. It pages as the real one does, and refuses what it does.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from aver.testing.fakes.sources.atlassian import FakeAtlassian, Routes
from aver.testing.fakes.sources.serving import Answer, Asked

__all__ = ["FakeIssue", "FakeJira", "FakeProject", "answered_badly", "paragraph"]

_API = "/rest/api/3"


def paragraph(text: str) -> dict[str, Any]:
    """A document of the Atlassian Document Format."""
    content = [{"type": "paragraph", "content": [{"type": "text", "text": text}]}]
    return {"type": "doc", "version": 1, "content": content}


def answered_badly(*messages: str, status: int = 400) -> Answer:
    return Answer({"errorMessages": list(messages), "errors": {}}, status)


_FORBIDDEN = answered_badly("You do not have permission to do this.", status=403)
_MISSING = answered_badly("It does not exist or you do not have permission to see it.", status=404)


@dataclass
class FakeProject:
    id: str
    key: str
    browse: list[dict[str, Any]] = field(default_factory=list)
    """Holders of the permission to see its issues."""
    lead: str = ""
    roles: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    public: bool = False
    hidden: bool = False
    """Whether its scheme is kept from the account that asks."""


@dataclass
class FakeIssue:
    id: str
    key: str
    project: str
    fields: dict[str, Any]
    comments: list[dict[str, Any]] = field(default_factory=list)


class FakeJira(FakeAtlassian):
    """Accounts, groups, projects, levels and issues are added by methods. ``applications`` are the groups that give access to each;
    ``page`` is how many records a page has at most, whatever is asked for."""

    address = "emailAddress"

    def __init__(self) -> None:
        super().__init__()
        self.projects: dict[str, FakeProject] = {}
        self.issues: dict[str, FakeIssue] = {}
        self.levels: dict[str, list[dict[str, Any]]] = {}
        self.applications: dict[str, list[str]] = {}
        self.administers = True
        """Whether the account that asks administers Jira."""
        self.page = 100

    def add_project(self, key: str, *browse: dict[str, Any]) -> FakeProject:
        self.projects[key] = FakeProject(str(self.number()), key, list(browse))
        return self.projects[key]

    def add_level(self, *holders: dict[str, Any]) -> str:
        level = str(self.number())
        self.levels[level] = list(holders)
        return level

    def add_role(self, project: FakeProject, *, users: Iterable[str] = (), groups: Iterable[str] = ()) -> str:
        role = str(self.number())
        project.roles[role] = [
            {"id": self.number(), "type": "atlassian-user-role-actor", "actorUser": {"accountId": each}}
            for each in users
        ] + [
            {"id": self.number(), "type": "atlassian-group-role-actor", "actorGroup": self._group(each)}
            for each in groups
        ]
        return role

    def add(self, project: FakeProject, summary: str, words: str, **fields: Any) -> str:
        number, known = sum(each.project == project.key for each in self.issues.values()) + 1, str(self.number())
        described = {"summary": summary, "description": paragraph(words), "created": _moment(0), "labels": [], **fields}
        self.issues[known] = FakeIssue(known, f"{project.key}-{number}", project.key, described)
        self.edit(known)
        return known

    def edit(self, issue: str, **fields: Any) -> None:
        self.issues[issue].fields |= {"updated": _moment(self.number()), **fields}

    def comment(self, issue: str, words: str, **more: Any) -> dict[str, Any]:
        author = {"accountId": "712020:1", "displayName": "Bea"}
        comment = {"id": str(self.number()), "author": author, "created": _moment(1), "jsdPublic": True, **more}
        self.issues[issue].comments.append({"body": paragraph(words), **comment})
        self.edit(issue)
        return self.issues[issue].comments[-1]

    def routes(self) -> Routes:
        return (
            (f"{_API}/serverInfo", self._server),
            (f"{_API}/project/search", self._projects),
            (f"{_API}/project/([A-Z]+)", self._project),
            (f"{_API}/project/([A-Z]+)/permissionscheme", self._scheme),
            (f"{_API}/project/([A-Z]+)/role/([0-9]+)", self._role),
            (f"{_API}/issuesecurityschemes/level/member", self._level),
            (f"{_API}/applicationrole", self._applications),
            (f"{_API}/group/member", self._members),
            (f"{_API}/group/bulk", self._groups),
            (f"{_API}/user/bulk", self._users),
            (f"{_API}/search/jql", self._search),
            (f"{_API}/issue/([0-9]+)", self._issue),
            (f"{_API}/issue/([0-9]+)/comment", self._comments),
        )

    def missing(self) -> Answer:
        return _MISSING

    def refusal(self, asked: Asked) -> Answer:
        """Somebody without an account sees what is public."""
        found = re.fullmatch("/rest/api/3/project/([A-Z]+)", asked.path)
        if found and "authorization" not in asked.headers:
            project = self.projects.get(found[1])
            return self._project(asked, found[1]) if project is not None and project.public else _MISSING
        return Answer({"message": "Client must be authenticated to access this resource."}, 401)

    def _by_start(self, asked: Asked, records: list[dict[str, Any]], name: str = "values") -> Answer:
        start, most = asked.query.get("startAt", "0"), asked.query.get("maxResults", "50")
        if not (start.isdigit() and most.isdigit()):
            return answered_badly("startAt and maxResults are numbers")
        begin, size = int(start), min(int(most), self.page)
        some = records[begin : begin + size]
        last = begin + size >= len(records)
        told = {"startAt": begin, "maxResults": size, "total": len(records), name: some}
        return Answer(told if name == "comments" else {**told, "isLast": last})

    def _group(self, group: str) -> dict[str, Any]:
        return {"name": self.groups[group][0], "displayName": self.groups[group][0], "groupId": group}

    def _server(self, _: Asked) -> Answer:
        return Answer({"baseUrl": self.url, "deploymentType": "Cloud", "version": "1001.0.0-SNAPSHOT"})

    def _projects(self, asked: Asked) -> Answer:
        return self._by_start(asked, [{"id": each.id, "key": each.key} for each in self.projects.values()])

    def _project(self, _: Asked, key: str) -> Answer:
        if key not in self.projects:
            return _MISSING
        found = self.projects[key]
        return Answer({"id": found.id, "key": key, "name": key, "lead": self.users.get(found.lead)})

    def _scheme(self, asked: Asked, key: str) -> Answer:
        if key not in self.projects:
            return _MISSING
        found = self.projects[key]
        if found.hidden:
            return _FORBIDDEN
        if asked.query.get("expand") not in ("permissions", "all"):
            return Answer({"id": 10_000, "name": "Default scheme"})
        granted = [
            {"id": number, "holder": holder, "permission": "BROWSE_PROJECTS"}
            for number, holder in enumerate(found.browse)
        ]
        writers = {"type": "group", "parameter": "writers", "value": "9c559b11-writers"}
        granted.append({"id": 99, "holder": writers, "permission": "CREATE_ISSUES"})
        return Answer({"id": 10_000, "name": "Default scheme", "permissions": granted})

    def _role(self, _: Asked, key: str, role: str) -> Answer:
        if key not in self.projects or role not in self.projects[key].roles:
            return _MISSING
        if self.projects[key].hidden:
            return _FORBIDDEN
        return Answer({"id": int(role), "name": "Role", "actors": self.projects[key].roles[role]})

    def _level(self, asked: Asked) -> Answer:
        if not self.administers:
            return _FORBIDDEN
        wanted = asked.queries.get("levelId", list(self.levels))
        records = [
            {"id": f"{level}-{number}", "issueSecurityLevelId": level, "issueSecuritySchemeId": "1", "holder": holder}
            for level in wanted
            for number, holder in enumerate(self.levels.get(level, []))
        ]
        return self._by_start(asked, records)

    def _applications(self, _: Asked) -> Answer:
        if not self.administers:
            return _FORBIDDEN
        return Answer(
            [
                {"key": key, "name": key, "groupDetails": [self._group(each) for each in groups]}
                for key, groups in self.applications.items()
            ]
        )

    def _members(self, asked: Asked) -> Answer:
        group = asked.query.get("groupId", "")
        if group not in self.groups:
            return _MISSING
        members = [self.users[each] for each in self.groups[group][1]]
        return self._by_start(asked, [each for each in members if each.get("active", True)])

    def _groups(self, asked: Asked) -> Answer:
        wanted = asked.queries.get("groupId", [])
        return self._by_start(asked, [self._group(each) for each in wanted if each in self.groups])

    def _users(self, asked: Asked) -> Answer:
        wanted = asked.queries.get("accountId", [])
        if not wanted:
            return answered_badly("The accountId query parameter needs to be provided")
        return self._by_start(asked, [self.users[each] for each in wanted if each in self.users])

    def matching(self, jql: str) -> list[FakeIssue] | Answer:
        """What a query finds, or how it is refused."""
        found = re.match(r"project (?:= \"?([A-Z]+)\"?|in \(([A-Z, ]+)\))", jql)
        if not found:
            return answered_badly(
                "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
            )
        keys = [each.strip() for each in (found[1] or found[2]).split(",")]
        for key in keys:
            if key not in self.projects:
                return answered_badly(f"The value '{key}' does not exist for the field 'project'.")
        return [issue for issue in self.issues.values() if issue.project in keys]

    def _search(self, asked: Asked) -> Answer:
        some = self.matching(asked.query.get("jql", ""))
        if isinstance(some, Answer):
            return some
        start = 0
        if token := asked.query.get("nextPageToken"):
            try:
                start = int(base64.b64decode(token, validate=True).decode().removeprefix("after:"))
            except ValueError:
                return answered_badly("The provided next page token is invalid")
        end = start + min(int(asked.query.get("maxResults", "50")), self.page)
        wanted = asked.query.get("fields", "id").split(",")
        answer: dict[str, Any] = {
            "issues": [self._issue_record(issue, wanted) for issue in some[start:end]],
            "isLast": end >= len(some),
        }
        if end < len(some):
            answer["nextPageToken"] = base64.b64encode(f"after:{end}".encode()).decode()
        return Answer(answer)

    def _issue_record(self, issue: FakeIssue, wanted: list[str]) -> dict[str, Any]:
        key = issue.project
        comments = {"comments": issue.comments[:20], "total": len(issue.comments), "maxResults": 20, "startAt": 0}
        fields: dict[str, Any] = {
            "project": {"id": self.projects[key].id, "key": key},
            "issuerestriction": {"issuerestrictions": {}, "shouldDisplay": False},
            "comment": comments,
            **issue.fields,
        }
        told = {name: each for name, each in fields.items() if name in wanted}
        return {"id": issue.id, "key": issue.key, "self": f"{self.url}/rest/api/3/issue/{issue.id}", "fields": told}

    def _issue(self, asked: Asked, known: str) -> Answer:
        if known not in self.issues:
            return _MISSING
        return Answer(self._issue_record(self.issues[known], asked.query.get("fields", "*all").split(",")))

    def _comments(self, asked: Asked, known: str) -> Answer:
        return self._by_start(asked, self.issues[known].comments, "comments") if known in self.issues else _MISSING


def _moment(minute: int) -> str:
    return f"2026-01-01T{minute // 60 % 24:02d}:{minute % 60:02d}:{minute // 1440 % 60:02d}.000+0000"
