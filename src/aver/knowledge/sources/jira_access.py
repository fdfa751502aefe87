"""Who may see an issue in Jira: whoever holds *Browse projects* in its project, and is in its security level if it has one.

Grants are held by users, groups, roles, applications, and by those whom the issue itself names. See
https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-permission-schemes/,
https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-project-roles/ and
https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-security-level/.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple
from urllib.parse import quote

from aver.core.errors import InvalidInput, NotFound, SourceDenied
from aver.knowledge.sources.answers import listed_in, part_of, text_of, walk
from aver.knowledge.sources.atlassian import Directory, Site, Withheld
from aver.knowledge.sources.audience import ALL, Audience, either
from aver.knowledge.sources.people import People

__all__ = ["FIELDS_OF_ACCESS", "JiraAccess", "JiraDirectory", "by_start", "refusal"]

FIELDS_OF_ACCESS = ("project", "security", "issuerestriction", "reporter", "assignee")
"""Fields of an issue that say who may see it, besides those that a grant names."""
_A_PAGE = 50
_LOGGED_IN = "logged-in"
"""The group of all who have access to any application, and the prefix of those who have access to one."""
_APPLICATION = "application-"


class Holder(NamedTuple):
    """Who holds a grant: a kind in lower case, and which one of that kind."""

    kind: str
    which: str


def by_start(site: Site, path: str, query: Mapping[str, object], name: str = "values") -> Iterator[dict[str, Any]]:
    """The records of an answer that counts where the next page begins."""

    def ask(start: Any) -> tuple[list[dict[str, Any]], Any]:
        answer = site.get(path, {**query, "startAt": start or 0, "maxResults": query.get("maxResults", _A_PAGE)})
        found = listed_in(answer, name)
        total = part_of(answer, "total")
        following = (start or 0) + len(found)
        last = part_of(answer, "isLast") is True or not found or (isinstance(total, int) and following >= total)
        return found, None if last else following

    return (each for some in walk(site.name, ask) for each in some)


def refusal(name: str, answer: Any) -> InvalidInput | None:
    """The error of an answer to a query that Jira refuses."""
    told = part_of(answer, "errorMessages")
    if not told:
        return None
    said = " ".join(map(str, told if isinstance(told, list) else [told]))[:200]
    return InvalidInput(f"Jira refuses the query of {name}: {said}", "Correct it, or the project's key.")


class JiraDirectory(Directory, ABC):
    """Accounts and groups as Jira, whose API is at ``api``, tells of them."""

    api: ClassVar[str]
    group_parameter: ClassVar[str]
    """What a query for the members of a group calls its id."""

    def __init__(self, site: Site, people: People) -> None:
        super().__init__(site.name, people)
        self._site = site
        self._applications: dict[str, list[str]] | None = None

    @abstractmethod
    def actor(self, actor: dict[str, Any]) -> Audience:
        """Who has a role in a project: a user, or a group."""

    @abstractmethod
    def _groups_of(self, application: dict[str, Any]) -> list[str]:
        """The groups that give access to an application."""

    def application(self, key: str) -> Audience:
        """Who has access to an application, or to any where ``key`` is empty: a group of its own, and the groups that give access."""
        own = f"{_APPLICATION}{key}" if key else _LOGGED_IN
        return Audience(groups=frozenset({self.called(own, own), *self._giving(key)}))

    def _members_of(self, group: str) -> Iterable[dict[str, Any]]:
        if group == _LOGGED_IN or group.startswith(_APPLICATION):
            return []  # the groups that give access stand beside it
        try:
            return list(by_start(self._site, f"{self.api}/group/member", {self.group_parameter: group}))
        except (Withheld, NotFound):
            return []

    def _giving(self, key: str) -> list[str]:
        if self._applications is None:
            try:
                found = self._site.get(f"{self.api}/applicationrole")
            except (SourceDenied, NotFound):  # a token of OAuth is never told
                found = None
            told = found if isinstance(found, list) else []
            self._applications = {text_of(each, "key"): self._groups_of(each) for each in told}
        some = [self._applications.get(key, [])] if key else self._applications.values()
        return [group for groups in some for group in groups if group]


class JiraAccess:
    """The audiences of issues, for one listing."""

    def __init__(self, site: Site, directory: JiraDirectory) -> None:
        self._site = site
        self._directory = directory
        self._api = directory.api
        self._browse: dict[str, list[Holder] | Audience] = {}
        self._levels: dict[str, list[Holder] | Audience] = {}
        self._held: dict[tuple[str, Holder], Audience] = {}
        self._both: dict[tuple[Audience, Audience], Audience] = {}

    def fields(self, projects: Iterable[str]) -> set[str]:
        """The fields whose values hold a grant in these projects."""
        held = (self._browse_holders(project) for project in projects)
        return {holder.which for some in held if not isinstance(some, Audience) for holder in some if _of_field(holder)}

    def audience(self, issue: dict[str, Any]) -> Audience:
        """Who may see an issue that was asked for with the fields of access."""
        fields = issue.get("fields")
        project = text_of(fields, "project", "key")
        if not isinstance(fields, dict) or not project:
            return Audience(untold="Its project is not told")
        passed = self._of(self._browse_holders(project), project, issue)
        for barrier in self._barriers(fields, project, issue):
            pair = passed, barrier
            if pair not in self._both:
                self._both[pair] = self._directory.both(passed, barrier)
            passed = self._both[pair]
        return passed

    def _barriers(self, fields: dict[str, Any], project: str, issue: dict[str, Any]) -> Iterator[Audience]:
        if fields.get("security") is not None:
            level = text_of(fields, "security", "id")
            yield self._of(self._level_holders(level), project, issue)
        if named := part_of(fields, "issuerestriction", "issuerestrictions"):  # of a project that a team manages itself
            roles = [self._holder(Holder("projectrole", each), project, issue) for each in _roles(named)]
            yield either(roles) if roles else Audience(untold="How it is restricted is not understood")

    def _browse_holders(self, project: str) -> list[Holder] | Audience:
        if project not in self._browse:
            path = f"{self._api}/project/{quote(project, safe='')}/permissionscheme"
            answer = self._site.told(path, {"expand": "permissions"})
            self._browse[project] = (
                Audience(untold=f"The permission scheme of {project} is not shown to the source's account")
                if answer is None
                else [
                    _holder_in(each)
                    for each in listed_in(answer, "permissions")
                    if text_of(each, "permission") == "BROWSE_PROJECTS"
                ]
            )
        return self._browse[project]

    def _level_holders(self, level: str) -> list[Holder] | Audience:
        if level not in self._levels:
            try:
                found = by_start(self._site, f"{self._api}/issuesecurityschemes/level/member", {"levelId": level})
                named = [each for each in found if text_of(each, "issueSecurityLevelId") == level]
                self._levels[level] = [_holder_in(each) for each in named]
            except (Withheld, NotFound):
                self._levels[level] = Audience(untold="Its security level is not shown to the source's account")
        return self._levels[level]

    def _of(self, holders: list[Holder] | Audience, project: str, issue: dict[str, Any]) -> Audience:
        if isinstance(holders, Audience):
            return holders
        return either(self._holder(each, project, issue) for each in holders)

    def _holder(self, holder: Holder, project: str, issue: dict[str, Any]) -> Audience:
        """Whom a grant means for an issue; nobody where that is not known."""
        kind, which = holder
        match kind:
            case "reporter" | "assignee":
                return self._named(issue, kind)
            case "usercustomfield" | "groupcustomfield":
                return self._named(issue, which)
            case "user" if which:
                return Audience(users=frozenset({which}))
            case "group" if which:
                return Audience(groups=frozenset({which}))
            case "applicationrole":
                return self._directory.application(which)
        if (project, holder) not in self._held:
            self._held[project, holder] = self._in_project(holder, project)
        return self._held[project, holder]

    def _in_project(self, holder: Holder, project: str) -> Audience:
        path = f"{self._api}/project/{quote(project, safe='')}"
        match holder.kind:
            case "anyone":
                return ALL if self._site.is_public(path, "key", project) else Audience()
            case "projectlead":
                lead = self._directory.met(part_of(self._site.told(path), "lead"))
                return Audience(users=frozenset({lead} - {""}))
            case "projectrole":
                role = self._site.told(f"{path}/role/{quote(holder.which, safe='')}")
                if role is None:
                    return Audience(untold=f"A role in {project} is not shown to the source's account")
                return either(map(self._directory.actor, listed_in(role, "actors")))
        return Audience()

    def _named(self, issue: dict[str, Any], field: str) -> Audience:
        """The users or groups that a field of the issue names. A field that was not asked for with it is asked for."""
        fields = issue["fields"]
        if field not in fields:
            answer = self._site.told(f"{self._api}/issue/{quote(text_of(issue, 'id'), safe='')}", {"fields": field})
            fields[field] = part_of(answer, "fields", field)
        value = fields[field]
        some = value if isinstance(value, list) else [value]
        users = {self._directory.met(each) for each in some if text_of(each, self._directory.account_id)}
        groups = {self._directory.seen(each) for each in some if not text_of(each, self._directory.account_id)}
        return Audience(frozenset(users - {""}), frozenset(groups - {""}))


def _holder_in(grant: dict[str, Any]) -> Holder:
    holder = grant.get("holder")
    which = text_of(holder, "value") or text_of(holder, "parameter") or text_of(holder, "user", "accountId")
    return Holder(text_of(holder, "type").lower(), which)


def _of_field(holder: Holder) -> bool:
    return holder.kind in ("usercustomfield", "groupcustomfield")


def _roles(named: Any) -> Iterator[str]:
    """The ids of the roles that a restriction names; of one that is written in another way, none."""
    some = part_of(named, "projectrole")
    for each in some if isinstance(some, list) else ():
        yield text_of(each, "id") or (str(each) if isinstance(each, str | int) else "")
