"""The issues and pull requests of one GitHub repository, each with its comments a document.

Listed with the moment of the last change and the number of comments as revision, and with the comments on lines of a pull request, of
which neither tells. See https://docs.github.com/en/rest/issues/issues, https://docs.github.com/en/rest/issues/comments and
https://docs.github.com/en/rest/pulls/comments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from aver.core.canonical import canonical_json, sha256_hex
from aver.core.errors import NotFound, TooLarge, Unavailable
from aver.knowledge.sources.answers import instant, part_of, text_of
from aver.knowledge.sources.github_api import GithubApi, Repository
from aver.knowledge.sources.markdown import contained
from aver.knowledge.sources.rendering import escaped, fields, page
from aver.knowledge.types import SourceItem

__all__ = ["fetch_issue", "list_issues"]


def list_issues(api: GithubApi, repository: Repository) -> Iterator[list[SourceItem]]:
    """Each as ``NUMBER.md``, without readers."""
    if not repository.has_issues:
        return
    reviewed = _review_comments(api, repository)
    for some in api.pages(f"{repository.path}/issues", {"state": "all", "sort": "created", "direction": "asc"}):
        yield [_item(record, reviewed) for record in some]


def _review_comments(api: GithubApi, repository: Repository) -> dict[str, str]:
    """What tells the comments on lines of each pull request from others, by its number."""
    found: dict[str, str] = {}
    for some in api.pages(f"{repository.path}/pulls/comments", {"sort": "created", "direction": "asc"}):
        for comment in some:
            number = text_of(comment, "pull_request_url").rpartition("/")[2]
            state = [found.get(number, ""), text_of(comment, "id"), text_of(comment, "updated_at")]
            found[number] = sha256_hex(canonical_json(state))[:16]
    return found


def _item(record: dict[str, Any], reviewed: dict[str, str]) -> SourceItem:
    number, uri = text_of(record, "number"), text_of(record, "html_url")
    if not (number.isdecimal() and uri):
        raise Unavailable("An issue is listed without number or address", "See GitHub's changes to its API.")
    revision = f"{text_of(record, 'updated_at')} {text_of(record, 'comments')} {reviewed.get(number, '')}".strip()
    return SourceItem(f"{number}.md", uri, revision=revision, changed=instant(text_of(record, "updated_at")))


def fetch_issue(api: GithubApi, repository: Repository, number: str, most: int) -> bytes:
    """A document of at most ``most`` bytes. Raises :class:`~aver.core.errors.NotFound` for an issue that was deleted or moved to another
    repository: there others may be its readers."""
    where = f"{repository.path}/issues/{number}"
    issue = api.get(where)
    if (text_of(issue, "repository_url").lower(), text_of(issue, "number")) != (repository.url.lower(), number):
        raise NotFound("The issue is in another repository now", "Declare that one, if it is to be read.")
    comments = [each for some in api.pages(f"{where}/comments") for each in some]
    if part_of(issue, "pull_request"):
        lines = api.pages(f"{repository.path}/pulls/{number}/comments")
        comments += [each for some in lines for each in some]
    text = _rendered(issue, sorted(comments, key=lambda each: text_of(each, "created_at")))
    if len(text) > most:
        raise TooLarge(f"The issue is larger than {most / 2**20:g} MB", "Raise the limit.")
    return text


def _rendered(issue: dict[str, Any], comments: Iterable[dict[str, Any]]) -> bytes:
    about = {
        "Type": "Pull request" if part_of(issue, "pull_request") else "Issue",
        "State": " ".join(filter(None, (text_of(issue, "state"), text_of(issue, "state_reason").replace("_", " ")))),
        "Author": _who(issue),
        "Assignees": _names(part_of(issue, "assignees"), "login"),
        "Labels": _names(part_of(issue, "labels"), "name"),
        "Milestone": text_of(issue, "milestone", "title"),
        "Created": text_of(issue, "created_at"),
        "Closed": text_of(issue, "closed_at"),
    }
    parts = [fields({name: value for name, value in about.items() if value}), contained(text_of(issue, "body"), 2)]
    parts += [part for comment in comments for part in _comment(comment)]
    title = f"{text_of(issue, 'title')} #{text_of(issue, 'number')}"
    return page(title, "", *parts).encode("utf-8", "replace")


def _comment(comment: dict[str, Any]) -> tuple[str, str]:
    file = text_of(comment, "path")
    heading = f"Comment by {_who(comment)}, {text_of(comment, 'created_at')[:10]}{f', on {file}' if file else ''}"
    return f"## {escaped(' '.join(heading.split()))}", contained(text_of(comment, "body"), 2)


def _who(record: dict[str, Any]) -> str:
    return text_of(record, "user", "login") or "ghost"


def _names(some: Any, name: str) -> str:
    return ", ".join(filter(None, (text_of(each, name) for each in (some if isinstance(some, list) else ()))))
