"""A GitHub for tests, as its public documentation describes it: the REST API below ``/api/v3``, as GitHub Enterprise Server has it, and git
over HTTP beside it.

See https://docs.github.com/en/rest/repos/repos, https://docs.github.com/en/rest/issues, https://docs.github.com/en/rest/pulls/comments,
https://docs.github.com/en/rest/collaborators/collaborators, https://docs.github.com/en/rest/using-the-rest-api and
https://git-scm.com/docs/http-protocol. It pages, limits and refuses as the real one does.
"""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aver.testing.fakes.sources.serving import Answer, Asked, FakeService

__all__ = ["FakeGithub", "FakeRepository"]

_API = "/api/v3"
_MISSING = Answer({"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"}, 404)
_FORBIDDEN = Answer({"message": "Must have push access to view repository collaborators.", "status": "403"}, 403)


@dataclass
class FakeRepository:
    """``collaborators`` and ``teams`` are ``None`` while the token may not see them. ``moved`` are issues of other repositories now, by
    number: where they went. ``code`` and ``wiki`` are bare git repositories."""

    full_name: str
    code: Path
    wiki: Path
    visibility: str = "private"
    has_issues: bool = True
    has_wiki: bool = True
    collaborators: list[dict[str, Any]] | None = field(default_factory=list)
    teams: list[dict[str, Any]] | None = field(default_factory=list)
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    lines: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    moved: dict[int, str] = field(default_factory=dict)
    last: int = 0


