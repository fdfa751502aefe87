"""What Jira Cloud holds, by its API v3 (https://developer.atlassian.com/cloud/jira/platform/rest/v3/), in which people write documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aver.core.errors import NotFound
from aver.knowledge.sources.adf import markdown
from aver.knowledge.sources.answers import Records, listed_in, part_of, text_of, walk
from aver.knowledge.sources.atlassian import Site, Withheld
from aver.knowledge.sources.audience import Audience
from aver.knowledge.sources.jira_access import JiraDirectory, by_start, refusal
from aver.knowledge.sources.people import People

__all__ = ["JiraCloud"]

_API = "rest/api/3"
_A_PAGE = 100


class JiraCloud:
    """A :class:`~aver.knowledge.sources.jira.Product`."""

    api = _API
    comments: Mapping[str, object] = {}
    markdown = staticmethod(markdown)

    def __init__(self, site: Site) -> None:
        self._site = site

    def directory(self, people: People) -> JiraDirectory:
        return _Directory(self._site, people)

    def projects(self) -> Iterable[dict[str, Any]]:
        return by_start(self._site, f"{_API}/project/search", {})

    def issues(self, jql: str, fields: str) -> Iterator[Records]:
        query = {"jql": jql, "fields": fields, "maxResults": _A_PAGE}

        def ask(token: Any) -> tuple[Records, Any]:
            answer = self._site.get(f"{_API}/search/jql", {**query, "nextPageToken": token}, also=(400,))
            if (refused := refusal(self._site.name, answer)) is not None:
                raise refused
            last = part_of(answer, "isLast") is True
            return listed_in(answer, "issues"), None if last else text_of(answer, "nextPageToken") or None

        return walk(self._site.name, ask)

    def is_for_all(self, comment: dict[str, Any]) -> bool:
        return not comment.get("visibility") and comment.get("jsdPublic") is not False


class _Directory(JiraDirectory):
    api = _API
    group_id = group_parameter = "groupId"

    def actor(self, actor: dict[str, Any]) -> Audience:
        user, group = text_of(actor, "actorUser", "accountId"), self.seen(actor.get("actorGroup"))
        return Audience(frozenset({user} - {""}), frozenset({group} - {""}))

    def _groups_of(self, application: dict[str, Any]) -> list[str]:
        return [self.seen(each) for each in listed_in(application, "groupDetails")]

    def _look_up(self, accounts: list[str]) -> list[dict[str, Any]]:
        try:
            return list(by_start(self._site, f"{_API}/user/bulk", {"accountId": accounts}))
        except (Withheld, NotFound):
            return []

    def _name_of(self, group: str) -> str:
        answer = self._site.told(f"{_API}/group/bulk", {"groupId": group})
        return next((text_of(each, "name") for each in listed_in(answer, "values")), "") if answer else ""
