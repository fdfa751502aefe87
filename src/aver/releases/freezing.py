"""Which files of a folder a release is made of, read once each, so that what is hashed is what is kept."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from aver.core.errors import Conflict, InvalidInput, NotFound, TooLarge
from aver.releases.types import FrozenFile

__all__ = ["LARGEST_FILE", "Entry", "check_path", "entries", "freeze"]

LARGEST_FILE = 256 * 2**20
LARGEST = 2**30
MOST_FILES = 5000
"""A bundle is what a team writes. What is larger is data, and belongs into a source, a registry of models, or a package."""
_LONGEST_PATH = 500
_CHUNK = 2**20
_OURS = ("*.pyc", "*.run.jsonl", "*~")
"""What programs leave behind, runs of evaluations among it: a release would not be the same once it was evaluated."""
_FOLDERS = frozenset({"__pycache__", "node_modules"})
_DEVICES = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)(\.|$)")

Keep = Callable[[Iterator[bytes]], str]
"""Takes a file's bytes and says their SHA-256, hexadecimal."""


class Entry(NamedTuple):
    """A file that belongs to a release, and what the file system says of it."""

    path: str
    file: Path
    status: os.stat_result

    @property
    def executable(self) -> bool:
        return bool(self.status.st_mode & stat.S_IXUSR)

    @property
    def stamp(self) -> tuple[int, ...]:
        """Differs once the file is written to or replaced."""
        return (self.status.st_ino, self.status.st_size, self.status.st_mtime_ns, self.status.st_ctime_ns)


def entries(folder: Path, leave_out: Sequence[str] = (), without: Sequence[Path] = ()) -> list[Entry]:
    """The files of a bundle's folder by path, in the order of code points. Hidden files and folders are left out, what programs leave
    behind, what matches a pattern of ``leave_out`` (``notes/*`` is all below ``notes``), and ``without``: files and folders.

    Raises :class:`~aver.core.errors.InvalidInput` for a link, for what is no file, and for names that are not the same on every machine;
    :class:`~aver.core.errors.TooLarge` for what no bundle holds; :class:`~aver.core.errors.NotFound` for what cannot be read.
    """
    apart = {each.resolve() for each in without}
    found = sorted(_walk(folder.resolve(), folder, "", tuple(leave_out), apart), key=lambda entry: entry.path)
    alike: dict[str, str] = {}
    for entry in found:
        other = alike.setdefault(unicodedata.normalize("NFC", entry.path).casefold(), entry.path)
        if other != entry.path:
            raise InvalidInput(
                f"{other!r} and {entry.path!r} are one file on some machines", "Rename one so that they differ by more."
            )
    total = sum(entry.status.st_size for entry in found)
    if total > LARGEST:
        raise TooLarge(
            f"The bundle's files come to {total:,} bytes, and a release holds at most {LARGEST:,}",
            "Leave data out of it: release: {leave_out: [...]}.",
        )
    return found


def _walk(root: Path, folder: Path, prefix: str, leave_out: Sequence[str], apart: set[Path]) -> Iterator[Entry]:
    count = 0
    pending = [(root, prefix)]
    while pending:
        here, above = pending.pop()
        for entry in _listed(here, folder):
            path = above + entry.name
            if _is_left_out(entry, path, leave_out) or Path(entry.path) in apart:
                continue
            check_path(path)
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                raise InvalidInput(
                    f"{path!r} is a link, and what it points to may change or not be there elsewhere",
                    "Put the file itself there, or leave it out: release: {leave_out: [...]}.",
                )
            if stat.S_ISDIR(status.st_mode):
                pending.append((Path(entry.path), f"{path}/"))
                continue
            if not stat.S_ISREG(status.st_mode):
                raise InvalidInput(f"{path!r} is no file", "Remove it, or leave it out: release: {leave_out: [...]}.")
            if status.st_size > LARGEST_FILE:
                raise TooLarge(
                    f"{path!r} has {status.st_size:,} bytes, and a file of a release at most {LARGEST_FILE:,}",
                    "Keep it in a registry of models or a source, or leave it out: release: {leave_out: [...]}.",
                )
            count += 1
            if count > MOST_FILES:
                raise TooLarge(
                    f"There are more than {MOST_FILES:,} files in {folder}",
                    "Check that it is a bundle's folder; leave out what is no part of it: release: {leave_out: [...]}.",
                )
            yield Entry(path, Path(entry.path), status)


def _listed(here: Path, folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(here) as listing:
            return list(listing)
    except OSError as error:
        raise NotFound(f"{str(here or folder)!r} cannot be read: {error.strerror}", "Check the path.") from None


def _is_left_out(entry: os.DirEntry[str], path: str, leave_out: Sequence[str]) -> bool:
    if entry.name.startswith("."):
        return True
    if entry.is_dir(follow_symlinks=False):
        return entry.name in _FOLDERS or any(fnmatchcase(path, each.rstrip("/")) for each in leave_out)
    return any(fnmatchcase(entry.name, each) for each in _OURS) or any(fnmatchcase(path, each) for each in leave_out)


def check_path(path: str) -> None:
    """Raises :class:`~aver.core.errors.InvalidInput` for a path that is not inside of a folder, or not a file's name on every machine."""
    steps = path.split("/")
    try:
        path.encode()
        fits = path.isprintable() and len(path) <= _LONGEST_PATH
    except UnicodeEncodeError:
        fits = False
    if not fits or any(
        step in ("", ".", "..") or _DEVICES.match(step) or set(step) & set('\\:*?"<>|') for step in steps
    ):
        raise InvalidInput(f"{path[:80]!r} cannot be the name of a file on every machine", "Rename it.")


def freeze(found: Sequence[Entry], keep: Keep) -> tuple[FrozenFile, ...]:
    """Hand the bytes of each entry to ``keep``, and say what came of it. Raises :class:`~aver.core.errors.Conflict` when somebody wrote
    into one of them meanwhile, and :class:`~aver.core.errors.NotFound` for one that cannot be read."""
    frozen = []
    for entry in found:
        try:
            digest = keep(_bytes_of(entry))
        except OSError as error:
            raise NotFound(f"{entry.path!r} cannot be read: {error.strerror}", "Check its permissions.") from None
        frozen.append(FrozenFile(entry.path, digest, entry.status.st_size, entry.executable))
    for entry in found:  # once more at the end: two files that were changed together are taken together, or not at all
        try:
            same = Entry(entry.path, entry.file, entry.file.lstat()).stamp == entry.stamp
        except OSError:
            same = False
        if not same:
            raise _changed(entry.path)
    return tuple(frozen)


def digest_only(chunks: Iterator[bytes]) -> str:
    """A ``keep`` that keeps nothing."""
    digest = sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def _bytes_of(entry: Entry) -> Iterator[bytes]:
    handle = os.open(entry.file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(handle, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        left = entry.status.st_size
        while left > 0 and (chunk := file.read(min(_CHUNK, left))):
            left -= len(chunk)
            yield chunk
        if left or file.read(1):
            raise _changed(entry.path)


def _changed(path: str) -> Conflict:
    return Conflict(f"{path!r} was changed while the bundle was frozen", "Freeze it again once nobody writes into it.")
