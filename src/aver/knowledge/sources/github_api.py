"""GitHub's REST API: one repository's records, paged by the ``Link`` header, within both of its rate limits; and who may read the repository.

See https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api and
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aver.core.errors import NotFound, SourceDenied, Unavailable
from aver.core.principal import EVERYONE
from aver.knowledge.sources.answers import Records, part_of, records, text_of, walk
from aver.knowledge.sources.http import Http, Reply, origin
from aver.knowledge.sources.people import Access, People
from aver.knowledge.sources.types import Reach

__all__ = ["GithubApi", "Repository", "access_to"]

_A_PAGE = 100
_NEXT = re.compile(r'<([^>]+)>\s*;[^,]*\brel="?next\b')
_NAME = re.compile(r"[\w-]+/[\w.-]+", re.ASCII)
_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_ENTERPRISE = "enterprise members"
_SECONDARY = 60.0
"""Seconds to wait after a secondary limit that does not say how long."""


class Withheld(SourceDenied):
    """The token is good, but may not see this."""


@dataclass
class GithubApi:
    """``token`` is a reference to the secret, empty for public repositories alone. For one thread at a time."""

    name: str
    base: str
    token: str
    reach: Reach
    wait: Callable[[float], None] = time.sleep
    _http: Http = field(init=False, repr=False)

    def __post_init__(self) -> None:
        clock = self.reach.clock
        self._http = Http(self.name, self.base, clock, self._proof, throttled=self._throttled, wait=self.wait)

    def get(self, path: str) -> Any:
        """The record at ``path``. Raises :class:`Withheld` for 403, else as :meth:`~aver.knowledge.sources.http.Http.get`."""
        return self._ask(path, None).json()

    def pages(self, path: str, query: Mapping[str, object] | None = None) -> Iterator[Records]:
        """The records of a list, page by page. Raises :class:`~aver.core.errors.Unavailable` for one that goes in circles or elsewhere."""

        def ask(place: Any) -> tuple[Records, Any]:
            first = {**(query or {}), "per_page": _A_PAGE}
            reply = self._ask(path, first) if place is None else self._ask(place, None)
            return records(reply.json(), path.rpartition("/")[2]), self._following(reply)

        return walk(self.name, ask)

    def _ask(self, where: str, query: Mapping[str, object] | None) -> Reply:
        reply = self._http.get(where, query, _HEADERS, also=(403,))
        if reply.status == 403:
            raise Withheld(f"{self.name} does not show {where[:100]} to its token", "Give it the right to see that.")
        return reply

    def _following(self, reply: Reply) -> str | None:
        found = _NEXT.search(reply.headers.get("link", ""))
        if found is None:
            return None
        if origin(found[1]) != origin(self.base):
            raise Unavailable(f"{self.name} leads elsewhere for its next page", "Check the address.")
        return found[1]

    def _proof(self, refused: bool) -> Mapping[str, str]:  # noqa: ARG002 - the secret is read anew each time
        return {"Authorization": f"Bearer {self.reach.secret(self.token)}"} if self.token else {}

    def _throttled(self, reply: Reply) -> float | None:
        """How long GitHub wants to be left alone: it says so with 403 as well as with 429."""
        if reply.status not in (403, 429):
            return None
        after, reset = reply.headers.get("retry-after", ""), reply.headers.get("x-ratelimit-reset", "")
        if after.isdecimal():
            return float(after)
        if reply.headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
            return max(1.0, int(reset) - self.reach.clock.now().timestamp())
        return _SECONDARY if b"secondary rate limit" in reply.body.lower() else None


@dataclass(frozen=True, slots=True)
class Repository:
    """What GitHub says of a repository. ``url`` is its address in the API, ``path`` below that of the API, ``page`` where people see it,
    ``clone`` where git gets it."""

    url: str
    path: str
    page: str
    clone: str
    branch: str
    visibility: str
    has_issues: bool
    has_wiki: bool

    @classmethod
    def read(cls, record: Any) -> Repository:
        """Raises :class:`~aver.core.errors.Unavailable` where something is not told: what is not known to be public is not."""
        url, full, page, clone = (text_of(record, name) for name in ("url", "full_name", "html_url", "clone_url"))
        private, branch = part_of(record, "private"), text_of(record, "default_branch")
        if not (url and _NAME.fullmatch(full) and page and clone and branch and isinstance(private, bool)):
            raise Unavailable("A repository is not described as expected", "See GitHub's changes to its API.")
        visibility = (text_of(record, "visibility") or "private") if private else "public"
        has = (part_of(record, name) is True for name in ("has_issues", "has_wiki"))
        return cls(url, f"repos/{full}", page.rstrip("/"), clone, branch, visibility, *has)


def access_to(repository: Repository, api: GithubApi, people: People) -> Access:
    """Who may read a repository: everyone of the tenant when it is public; else those collaborators who are known here, its teams as
    groups, and of an internal one the group ``enterprise members``, which no team can be called.

    See https://docs.github.com/en/rest/collaborators/collaborators and https://docs.github.com/en/rest/repos/repos#list-repository-teams.
    """
    if repository.visibility == "public":
        return Access((EVERYONE,))
    found: set[str | None] = set()
    told = False
    for path, query in (("collaborators", {"affiliation": "all"}), ("teams", {})):
        try:
            for some in api.pages(f"{repository.path}/{path}", query):
                found |= {_token(each, path, api.name, people) for each in some if _may_pull(each)}
            told = True
        except (Withheld, NotFound):
            continue
    if repository.visibility == "internal":
        found.add(people.group(api.name, _ENTERPRISE))
    readers = tuple(sorted(token for token in found if token))
    why = "" if told else "GitHub does not show the token who may read the repository"
    return Access(() if why else readers, why)


def _may_pull(record: dict[str, Any]) -> bool:
    return part_of(record, "permissions", "pull") is not False


def _token(record: dict[str, Any], path: str, source: str, people: People) -> str | None:
    if path == "teams":
        return people.group(source, text_of(record, "slug"))
    return people.user(text_of(record, "email") or None, text_of(record, "login"))
