"""GitHub: the issues and pull requests of repositories, their wikis, and the files of their default branches.

A path is ``OWNER/NAME/issues/NUMBER.md``, ``OWNER/NAME/wiki/FILE`` or ``OWNER/NAME/code/FILE``. Wiki and code are git repositories, read as
:mod:`~aver.knowledge.sources.git` does. Everything is listed each time: what "updated since" finds tells of neither deletions nor
permissions, so there is no cursor. Whoever may read the repository may read all of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import quote, urlsplit

from aver.core.errors import NotFound, SettingsError, SourceDenied, Unavailable
from aver.gateway.config.quantities import Duration
from aver.gateway.config.shapes import Boolean, Choice, Field, ListOf, Text
from aver.gateway.config.words import CREDENTIAL
from aver.knowledge.sources.git import GitFailed, GitSource
from aver.knowledge.sources.git import Options as GitOptions
from aver.knowledge.sources.github_api import GithubApi, Repository, access_to
from aver.knowledge.sources.github_issues import fetch_issue, list_issues
from aver.knowledge.sources.http import origin
from aver.knowledge.sources.people import PEOPLE, Access, People
from aver.knowledge.sources.types import Kind, Reach
from aver.knowledge.types import CursorExpired, Page, SourceItem

__all__ = ["KIND", "GithubSource"]

Part = Literal["issues", "wiki", "code"]
_PARTS: tuple[Part, ...] = ("issues", "wiki", "code")
_API = "https://api.github.com"


@dataclass(frozen=True, slots=True)
class Options:
    repositories: tuple[str, ...]
    parts: tuple[Part, ...] = _PARTS
    folder: str = ""
    history: float = 0.0
    token: str = ""
    api: str = _API
    people: People = field(default_factory=People)
    permissions: bool = True

    def __post_init__(self) -> None:
        if len({each.lower() for each in self.repositories}) < len(self.repositories):
            raise SettingsError("A repository is named twice", "Name each once.")


@dataclass
class GithubSource:
    name: str
    options: Options
    reach: Reach
    wait: Callable[[float], None] = time.sleep
    _api: GithubApi = field(init=False, repr=False)
    _known: dict[str, tuple[Repository, Access]] = field(default_factory=dict, init=False, repr=False)
    """What the last listing saw, by the repository's declared name."""
    _files: dict[str, GitSource] = field(default_factory=dict, init=False, repr=False)
    """The wikis and the code that it listed, as ``OWNER/NAME/wiki`` and ``OWNER/NAME/code``."""

    def __post_init__(self) -> None:
        self._api = GithubApi(self.name, self.options.api, self.options.token, self.reach, self.wait)

    def pages(self, cursor: str) -> Iterator[Page]:
        """Everything in the repositories. Raises :class:`~aver.core.errors.NotFound` for one that is not there, or not the token's to see."""
        if cursor:
            raise CursorExpired("GitHub tells of no deletions since a moment", "List everything.")
        self._known, self._files = {}, {}
        for name in self.options.repositories:
            try:
                repository = Repository.read(self._api.get(f"repos/{name}"))
            except NotFound:
                raise NotFound(
                    f"GitHub shows no repository {name}", "Correct its name, or give the token access."
                ) from None
            api, people = self._api, self.options.people
            access = access_to(repository, api, people) if self.options.permissions else Access(None)
            self._known[name] = repository, access
            for part in self.options.parts:
                for items in self._listed(name, part, repository):
                    yield Page(tuple(self._placed(item, f"{name}/{part}", access) for item in items))

    def fetch(self, item: SourceItem) -> bytes:
        owner, repo, part, path = item.path.split("/", 3)
        repository, access = self._known[f"{owner}/{repo}"]
        if access.untold:
            raise SourceDenied(f"{access.untold}, so nobody may read this", "Give the token the right to see that.")
        if part == "issues":
            return fetch_issue(self._api, repository, path.removesuffix(".md"), self.reach.max_bytes)
        return self._files[f"{owner}/{repo}/{part}"].fetch(replace(item, path=path))

    def past(self, item: SourceItem, since: str) -> list[SourceItem]:
        """The states of a file, as far back as ``history`` says; of issues GitHub keeps none."""
        owner, repo, part, path = item.path.split("/", 3)
        files = self._files.get(f"{owner}/{repo}/{part}")
        return [replace(each, path=item.path) for each in files.past(replace(item, path=path), since)] if files else []

    def _listed(self, name: str, part: Part, repository: Repository) -> Iterator[list[SourceItem]]:
        if part == "issues":
            yield from list_issues(self._api, repository)
        elif part == "code" or repository.has_wiki:
            source = self._files[f"{name}/{part}"] = self._git(name, part, repository)
            is_new = source.is_new
            try:
                for page in source.pages(""):
                    yield list(page.items)
            except GitFailed as error:
                # Nobody has written in it yet. What was there before and is not found any more is another matter.
                if not (is_new and error.missing):
                    raise

    def _git(self, name: str, part: str, repository: Repository) -> GitSource:
        clone, branch = repository.clone, quote(repository.branch)
        self._check_clone(clone)
        given = self.options
        options = (
            GitOptions(f"{clone.removesuffix('.git')}.wiki.git", uri=f"{repository.page}/wiki")
            if part == "wiki"
            else GitOptions(clone, repository.branch, given.folder, uri=f"{repository.page}/blob/{branch}/{{path}}")
        )
        options = replace(options, token=given.token, history=given.history)
        folder = self.reach.folder / name.lower().replace("/", "+") / part
        return GitSource(self.name, options, replace(self.reach, folder=folder))

    def _check_clone(self, clone: str) -> None:
        """The token goes with git to GitHub alone, wherever the API says that the repository is."""
        scheme, host, port = origin(self.options.api)
        on_its_own = not urlsplit(self.options.api).path.strip("/")  # https://api.github.com, not https://HOST/api/v3
        if origin(clone) != (scheme, host.removeprefix("api.") if on_its_own else host, port):
            raise Unavailable(f"GitHub names {urlsplit(clone).hostname} to clone from", "Check the address of the API.")

    def _placed(self, item: SourceItem, below: str, access: Access) -> SourceItem:
        uri = item.uri
        if below.endswith("/wiki"):
            uri = f"{uri}/{quote(item.path.rpartition('/')[2].rpartition('.')[0])}"
        # Where it is not told who may read, there is no revision: so it is asked for, and reported, each time.
        revision = "" if access.untold else item.revision
        return replace(item, path=f"{below}/{item.path}", uri=uri, readers=access.readers, revision=revision)


KIND = Kind(
    "github",
    "Issues, pull requests, wikis and files of GitHub repositories, with GitHub's permissions.",
    {
        "repositories": Field(
            ListOf(Text(r"[A-Za-z0-9_-]+/(?!\.{1,2}$)[A-Za-z0-9._-]+", "a repository", "Write OWNER/NAME."), least=1),
            "Which ones, as OWNER/NAME.",
            required=True,
        ),
        "parts": Field(
            ListOf(Choice("part of a repository", _PARTS), least=1), "Of issues, wiki and code; all, without it."
        ),
        "folder": Field(Text(pattern=r"[^-:*].*"), "Of the code, only what is below this folder."),
        "history": Field(
            Duration(), "Of wiki and code, how far back earlier versions are taken in, such as 365d; none, without it."
        ),
        "token": Field(CREDENTIAL, "Where a token is kept, such as env:GITHUB_TOKEN; none for public repositories."),
        "api": Field(Text(), "Of GitHub Enterprise, such as https://HOST/api/v3."),
        "people": PEOPLE,
        "permissions": Field(
            Boolean(), "Whether GitHub's permissions say who may read; else access does. On by default."
        ),
    },
    Options,
    GithubSource,
)
