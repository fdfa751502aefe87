"""A git repository: the files of one branch, each with its blob as its revision and the commit as cursor.

The ``git`` program of this machine is used, on a bare copy in the source's own folder. Links, submodules and files kept in Git LFS are
listed, and refused when they are fetched, so that an ingest reports them.

With ``history``, what a file was becomes earlier versions of its document, each from the moment it came onto the branch (merges count
as one change), so that a question can be asked as of a date before the repository was declared.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

from aver.core.errors import InvalidInput, NotFound, SettingsError, TooLarge, Unavailable
from aver.gateway.config.quantities import Duration
from aver.gateway.config.shapes import Field, Text
from aver.gateway.config.words import CREDENTIAL
from aver.knowledge.sources.types import Kind, Reach
from aver.knowledge.types import CursorExpired, Page, SourceItem

__all__ = ["KIND", "GitFailed", "GitSource"]

_FILE, _EXECUTABLE = "100644", "100755"
_LFS = b"version https://git-lfs.github.com/spec/"
_SECONDS = 600
_ITEMS_A_PAGE = 5000
_MOST_VERSIONS = 50
"""Earlier ones of a file, the newest."""
_SCHEMES = ("", "https", "http", "ssh", "file")


@dataclass(frozen=True, slots=True)
class Options:
    url: str
    branch: str = ""
    folder: str = ""
    token: str = ""
    uri: str = ""
    history: float = 0.0

    def __post_init__(self) -> None:
        address = urlsplit(self.url)
        if address.password is not None or (address.username is not None and address.scheme in ("https", "http")):
            raise SettingsError("The address holds a user or a password", "Name it as a secret: token.")


@dataclass
class GitSource:
    name: str
    options: Options
    reach: Reach
    _commit: str = ""
    _began: datetime | None = None
    """How far back earlier versions are taken in, if they are."""
    _states: dict[str, list[_State]] = field(default_factory=dict)
    """By path, what the last listing knows of its history, oldest first."""

    def pages(self, cursor: str) -> Iterator[Page]:
        """The files of the branch; from a commit on, those that changed. Raises :class:`~aver.core.errors.Unavailable` where the
        repository cannot be had, and :class:`~aver.core.errors.NotFound` where it has no such branch."""
        self._update()
        self._commit = commit = self._resolved()
        entries, gone = self._changed(cursor, commit) if cursor else (self._tree(commit), [])
        if self.options.history:
            self._began = self.reach.clock.now() - timedelta(seconds=self.options.history)
            self._states = self._history(self._began, f"{cursor}..{commit}" if cursor else commit)
        yield Page(gone=tuple(gone), cursor=commit)
        for start in range(0, len(entries), _ITEMS_A_PAGE):
            some = entries[start : start + _ITEMS_A_PAGE]
            yield Page(tuple(self._item(entry) for entry in some), cursor=commit)

    def fetch(self, item: SourceItem) -> bytes:
        mode, _, blob = item.revision.partition(":")
        if mode not in (_FILE, _EXECUTABLE):
            kind = "a link" if mode == "120000" else "another repository"
            raise InvalidInput(f"It is {kind}, not a file", "Put the file itself there, or declare it as a source.")
        if item.size > self.reach.max_bytes:
            raise TooLarge(f"The file is larger than {self.reach.max_bytes / 2**20:g} MB", "Raise the limit.")
        if not item.size and int(self._git("cat-file", "-s", blob)) > self.reach.max_bytes:
            raise TooLarge(f"The file is larger than {self.reach.max_bytes / 2**20:g} MB", "Raise the limit.")
        content = self._git("cat-file", "blob", blob)
        if content.startswith(_LFS):
            raise InvalidInput("The file is kept in Git LFS", "Declare where it is stored as a source.")
        return content

    def past(self, item: SourceItem, since: str) -> list[SourceItem]:
        """The states of a file on this branch, as far back as ``history`` says."""
        states = [state for state in self._states.get(item.path, ()) if state.revision]
        after = next((at for at, state in reversed(list(enumerate(states))) if state.revision == since), -1) + 1
        before = [state for state in states[after:] if state.revision != item.revision][-_MOST_VERSIONS:]
        return [replace(item, revision=state.revision, size=0, changed=state.when) for state in before]

    @property
    def is_new(self) -> bool:
        """Whether nothing of the repository was ever copied."""
        try:
            return not self._copy.exists() or not self._git("for-each-ref", "--count=1")
        except GitFailed:  # a copy that is damaged
            return False

    @property
    def _copy(self) -> Path:
        return self.reach.folder / "repository.git"

    def _update(self) -> None:
        """Bring the copy to what the repository is now; a copy that is damaged is made anew."""
        if urlsplit(self.options.url).scheme not in _SCHEMES:
            raise InvalidInput(f"{self.name} is at no address that git is allowed here", "Use https, ssh or a path.")
        if shutil.which("git") is None:
            raise Unavailable("The git program is not installed", "Install git on the server.")
        refs = f"+refs/heads/{self.options.branch or '*'}:refs/heads/{self.options.branch or '*'}"
        for attempt in (1, 2):
            if not self._copy.exists():
                self._copy.parent.mkdir(parents=True, exist_ok=True)
                self._git("init", "--quiet", "--bare", str(self._copy), inside=False)
            try:
                self._git("fetch", "--quiet", "--prune", "--no-tags", "--force", self.options.url, refs, "HEAD")
            except GitFailed as error:
                if attempt == 2 or not error.damaged:
                    raise
                shutil.rmtree(self._copy)
            else:
                return

    def _resolved(self) -> str:
        name = f"refs/heads/{self.options.branch}" if self.options.branch else "FETCH_HEAD"
        if not self.options.branch:
            # The last line fetched is HEAD, whose branch has no name here.
            return (self._copy / "FETCH_HEAD").read_text().strip().splitlines()[-1].split()[0]
        try:
            return self._git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").decode().strip()
        except GitFailed:
            raise NotFound(f"{self.name} has no branch {self.options.branch!r}", "Correct the branch.") from None

    def _tree(self, commit: str) -> list[_Entry]:
        written = self._git("ls-tree", "-r", "-z", "--long", "--full-tree", commit, *self._within())
        return [_entry(line) for line in written.split(b"\0") if line]

    def _changed(self, since: str, commit: str) -> tuple[list[_Entry], list[str]]:
        """What differs between two commits: entries that are there now, and paths that are gone."""
        try:
            known = self._git("cat-file", "-t", since).strip() == b"commit"
        except GitFailed:
            known = False
        if not known:
            raise CursorExpired(f"{self.name} no longer has the commit {since[:12]}", "Everything is listed again.")
        written = self._git("diff-tree", "-r", "-z", "--no-renames", "--name-only", since, commit, *self._within())
        touched = [_text(path) for path in written.split(b"\0") if path]
        now = {entry.path: entry for entry in self._tree(commit)} if touched else {}
        return [now[path] for path in touched if path in now], [path for path in touched if path not in now]

    def _history(self, began: datetime, commits: str) -> dict[str, list[_State]]:
        """What became of each file on the branch from ``began`` on; what it was then comes first."""
        said = ("--first-parent", "-m", "--raw", "-z", "--no-renames", "--no-abbrev", "--format=%x01%ct")
        written = self._git("log", *said, f"--since={began.isoformat()}", commits, *self._within())
        found: dict[str, list[_State]] = {}
        for commit in written.split(b"\x01")[1:]:
            when, *parts = commit.replace(b"\n", b"", 1).rstrip(b"\0").split(b"\0")
            for about, path in zip(parts[::2], parts[1::2], strict=True):
                modes_and_blobs = about.lstrip(b"\n:").decode().split()
                states = found.setdefault(_text(path), [])
                if states:
                    states.pop()  # what it was before the next change is what this one made of it
                states += [
                    _State(datetime.fromtimestamp(int(when), UTC), *modes_and_blobs[1:4:2]),
                    _State(began, *modes_and_blobs[0:3:2]),
                ]
        return {path: states[::-1] for path, states in found.items()}

    def _within(self) -> tuple[str, ...]:
        return ("--", self.options.folder.strip("/")) if self.options.folder.strip("/") else ()

    def _item(self, entry: _Entry) -> SourceItem:
        place = quote(entry.path)
        template = self.options.uri or f"{self.options.url.removesuffix('.git')}#{{path}}"
        return SourceItem(
            entry.path,
            template.replace("{path}", place).replace("{commit}", self._commit),
            entry.size,
            f"{entry.mode}:{entry.blob}",
            changed=states[-1].when if (states := self._states.get(entry.path)) else self._began,
        )

    def _git(self, *arguments: str, inside: bool = True) -> bytes:
        """What git prints. Nothing of the repository's own configuration runs, and nobody is asked for a password."""
        where = ("--git-dir", str(self._copy)) if inside else ()
        settings = {"core.hooksPath": os.devnull, "protocol.allow": "never", "gc.auto": "0"}
        settings |= {f"protocol.{name}.allow": "always" for name in ("https", "http", "ssh", "file")}
        if self.options.token:
            secret = b64encode(f"x-access-token:{self.reach.secret(self.options.token)}".encode()).decode()
            settings["http.extraHeader"] = f"Authorization: Basic {secret}"
        environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "SSH_AUTH_SOCK") if name in os.environ},
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_COUNT": str(len(settings)),
            **{f"GIT_CONFIG_KEY_{number}": key for number, key in enumerate(settings)},
            **{f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(settings.values())},
        }
        try:
            done = subprocess.run(  # noqa: S603 - the program is git, whose arguments are options and object names
                (shutil.which("git") or "git", *where, *arguments),
                env=environment,
                capture_output=True,
                check=False,
                timeout=_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise Unavailable(f"git took longer than {_SECONDS} s for {self.name}", "Try again later.") from None
        if done.returncode:
            raise GitFailed(self.name, done.stderr.decode(errors="replace"))
        return done.stdout


@dataclass(frozen=True, slots=True)
class _Entry:
    mode: str
    blob: str
    size: int
    path: str


@dataclass(frozen=True, slots=True)
class _State:
    """What a file was from a moment on; of mode 0 when there was none."""

    when: datetime
    mode: str
    blob: str

    @property
    def revision(self) -> str:
        return f"{self.mode}:{self.blob}" if self.mode.strip("0") else ""


def _entry(line: bytes) -> _Entry:
    """``MODE TYPE BLOB SIZE<tab>PATH``, as ``git ls-tree --long`` writes it."""
    about, _, path = line.partition(b"\t")
    mode, _, blob, size = about.decode().split()
    return _Entry(mode, blob, int(size) if size.isdigit() else 0, _text(path))


def _text(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")


class GitFailed(Unavailable):
    """``damaged``: the copy is no good; ``missing``: there is no such repository, or nothing in it."""

    def __init__(self, name: str, said: str) -> None:
        lines: Sequence[str] = [line for line in said.splitlines() if line.startswith(("fatal:", "error:"))] or [said]
        super().__init__(
            f"git failed for {name}: {lines[0].strip()[:300]}", "Check the address, the token and the network."
        )
        self.damaged = any(word in said for word in ("corrupt", "not a git repository", "bad object", "unable to read"))
        self.missing = bool(re.search("repository .*not found|couldn't find remote ref", said, re.IGNORECASE))


KIND = Kind(
    "git",
    "The files of a branch of a git repository.",
    {
        "url": Field(Text(), "Where it is cloned from.", required=True),
        "branch": Field(Text(pattern=r"[A-Za-z0-9][\w./-]*"), "Its default branch, without it."),
        "folder": Field(Text(pattern=r"[^-:*].*"), "Only what is below this folder."),
        "token": Field(CREDENTIAL, "Where a token is kept, such as env:GIT_TOKEN."),
        "uri": Field(Text(), "Where a person opens a file, with {path} and maybe {commit} in it."),
        "history": Field(Duration(), "How far back earlier versions are taken in, such as 365d; none, without it."),
    },
    Options,
    GitSource,
)
