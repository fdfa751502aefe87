"""A Jira Data Center for tests, as its public REST documentation describes it (https://developer.atlassian.com/server/jira/platform/rest/).

It counts where pages of answers begin, calls accounts by a key and a name, groups by their name, and keeps what people write as wiki markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from aver.testing.fakes.sources.atlassian import Routes
from aver.testing.fakes.sources.jira import FakeJira, FakeProject, answered_badly
from aver.testing.fakes.sources.serving import Answer, Asked

__all__ = ["FakeJiraDataCenter"]

_API = "/rest/api/2"
_MISSING = answered_badly("It does not exist or you do not have permission to see it.", status=404)


class FakeJiraDataCenter(FakeJira):
    """As :class:`~aver.testing.fakes.sources.jira.FakeJira`; ``users`` are by their key, ``groups`` by their name. Security levels have no
    members that it would tell of."""

    def add_user(self, email: str, **more: Any) -> str:
        """An account that is called by its address, unless ``more`` gives it a ``name``."""
        key = f"JIRAUSER{self.number()}"
        called = {"name": email, "emailAddress": email, "displayName": email.partition("@")[0], "active": True}
        self.users[key] = {"key": key, **called, **more}
        return key

    def add_group(self, name: str, *accounts: str) -> str:
        self.groups[name] = (name, list(accounts))
        return name

    def add_role(self, project: FakeProject, *, users: Iterable[str] = (), groups: Iterable[str] = ()) -> str:
        role = str(self.number())
        named = [("user", self.users[each]["name"]) for each in users] + [("group", each) for each in groups]
        project.roles[role] = [
            {"id": self.number(), "displayName": name, "type": f"atlassian-{kind}-role-actor", "name": name}
            for kind, name in named
        ]
        return role

    def add(self, project: FakeProject, summary: str, words: str, **fields: Any) -> str:
        return super().add(project, summary, words, **{"description": words, **fields})

    def comment(self, issue: str, words: str, *, internal: bool | None = None, **more: Any) -> dict[str, Any]:
        told = [] if internal is None else [{"key": "sd.public.comment", "value": {"internal": internal}}]
        comment = super().comment(issue, words, properties=told, **more)
        del comment["jsdPublic"]
        comment["body"] = words
        return comment

    def routes(self) -> Routes:
        return (
            (f"{_API}/serverInfo", self._server),
            (f"{_API}/project", self._all_projects),
            (f"{_API}/project/([A-Z]+)", self._project),
            (f"{_API}/project/([A-Z]+)/permissionscheme", self._scheme),
            (f"{_API}/project/([A-Z]+)/role/([0-9]+)", self._role),
            (f"{_API}/applicationrole", self._roles_of_applications),
            (f"{_API}/group/member", self._members_of),
            (f"{_API}/user", self._one_user),
            (f"{_API}/search", self._found),
            (f"{_API}/issue/([0-9]+)", self._issue),
            (f"{_API}/issue/([0-9]+)/comment", self._told_comments),
        )

    def refusal(self, asked: Asked) -> Answer:
        found = re.fullmatch(f"{_API}/project/([A-Z]+)", asked.path)
        if found and "authorization" not in asked.headers:
            project = self.projects.get(found[1])
            return self._project(asked, found[1]) if project is not None and project.public else _MISSING
        return Answer({"message": "Client must be authenticated to access this resource."}, 401)

    def _server(self, _: Asked) -> Answer:
        return Answer({"baseUrl": self.url, "deploymentType": "Server", "version": "10.3.2"})

    def _all_projects(self, _: Asked) -> Answer:
        return Answer([{"id": each.id, "key": each.key} for each in self.projects.values()])

    def _roles_of_applications(self, _: Asked) -> Answer:
        if not self.administers:
            return answered_badly("You do not have permission to do this.", status=403)
        return Answer([{"key": key, "name": key, "groups": groups} for key, groups in self.applications.items()])

    def _members_of(self, asked: Asked) -> Answer:
        group = asked.query.get("groupname", "")
        if group not in self.groups:
            return _MISSING
        members = [self.users[each] for each in self.groups[group][1]]
        return self._by_start(asked, [each for each in members if each["active"]])

    def _one_user(self, asked: Asked) -> Answer:
        key, name = asked.query.get("key"), asked.query.get("username")
        found = [each for each in self.users.values() if key == each["key"] or (name and name == each["name"])]
        return Answer(found[0]) if found else _MISSING

    def _found(self, asked: Asked) -> Answer:
        found = self.matching(asked.query.get("jql", ""))
        if isinstance(found, Answer):
            return found
        start, most = asked.query.get("startAt", "0"), asked.query.get("maxResults", "50")
        begin, size = int(start), min(int(most), self.page)
        wanted = asked.query.get("fields", "id").split(",")
        some = [self._issue_record(issue, wanted) for issue in found[begin : begin + size]]
        return Answer({"startAt": begin, "maxResults": size, "total": len(found), "issues": some})

    def _told_comments(self, asked: Asked, known: str) -> Answer:
        """The properties of comments only where they are asked for."""
        told = "properties" in asked.query.get("expand", "")
        comments = [
            {name: each for name, each in comment.items() if told or name != "properties"}
            for comment in self.issues[known].comments
        ]
        return self._by_start(asked, comments, "comments")
