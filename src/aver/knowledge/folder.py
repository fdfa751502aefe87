"""A folder of files, or a single file, as a source of documents."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from aver.core.errors import AverError, InvalidInput, NotFound, TooLarge, Unavailable
from aver.knowledge.types import Page, SourceItem

__all__ = ["FolderSource"]

_MEGABYTE = 2**20
_BOOKKEEPING = frozenset({"CVS", "_darcs", "__MACOSX"})
"""Folders of version control and archivers whose names do not begin with a dot."""


class FolderSource:
    """The files below ``root`` in the order of their paths. Hidden files and folders and those of version control are left out,
    and so are links to folders within the root, whose files are listed at their own place.

    What must not be read is listed all the same and refused when it is fetched, so that an ingest reports it: a link that
    leaves the root, leads back to a folder it is in or nowhere; a device or a pipe; a name that is not UTF-8.
    """

    def __init__(self, root: Path, name: str, max_bytes: int = 100 * _MEGABYTE) -> None:
        self.name = name
        self._root = Path(os.path.abspath(root))  # noqa: PTH100 - resolve() would put a link's target into every uri
        self._real_root = os.path.realpath(root)
        self._max_bytes = max_bytes
        self._refused: dict[str, AverError] = {}

    def pages(self, cursor: str) -> Iterator[Page]:  # noqa: ARG002 - it is the protocol's
        """Every file there is now, always: a folder keeps no record of its changes."""
        yield Page(self.items())

    def items(self) -> tuple[SourceItem, ...]:
        """Every file there is now.

        The listing is complete or it fails: a root that is gone raises :class:`NotFound`, a folder that cannot be
        listed :class:`Unavailable`, so what could not be seen is never taken for deleted.
        """
        self._refused = {}
        try:
            status = self._root.stat()
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound(f"There is nothing at {self._root}", "Check the path; no document was changed.") from None
        except OSError as error:
            raise _Unlistable(self._root, error) from None
        if stat.S_ISREG(status.st_mode):
            return (self._item(self._root, status.st_size),)
        if not stat.S_ISDIR(status.st_mode):
            raise InvalidInput(f"{self._root} is neither a folder nor a file", "Name a folder or a file.")
        return tuple(sorted(self._walk(), key=lambda item: item.path))

    def fetch(self, item: SourceItem) -> bytes:
        """The file's bytes; raises :class:`NotFound`, :class:`TooLarge`, :class:`InvalidInput` or :class:`Unavailable`."""
        if item.path in self._refused:
            raise self._refused[item.path]
        path = self._root / item.path if self._root.is_dir() else self._root
        try:
            self._check_inside(path)
            # Not blocking: a pipe put in the file's place since the listing must not stop the ingest.
            with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise _not_a_file()
                if status.st_size <= self._max_bytes:
                    data = file.read(self._max_bytes + 1)
                    if len(data) <= self._max_bytes:
                        return data
        except FileNotFoundError:
            raise NotFound("The file was removed while it was being ingested", "Ingest again.") from None
        except OSError as error:
            raise _unreadable(error) from None
        raise TooLarge(f"The file is larger than {self._max_bytes / _MEGABYTE:g} MB", "Split it, or raise the limit.")

    def _walk(self) -> Iterator[SourceItem]:
        pending = [self._root]
        while pending:
            folder = pending.pop()
            try:
                names = os.listdir(folder)  # noqa: PTH208 - names alone are wanted, and they may be no valid text
            except OSError as error:
                raise _Unlistable(folder, error) from None
            for name in names:
                if name.startswith(".") or name in _BOOKKEEPING:
                    continue
                path = folder / name
                try:
                    status = self._look(path)
                except _Unlistable:
                    raise
                except AverError as error:
                    item = self._item(path, 0)
                    self._refused[item.path] = error
                    yield item
                    continue
                if stat.S_ISREG(status.st_mode):
                    yield self._item(path, status.st_size)
                elif not os.path.islink(path):  # noqa: PTH114
                    pending.append(path)

    def _look(self, path: Path) -> os.stat_result:
        """The status of a file or folder that may be read; raises the reason why it may not."""
        try:
            os.fsencode(path.name).decode()
        except UnicodeDecodeError:
            raise InvalidInput("The file's name is not UTF-8", "Rename it.") from None
        linked = os.path.islink(path)  # noqa: PTH114 - Path's own raises where permissions are missing
        if linked:
            self._check_inside(path)
            if Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(path)):
                raise InvalidInput("The link leads back to a folder it is in", "Remove it.")
        try:
            status = path.stat()
        except FileNotFoundError:
            if not linked:
                raise NotFound("It was removed while the folder was being listed", "Ingest again.") from None
            raise InvalidInput("The link points to nothing", "Repair it or remove it.") from None
        except OSError as error:
            if not linked:  # it may be a folder of documents
                raise _Unlistable(path, error) from None
            raise _unreadable(error) from None
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise _not_a_file()
        return status

    def _check_inside(self, path: Path) -> None:
        real = os.path.realpath(path)
        if real != self._real_root and not real.startswith(os.path.join(self._real_root, "")):  # noqa: PTH118
            raise InvalidInput("The link leaves the folder that is being ingested", "Put the file itself there.")

    def _item(self, path: Path, size: int) -> SourceItem:
        relative = path.name if path == self._root else path.relative_to(self._root).as_posix()
        return SourceItem(os.fsencode(relative).decode("utf-8", "backslashreplace"), path.as_uri(), size)


def _not_a_file() -> InvalidInput:
    return InvalidInput("It is a device or a pipe, not a file", "Remove it.")


def _unreadable(error: OSError) -> AverError:
    if error.errno == errno.ELOOP:
        return InvalidInput("The link leads back to itself", "Remove it.")
    return Unavailable(f"The file cannot be read: {error.strerror}", "Check its permissions.")


class _Unlistable(Unavailable):
    """A part of the source is out of sight: what is in it must not be taken for deleted."""

    def __init__(self, place: Path, error: OSError) -> None:
        super().__init__(
            f"{place} cannot be listed: {error.strerror}",
            "Check its permissions and ingest again; no document was changed.",
        )
