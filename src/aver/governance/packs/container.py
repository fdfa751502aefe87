"""Writing the container of a pack: piece by piece, in flat memory, the same bytes for the same content."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any, BinaryIO

from aver.core.errors import TooLarge
from aver.governance.proof.container import Member, directory

__all__ = ["Container"]

_LEVEL = 6
_LARGEST = 2**32 - 2**26
"""Bytes: the container is a zip file without the extension for larger ones, so that its verifier stays small."""


class Container:
    """``file`` is empty, and can be sought in."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._members: list[Member] = []
        self.listed: list[dict[str, Any]] = []
        """What a manifest says of each file so far."""

    def put(self, name: str, data: bytes, *, deflated: bool = True) -> None:
        """A whole file."""
        member = self.begin(name, deflated=deflated)
        member.write(data)
        member.end()

    def begin(self, name: str, *, deflated: bool = True) -> Writing:
        """A file that is written piece by piece, before any other begins."""
        return Writing(self._file, self._kept, name, deflated=deflated)

    def close(self) -> None:
        """Write what follows the files."""
        self._file.write(directory(self._members, self._file.tell()))

    def _kept(self, member: Member, listed: dict[str, Any]) -> None:
        self._members.append(member)
        self.listed.append(listed)


class Writing:
    """One file while it is written. Raises :class:`~aver.core.errors.TooLarge` where the container would become too large."""

    def __init__(self, file: BinaryIO, kept: Any, name: str, *, deflated: bool) -> None:
        self._file, self._kept = file, kept
        self._begin = Member(name, deflated, 0, 0, 0, file.tell())
        self._deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15) if deflated else None
        self._crc = self._packed = self._size = 0
        self._digest, self._packed_digest = hashlib.sha256(), hashlib.sha256()
        file.write(self._begin.header)

    def write(self, data: bytes) -> None:
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)
        self._digest.update(data)
        self._put(data if self._deflate is None else self._deflate.compress(data))

    def end(self) -> None:
        if self._deflate is not None:
            self._put(self._deflate.flush())
        member = self._begin._replace(crc=self._crc, packed=self._packed, size=self._size)
        self._file.seek(member.offset)
        self._file.write(member.header)
        self._file.seek(member.end)
        listed = {
            "name": member.name,
            "packed": member.packed,
            "packed_sha256": self._packed_digest.hexdigest(),
            "sha256": self._digest.hexdigest(),
            "size": member.size,
        }
        self._kept(member, listed)

    def _put(self, packed: bytes) -> None:
        self._packed += len(packed)
        self._packed_digest.update(packed)
        self._file.write(packed)
        if self._file.tell() > _LARGEST or self._size > _LARGEST:
            raise TooLarge("The pack would take more than 4 GB", "Make several, each of a shorter period.")