class FakeGithub(FakeService):
    """Repositories are added by methods; ``folder`` is where their files are kept. ``page`` is how many records a page has at most, whatever
    is asked for; ``remaining`` how many requests are left until ``reset``, a Unix time, where they are counted."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.repositories: dict[str, FakeRepository] = {}
        self.page = 100
        self.remaining: int | None = None
        self.reset = 0
        self._folder = folder
        self._last = 1000

    @property
    def api(self) -> str:
        return f"{self.url}{_API}"

    def accept(self, token: str) -> None:
        """Let this token in from now on, and no other."""
        basic = b64encode(f"x-access-token:{token}".encode()).decode()
        self.proofs = {f"Bearer {token}", f"Basic {basic}"}

    def add_repository(self, full_name: str, **more: Any) -> FakeRepository:
        folder = self._folder / full_name
        added = FakeRepository(full_name, folder / "code.git", folder / "wiki.git", **more)
        _git("init", "--quiet", "--bare", "--initial-branch=main", str(added.code))
        self.repositories[full_name] = added
        return added

    def write(self, repository: Path, path: str, text: str | None) -> None:
        """Commit a file to a bare repository, made where it is not there yet; ``None`` removes it."""
        if not repository.exists():
            _git("init", "--quiet", "--bare", "--initial-branch=main", str(repository))
        born = not _git("-C", str(repository), "for-each-ref", "--count=1")
        change = f"D {path}\n" if text is None else f"M 100644 inline {path}\ndata {len(text.encode())}\n{text}\n"
        begins = "" if born else "from refs/heads/main^0\n"
        commit = f"commit refs/heads/main\ncommitter Keeper <keeper@example.org> now\ndata 0\n{begins}{change}"
        _git("-C", str(repository), "fast-import", "--quiet", "--date-format=now", body=commit.encode())

    def add_issue(self, repository: FakeRepository, title: str, body: str | None, **more: Any) -> int:
        """An issue; with ``pull_request`` a pull request."""
        repository.last += 1
        number = repository.last
        page = "pull" if "pull_request" in more else "issues"
        repository.issues[number] = {
            "id": self.number(),
            "number": number,
            "title": title,
            "body": body,
            "state": "open",
            "user": {"login": "ann"},
            "labels": [],
            "assignees": [],
            "created_at": self.moment(),
            "html_url": f"{self.url}/{repository.full_name}/{page}/{number}",
            **more,
        }
        self.touch(repository, number)
        return number

    def touch(self, repository: FakeRepository, number: int, **changes: Any) -> None:
        repository.issues[number] |= {"updated_at": self.moment(), **changes}

    def comment(self, repository: FakeRepository, number: int, body: str, **more: Any) -> dict[str, Any]:
        """On the issue; with ``path`` on a line of that file in the pull request."""
        now = self.moment()
        made = {
            "id": self.number(),
            "body": body,
            "user": {"login": "ben"},
            "created_at": now,
            "updated_at": now,
            **more,
        }
        kind = "lines" if "path" in more else "comments"
        if kind == "lines":
            made["pull_request_url"] = f"{self.api}/repos/{repository.full_name}/pulls/{number}"
        getattr(repository, kind).setdefault(number, []).append(made)
        self.touch(repository, number)
        return made

    def number(self) -> int:
        """One that was not given before."""
        self._last += 1
        return self._last

    def moment(self) -> str:
        minute = self.number()
        return f"2026-01-{1 + minute // 1440 % 28:02d}T{minute // 60 % 24:02d}:{minute % 60:02d}:00Z"

    def refusal(self, asked: Asked) -> Answer:
        if asked.path.startswith(_API):
            return Answer({"message": "Bad credentials", "status": "401"}, 401)
        return Answer("Invalid username or token.", 401, {"WWW-Authenticate": 'Basic realm="GitHub"'})

    def answer(self, asked: Asked) -> Answer:
        if found := re.fullmatch(r"/([\w.-]+/[\w.-]+?)(\.wiki)?\.git(/.*)", asked.path):
            return self._git_http(asked, *found.groups())
        if not asked.path.startswith(_API):
            return _MISSING
        if "user-agent" not in asked.headers:
            return Answer("Request forbidden by administrative rules.", 403)
        if self.remaining is not None:
            if self.remaining == 0:
                headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(self.reset)}
                return Answer({"message": "API rate limit exceeded."}, 403, headers)
            self.remaining -= 1
        if asked.method != "GET":
            return Answer(status=405)
        return self._rest(asked)

    def _rest(self, asked: Asked) -> Answer:
        found = re.fullmatch(r"/api/v3/repos/([\w-]+/[\w.-]+?)((?:/.*)?)", asked.path)
        repository = found and self.repositories.get(found[1])
        if not found or not repository:
            return _MISSING
        return self._of(asked, repository, found[2])

    def _of(self, asked: Asked, repository: FakeRepository, rest: str) -> Answer:
        lists: dict[str, Callable[[], list[dict[str, Any]] | None]] = {
            "": lambda: None,
            "/collaborators": lambda: repository.collaborators,
            "/teams": lambda: repository.teams,
            "/issues": lambda: self._issues(repository, asked.query.get("state", "open")),
            "/pulls/comments": lambda: [each for some in repository.lines.values() for each in some],
        }
        if rest == "":
            return Answer(self._record(repository))
        if rest == "/issues" and not repository.has_issues:
            return Answer({"message": "Issues are disabled for this repo", "status": "410"}, 410)
        if rest in lists:
            found = lists[rest]()
            return _FORBIDDEN if found is None else self._paged(asked, found)
        one = re.fullmatch(r"/(issues|pulls)/([0-9]+)(/comments)?", rest)
        return self._one(asked, repository, one[1], int(one[2]), bool(one[3])) if one else _MISSING

    def _one(self, asked: Asked, repository: FakeRepository, kind: str, number: int, comments: bool) -> Answer:
        if number in repository.moved and kind == "issues":
            where = f"{self.api}/repos/{repository.moved[number]}{'/comments' if comments else ''}"
            return Answer({"message": "Moved Permanently", "url": where}, 301, {"Location": where})
        if number not in repository.issues:
            was = number <= repository.last and kind == "issues"
            return Answer({"message": "This issue was deleted", "status": "410"}, 410) if was else _MISSING
        if comments:
            some = repository.comments if kind == "issues" else repository.lines
            return self._paged(asked, some.get(number, []))
        return Answer(self._issue(repository, number)) if kind == "issues" else _MISSING

    def _issues(self, repository: FakeRepository, state: str) -> list[dict[str, Any]]:
        some = [self._issue(repository, number) for number in sorted(repository.issues)]
        return [each for each in some if state in ("all", each["state"])]

    def _issue(self, repository: FakeRepository, number: int) -> dict[str, Any]:
        return {
            **repository.issues[number],
            "url": f"{self.api}/repos/{repository.full_name}/issues/{number}",
            "repository_url": f"{self.api}/repos/{repository.full_name}",
            "comments": len(repository.comments.get(number, [])),
        }

    def _record(self, repository: FakeRepository) -> dict[str, Any]:
        where = f"{self.url}/{repository.full_name}"
        return {
            "full_name": repository.full_name,
            "url": f"{self.api}/repos/{repository.full_name}",
            "html_url": where,
            "clone_url": f"{where}.git",
            "private": repository.visibility != "public",
            "visibility": repository.visibility,
            "has_issues": repository.has_issues,
            "has_wiki": repository.has_wiki,
            "default_branch": "main",
        }

    def _paged(self, asked: Asked, found: list[dict[str, Any]]) -> Answer:
        most, number = asked.query.get("per_page", "30"), asked.query.get("page", "1")
        size = min(int(most) if most.isdigit() and int(most) else 30, 100, self.page)
        page = int(number) if number.isdigit() and int(number) else 1
        last = max(1, -(-len(found) // size))
        links = {"next": page + 1, "last": last} if page < last else {}
        links |= {"first": 1, "prev": page - 1} if page > 1 else {}
        told = [
            f'<{self.url}{asked.raw_path}?{urlencode({**asked.query, "page": at})}>; rel="{name}"'
            for name, at in links.items()
        ]
        return Answer(found[(page - 1) * size : page * size], headers={"Link": ", ".join(told)} if told else {})

    def _git_http(self, asked: Asked, full_name: str, wiki: str | None, rest: str) -> Answer:
        """The smart protocol, spoken by git itself."""
        repository = self.repositories.get(full_name)
        bare = repository and (repository.wiki if wiki else repository.code)
        if not bare or not bare.exists():
            return Answer("Repository not found.", 404)
        protocol = asked.headers.get("git-protocol", "")
        if rest == "/info/refs" and asked.query.get("service") == "git-upload-pack":
            told = _git("upload-pack", "--stateless-rpc", "--advertise-refs", str(bare), protocol=protocol)
            start = b"" if protocol == "version=2" else b"001e# service=git-upload-pack\n0000"
            return Answer(start + told, headers={"Content-Type": "application/x-git-upload-pack-advertisement"})
        if rest == "/git-upload-pack" and asked.method == "POST":
            body = gzip.decompress(asked.body) if asked.body[:2] == b"\x1f\x8b" else asked.body
            told = _git("upload-pack", "--stateless-rpc", str(bare), body=body, protocol=protocol)
            return Answer(told, headers={"Content-Type": "application/x-git-upload-pack-result"})
        return Answer(status=404)


def _git(*words: str, body: bytes = b"", protocol: str = "") -> bytes:
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_PROTOCOL": protocol}
    program = shutil.which("git") or "git"
    done = subprocess.run((program, *words), input=body, env=environment, capture_output=True, check=True)  # noqa: S603
    return done.stdout
