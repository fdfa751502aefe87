"""Compound files ([MS-CFB]): the file system in a file that older Office formats and Outlook use."""

from __future__ import annotations

import struct
from array import array

from aver.core.errors import InvalidInput

__all__ = ["CompoundFile"]

_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
_HEADER = struct.Struct("<24xHHHHH6xIIIIIIIII")
_ENTRY = struct.Struct("<64sHBxIII36xIQ")
_LAST_SECTOR = 0xFFFFFFFA
_STORAGE, _STREAM, _ROOT = 1, 2, 5
_IN_HEADER = 109


class CompoundFile:
    """The streams of a compound file by path. Raises :class:`InvalidInput` for a damaged one.

    Every chain of sectors is followed at most once around, so that one that leads back to itself ends.
    """

    def __init__(self, data: bytes) -> None:
        if not data.startswith(_MAGIC) or len(data) < 512:
            raise _damaged()
        self._data = data
        (_, _, _, shift, mini_shift, _, _, directory, _, cutoff, mini, _, more, _) = _HEADER.unpack_from(data)
        if shift not in (9, 12) or mini_shift != 6:
            raise _damaged()
        self._size, self._mini_size, self._cutoff = 1 << shift, 1 << mini_shift, min(cutoff, 1 << 20)
        self._table = self._sectors(self._table_places(more))
        self._mini_table = self._sectors(self._chain(mini, self._table))
        self._entries: dict[str, tuple[int, int]] = {}
        self._storages: set[str] = set()
        self._mini_stream = b""
        self._walk(self._joined(self._chain(directory, self._table)))

    def names(self, folder: str = "") -> list[str]:
        """The paths of streams and storages directly in ``folder``."""
        prefix = f"{folder}/" if folder else ""
        found = [*self._entries, *self._storages]
        return sorted(path for path in found if path.startswith(prefix) and "/" not in path[len(prefix) :])

    def __contains__(self, path: str) -> bool:
        return path in self._entries or path in self._storages

    def read(self, path: str) -> bytes | None:
        """The stream at ``path``; ``None`` without one."""
        if path not in self._entries:
            return None
        start, size = self._entries[path]
        if size >= self._cutoff:
            return self._joined(self._chain(start, self._table))[:size]
        width = self._mini_size
        places = self._chain(start, self._mini_table)
        return b"".join(self._mini_stream[place * width : (place + 1) * width] for place in places)[:size]

    def _table_places(self, more: int) -> list[int]:
        """The sectors that hold the table of sectors: the first in the header, the others in a chain of their own."""
        places = list(struct.unpack_from(f"<{_IN_HEADER}I", self._data, 76))
        seen: set[int] = set()
        per_sector = self._size // 4
        while more < _LAST_SECTOR and more not in seen:
            seen.add(more)
            sector = self._sector(more)
            if len(sector) < self._size:
                break
            values = struct.unpack(f"<{per_sector}I", sector)
            places += values[:-1]
            more = values[-1]
        in_file = len(self._data) // self._size
        return list(dict.fromkeys(place for place in places if place < in_file))

    def _sectors(self, places: list[int]) -> array[int]:
        """The numbers that these sectors hold."""
        joined = self._joined(places)
        return array("I", struct.unpack(f"<{len(joined) // 4}I", joined[: len(joined) // 4 * 4]))

    def _chain(self, start: int, table: array[int]) -> list[int]:
        places: list[int] = []
        while start < len(table):
            places.append(start)
            if len(places) > len(table):
                raise _damaged()
            start = table[start]
        return places

    def _sector(self, place: int) -> bytes:
        return self._data[(place + 1) * self._size : (place + 2) * self._size]

    def _joined(self, places: list[int]) -> bytes:
        return b"".join(map(self._sector, places))

    def _walk(self, directory: bytes) -> None:
        """Name every stream by its path; each entry is visited once."""
        count = len(directory) // _ENTRY.size
        root = self._entry(directory, 0) if count else None
        if root is None or root[1] != _ROOT:
            raise _damaged()
        self._mini_stream = self._joined(self._chain(root[5], self._table))[: root[6]]
        stack, seen = [(root[4], "")], {0}
        while stack:
            number, folder = stack.pop()
            if number >= count or number in seen:
                continue
            seen.add(number)
            name, kind, left, right, child, start, size = self._entry(directory, number)
            path = f"{folder}{name}"
            stack += [(left, folder), (right, folder)]
            if kind == _STREAM:
                self._entries[path] = (start, min(size & 0xFFFFFFFF, len(self._data)))
            elif kind == _STORAGE:
                self._storages.add(path)
                stack.append((child, f"{path}/"))

    @staticmethod
    def _entry(directory: bytes, number: int) -> tuple[str, int, int, int, int, int, int]:
        name, length, kind, left, right, child, start, size = _ENTRY.unpack_from(directory, number * _ENTRY.size)
        text = name[: max(min(length, 64) - 2, 0)].decode("utf-16-le", "replace").replace("/", "_")
        return text, kind, left, right, child, start, size


def _damaged() -> InvalidInput:
    return InvalidInput("The document is damaged", "Open it in its program and save it again.")
