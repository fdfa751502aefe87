"""The container of a pack: a zip file of which each byte follows from what is in it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple

from aver.governance.proof.terms import Bad

__all__ = ["Member", "content", "directory", "read_members"]


class Member(NamedTuple):
    """A file of the container. ``packed`` are the bytes that it takes there, from ``offset`` with its header."""

    name: str
    deflated: bool
    crc: int
    packed: int
    size: int
    offset: int

    @property
    def header(self) -> bytes:
        method = 8 if self.deflated else 0
        name = self.name.encode("ascii")
        fields = (20, 0, method, 0, 0x21, self.crc, self.packed, self.size, len(name), 0)
        return struct.pack("<4s5H3I2H", b"PK\3\4", *fields) + name

    @property
    def entry(self) -> bytes:
        method = 8 if self.deflated else 0
        name = self.name.encode("ascii")
        fields = (0x0314, 20, 0, method, 0, 0x21, self.crc, self.packed, self.size, len(name), 0, 0, 0, 0)
        return struct.pack("<4s6H3I5H2I", b"PK\1\2", *fields, 0o100644 << 16, self.offset) + name

    @property
    def end(self) -> int:
        return self.offset + len(self.header) + self.packed


def directory(members: Sequence[Member], offset: int) -> bytes:
    """The central directory that begins at ``offset``, and the end of the container."""
    entries = b"".join(each.entry for each in members)
    count = len(members)
    return entries + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(entries), offset, 0)


def read_members(file: BinaryIO) -> list[Member]:
    """What the container holds. Raises :class:`Bad` unless it is, but for its members' content, the very one that Aver would have written."""
    whole = file.seek(0, 2)
    if whole < 22:
        raise Bad("the file is no pack: it is too short")
    file.seek(whole - 22)
    end = struct.unpack("<4s4H2IH", file.read(22))
    if end[0] != b"PK\5\6" or end[6] > whole:
        raise Bad("the file is no pack, or its end is missing or changed")
    file.seek(end[6])
    raw, found, position = file.read(whole - end[6]), list[Member](), 0
    for _ in range(end[3]):
        fixed = raw[position : position + 46]
        if len(fixed) < 46:
            raise Bad("the directory of the container was changed")
        fields = struct.unpack("<4s6H3I5H2I", fixed)
        name = raw[position + 46 : position + 46 + fields[10]]
        try:
            text = name.decode("ascii")
        except UnicodeDecodeError:
            raise Bad("the directory of the container was changed") from None
        found.append(Member(text, fields[4] == 8, fields[7], fields[8], fields[9], fields[16]))
        position += 46 + len(name)
    if directory(found, end[6]) != raw:
        raise Bad("the directory of the container was changed")
    place = 0
    for each in found:
        file.seek(place)
        if each.offset != place or file.read(len(each.header)) != each.header:
            raise Bad(f"{each.name}: its header in the container was changed")
        place = each.end
    if place != end[6]:
        raise Bad("there are bytes in the container that belong to no file")
    return found


def content(file: BinaryIO, member: Member, packed_digest: Any) -> Iterator[bytes]:
    """The content of a member piece by piece; ``packed_digest`` is told of its bytes as they stand in the container."""
    file.seek(member.offset + len(member.header))
    left, crc, size = member.packed, 0, 0
    inflate = zlib.decompressobj(-15) if member.deflated else None
    while left:
        piece = file.read(min(left, 2**16))
        if not piece:
            raise Bad(f"{member.name} is cut off")
        left -= len(piece)
        packed_digest.update(piece)
        try:
            said = piece if inflate is None else inflate.decompress(piece)
        except zlib.error:
            raise Bad(f"{member.name} was changed: it cannot be unpacked") from None
        crc, size = zlib.crc32(said, crc), size + len(said)
        if size > member.size:
            raise Bad(f"{member.name} is longer than it says")
        yield said
    if inflate is not None and (not inflate.eof or inflate.unused_data or inflate.flush()):
        raise Bad(f"{member.name} was changed: it does not end where it says")
    if crc != member.crc or size != member.size:
        raise Bad(f"{member.name} was changed")
