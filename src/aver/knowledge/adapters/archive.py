"""A ZIP archive read with limits, so that a small file cannot grow without end."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator

from aver.core.errors import InvalidInput, TooLarge

__all__ = ["Archive", "damaged"]

_MOST_PART = 64 * 2**20
"""Bytes of one part that is read whole, unpacked. A thousand pages of text take about 10 MB."""
_MOST = 256 * 2**20
"""Bytes that all reads together may unpack; parts that share their packed bytes count each time."""
_MOST_PARTS = 50_000
_CHUNK = 2**16


class Archive:
    """The parts of an archive by name. Names are told apart without regard to case, as office programs do.

    Raises :class:`~aver.core.errors.InvalidInput` for a damaged archive, :class:`~aver.core.errors.TooLarge` for one
    that unpacks too large.
    """

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
            raise damaged() from None
        names = self._zip.namelist()
        if len(names) > _MOST_PARTS:
            raise TooLarge(f"The document has more than {_MOST_PARTS:,} parts", "Split it.")
        self._names = {name.lower(): name for name in names}
        self._left = _MOST

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._names

    def read(self, name: str) -> bytes | None:
        """The part called ``name``, whole; ``None`` without one."""
        actual = self._names.get(name.lower())
        if actual is None:
            return None
        if self._zip.getinfo(actual).file_size > _MOST_PART:
            raise TooLarge(f"The document's part {name} unpacks to more than {_MOST_PART // 2**20} MB", "Split it.")
        return b"".join(self.chunks(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        """The part called ``name`` piece by piece; nothing without one."""
        actual = self._names.get(name.lower())
        if actual is None:
            return
        try:
            with self._zip.open(actual) as part:
                while chunk := part.read(_CHUNK):
                    self._left -= len(chunk)
                    if self._left < 0:
                        raise TooLarge(f"The document unpacks to more than {_MOST // 2**20} MB", "Split it.")
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError, ValueError):
            raise damaged() from None


def damaged() -> InvalidInput:
    return InvalidInput("The document is damaged", "Open it in its program and save it again.")
