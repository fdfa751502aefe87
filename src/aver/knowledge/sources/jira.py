"""Jira: the issues of its projects, one document each, with their comments, of the moment of its last change and the number of its comments
as revision.

In Atlassian's cloud or of a Data Center: a :class:`Product` each. There is no cursor: what a search knows to be changed since a moment tells
of neither deletions nor permissions.

Left out is what not every reader of the issue may see: comments for one role or group, internal notes of a service desk, and whatever
belongs to another issue than its key.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Protocol
from urllib.parse import quote

from aver.core.errors import SettingsError, SourceDenied, TooLarge, Unavailable
from aver.gateway.config.shapes import Field, ListOf, Text
from aver.knowledge.sources.answers import Records, instant, part_of, text_of
from aver.knowledge.sources.atlassian import FIELDS, Hosting, Site
from aver.knowledge.sources.jira_access import FIELDS_OF_ACCESS, JiraAccess, JiraDirectory, by_start
from aver.knowledge.sources.jira_cloud import JiraCloud
from aver.knowledge.sources.jira_data_center import JiraDataCenter
from aver.knowledge.sources.people import People
from aver.knowledge.sources.rendering import escaped, fields, page
from aver.knowledge.sources.types import Kind, Reach
from aver.knowledge.types import CursorExpired, Page, SourceItem

__all__ = ["KIND", "JiraSource"]

_COMMENTS_A_PAGE = 100
_NAMED = {
    "Type": ("issuetype", "name"),
    "Status": ("status", "name"),
    "Resolution": ("resolution", "name"),
    "Priority": ("priority", "name"),
    "Parent": ("parent", "key"),
    "Assignee": ("assignee", "displayName"),
    "Reporter": ("reporter", "displayName"),
    "Created": ("created",),
    "Updated": ("updated",),
    "Due": ("duedate",),
}
_LISTED = {"Labels": "labels", "Components": "components", "Fix versions": "fixVersions", "Attachments": "attachment"}
_SHOWN = ("summary", "description", "issuelinks", *(each[0] for each in _NAMED.values()), *_LISTED.values())


class Product(Protocol):
    """What a Jira tells. ``api`` is where; ``comments`` what has to be asked with of these."""

    api: str
    comments: Mapping[str, object]

    def directory(self, people: People) -> JiraDirectory: ...

    def projects(self) -> Iterable[dict[str, Any]]:
        """All that the account may see."""

    def issues(self, jql: str, fields: str) -> Iterator[Records]:
        """What a query finds, with these fields. Raises :class:`~aver.core.errors.InvalidInput` for one that is refused."""

    def is_for_all(self, comment: dict[str, Any]) -> bool:
        """Whether everybody who sees the issue sees this comment."""

    def markdown(self, written: Any, *, below: int) -> str:
        """What somebody wrote."""


_PRODUCTS: dict[Hosting, Callable[[Site], Product]] = {"cloud": JiraCloud, "data-center": JiraDataCenter}


@dataclass(frozen=True, slots=True)
class Options:
    url: str
    token: str
    email: str = ""
    hosting: Hosting = "cloud"
    projects: tuple[str, ...] = ()
    jql: str = ""
    people: People = field(default_factory=People)
    permissions: bool = True

    def __post_init__(self) -> None:
        if self.projects and self.jql:
            raise SettingsError("Both 'projects' and 'jql' are given", "Write the projects into the query.")


@dataclass
class JiraSource:
    """A path is ``PROJECT/ID.md``."""

    name: str
    options: Options
    reach: Reach
    wait: Callable[[float], None] = time.sleep
    _site: Site = field(init=False, repr=False)
    _product: Product = field(init=False, repr=False)
    _untold: dict[str, str] = field(default_factory=dict, init=False, repr=False)
    """Why it cannot be told who may read these paths."""

    def __post_init__(self) -> None:
        given = self.options
        self._site = Site(self.name, given.url, given.email, given.token, self.reach, self.wait)
        self._product = _PRODUCTS[given.hosting](self._site)

    def pages(self, cursor: str) -> Iterator[Page]:
        """Every issue of the projects, or that the query finds. Raises :class:`~aver.core.errors.InvalidInput` for a query that Jira
        refuses, such as one for a project that the account may not see."""
        if cursor:
            raise CursorExpired("Jira tells of no deletions since a moment", "List everything.")
        self._untold = {}
        told = self._site.get(f"{self._product.api}/serverInfo")
        if not isinstance(told, dict):  # nothing else in a list of no projects tells that it is one
            raise Unavailable(f"{self.name} does not answer as Jira does", "Check its address.")
        self._site.seen_at = text_of(told, "baseUrl") or self.options.url.rstrip("/")
        directory = self._product.directory(self.options.people)
        access = JiraAccess(self._site, directory) if self.options.permissions else None
        if self.options.jql:
            yield from self._found(self.options.jql, access, directory, ())
            return
        for project in self.options.projects or self._projects():
            yield from self._found(f'project = "{project}" ORDER BY created', access, directory, (project,))

    def fetch(self, item: SourceItem) -> bytes:
        if why := self._untold.get(item.path):
            raise SourceDenied(f"{why}, so nobody may read it", "Give that account the right to see permissions.")
        where = f"{self._product.api}/issue/{PurePosixPath(item.path).stem}"
        issue = self._site.get(where, {"fields": ",".join(_SHOWN)})
        if part_of(issue, "fields") is None:
            raise Unavailable("The issue has no fields", "Follow it later; see Jira's changes to its API.")
        text = self._rendered(issue, self._comments(where))
        if len(text) > self.reach.max_bytes:
            raise TooLarge(f"The issue is larger than {self.reach.max_bytes / 2**20:g} MB", "Raise the limit.")
        return text

    def _projects(self) -> Iterator[str]:
        for project in self._product.projects():
            if key := text_of(project, "key"):
                yield key

    def _found(
        self, jql: str, access: JiraAccess | None, directory: JiraDirectory, projects: Iterable[str]
    ) -> Iterator[Page]:
        named = {*FIELDS_OF_ACCESS, *access.fields(projects)} if access else {"project"}
        for some in self._product.issues(jql, ",".join(["updated", "comment", *sorted(named)])):
            yield Page(tuple(self._item(issue, access, directory) for issue in some))

    def _item(self, issue: dict[str, Any], access: JiraAccess | None, directory: JiraDirectory) -> SourceItem:
        known, key, project = text_of(issue, "id"), text_of(issue, "key"), text_of(issue, "fields", "project", "key")
        if not (known and key and project):
            raise Unavailable(
                f"{self.name} lists an issue without id, key or project", "See Jira's changes to its API."
            )
        path = f"{quote(project, safe='')}/{quote(known, safe='')}.md"
        uri = f"{self._site.seen_at}/browse/{quote(key, safe='')}"
        revision = f"{text_of(issue, 'fields', 'updated')} {text_of(issue, 'fields', 'comment', 'total')}"
        changed = instant(text_of(issue, "fields", "updated"))
        if access is None:
            return SourceItem(path, uri, revision=revision, changed=changed)
        audience = access.audience(issue)
        if audience.untold:  # without a revision it is asked for, and so reported, each time
            self._untold[path] = audience.untold
            return SourceItem(path, uri, readers=())
        return SourceItem(path, uri, revision=revision, readers=directory.readers(audience), changed=changed)

    def _comments(self, issue: str) -> Iterator[dict[str, Any]]:
        query = {"maxResults": _COMMENTS_A_PAGE, "orderBy": "created", **self._product.comments}
        return filter(self._product.is_for_all, by_start(self._site, f"{issue}/comment", query, "comments"))

    def _rendered(self, issue: dict[str, Any], comments: Iterable[dict[str, Any]]) -> bytes:
        said = issue["fields"]
        about = {name: text_of(said, *where) for name, where in _NAMED.items()}
        about |= {name: ", ".join(_names(part_of(said, where))) for name, where in _LISTED.items()}
        about |= {"Links": ", ".join(_links(part_of(said, "issuelinks")))}
        parts = [fields({name: value for name, value in about.items() if value})]
        parts.append(self._product.markdown(part_of(said, "description"), below=1))
        for comment in comments:
            parts += [_heading(comment), self._product.markdown(part_of(comment, "body"), below=2)]
        return page(f"{text_of(issue, 'key')} {text_of(said, 'summary')}", "", *parts).encode("utf-8", "replace")


def _heading(comment: dict[str, Any]) -> str:
    who, when = text_of(comment, "author", "displayName") or "somebody", text_of(comment, "created")[:10]
    heading = " ".join(f"Comment by {who}, {when}".split())
    return f"## {escaped(heading)}"


def _names(values: Any) -> Iterator[str]:
    for each in values if isinstance(values, list) else ():
        if name := each if isinstance(each, str) else text_of(each, "name") or text_of(each, "filename"):
            yield name


def _links(links: Any) -> Iterator[str]:
    """What the issue has to do with others, by their keys alone: who reads this one may not read those."""
    for link in links if isinstance(links, list) else ():
        for way, side in (("outward", "outwardIssue"), ("inward", "inwardIssue")):
            if key := text_of(link, side, "key"):
                yield f"{text_of(link, 'type', way)} {key}"


_KEY = Text(r"[A-Za-z][A-Za-z0-9_]*", "the key of a project", "Write it as it stands before the number of an issue.")
KIND = Kind(
    "jira",
    "Issues of Jira with their comments and its permissions.",
    {
        **FIELDS,
        "projects": Field(ListOf(_KEY), "Keys of the projects; all that the account may see, without it and jql."),
        "jql": Field(
            Text(longest=5000), "Finds the issues instead of projects, such as: project = HR AND type = Task."
        ),
    },
    Options,
    JiraSource,
)
