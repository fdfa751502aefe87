"""What Jira Data Center holds, by its REST API 2 (https://developer.atlassian.com/server/jira/platform/rest/), which counts where the next page
of an answer begins, and in which people write wiki markup.

An account is known by its key, and a group by its name. Who is in a security level is not told, so nobody reads what has one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aver.knowledge.sources.answers import Records, listed_in, part_of, records, text_of, walk_counted
from aver.knowledge.sources.atlassian import Site
from aver.knowledge.sources.audience import Audience
from aver.knowledge.sources.jira_access import JiraDirectory, refusal
from aver.knowledge.sources.jira_markup import markdown
from aver.knowledge.sources.people import People

__all__ = ["JiraDataCenter"]

_API = "rest/api/2"
_A_PAGE = 100
_OF_A_DESK = "sd.public.comment"
"""The property by which a comment of a service desk says whether it is an internal note."""


class JiraDataCenter:
    """A :class:`~aver.knowledge.sources.jira.Product`."""

    api = _API
    comments: Mapping[str, object] = {"expand": "properties"}
    markdown = staticmethod(markdown)

    def __init__(self, site: Site) -> None:
        self._site = site

    def directory(self, people: People) -> JiraDirectory:
        return _Directory(self._site, people)

    def projects(self) -> Iterable[dict[str, Any]]:
        return records(self._site.get(f"{_API}/project"), "projects")

    def issues(self, jql: str, fields: str) -> Iterator[Records]:
        if "order by" not in " ".join(jql.lower().split()):
            jql = f"{jql} ORDER BY created"  # in which new ones come last
        query = {"jql": jql, "fields": fields, "maxResults": _A_PAGE}

        def ask(start: int) -> tuple[Records, int | None]:
            answer = self._site.get(f"{_API}/search", {**query, "startAt": start}, also=(400,))
            if (refused := refusal(self._site.name, answer)) is not None:
                raise refused
            found, total = listed_in(answer, "issues"), part_of(answer, "total")
            end = start + len(found)
            return found, None if not found or (isinstance(total, int) and end >= total) else end

        return walk_counted(self._site.name, ask)

    def is_for_all(self, comment: dict[str, Any]) -> bool:
        told = part_of(comment, "properties")
        internal = (
            part_of(each, "value", "internal")
            for each in (told if isinstance(told, list) else ())
            if text_of(each, "key") == _OF_A_DESK
        )
        return not comment.get("visibility") and all(each is False for each in internal)


class _Directory(JiraDirectory):
    api = _API
    account_id, account_name, group_id, group_parameter = "key", "name", "name", "groupname"

    def actor(self, actor: dict[str, Any]) -> Audience:
        """Users are told by their names alone."""
        name = text_of(actor, "name")
        match text_of(actor, "type"):
            case "atlassian-group-role-actor" if name:
                return Audience(groups=frozenset({name}))
            case "atlassian-user-role-actor" if name:
                return Audience(users=frozenset({self.met(self._site.told(f"{_API}/user", {"username": name}))} - {""}))
            case _:
                return Audience()

    def _groups_of(self, application: dict[str, Any]) -> list[str]:
        told = part_of(application, "groups")
        return [each for each in told if isinstance(each, str)] if isinstance(told, list) else []

    def _look_up(self, accounts: list[str]) -> list[dict[str, Any]]:
        found = (self._site.told(f"{_API}/user", {"key": each}) for each in accounts)
        return [each for each in found if isinstance(each, dict)]

    def _name_of(self, group: str) -> str:
        return group
