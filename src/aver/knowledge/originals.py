"""The files that documents with pages came from, kept so that a passage can be shown on its page.

Each is encrypted under a key of its own, which stands in the row of its document's version: what deletes the row leaves nothing that
could be read, and the file that is left over is removed after it. A file is written before the row that names it. Those of one source
lie in one folder, and only a run of that source writes there, so what a crash left is found and removed by the next run.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Collection, Iterable
from pathlib import Path

from aver.core import new_id, sha256_hex
from aver.core.errors import Unavailable, VerificationFailed
from aver.evidence.keys import decrypt, encrypt
from aver.store.files import private_directory

__all__ = ["ORIGINALS", "Originals"]

ORIGINALS = "originals"
"""The folder of a tenant's directory that they lie in."""

_KEY_BYTES = 32


class Originals:
    """The kept files of one tenant, in its directory. Each is named by a reference: the path within ``folder``, and the key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, source: str, data: bytes) -> str:
        """Write ``data``, and the reference to it. Raises :class:`~aver.core.errors.Unavailable` when it cannot be written."""
        key = secrets.token_bytes(_KEY_BYTES)
        name = f"{_of(source)}/{new_id('original')}"
        try:
            private_directory(self._folder / _of(source))
            handle = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
                file.write(encrypt(key, data, name.encode()))
        except OSError as error:
            raise Unavailable(
                f"An original cannot be kept ({error.strerror})", "Free some room, or set keep_originals to false."
            ) from None
        return f"{name}:{key.hex()}"

    def read(self, reference: str) -> bytes | None:
        """What :meth:`keep` was given; ``None`` when the file is gone, or none was ever kept.
        :class:`~aver.core.errors.VerificationFailed` when it was changed."""
        name, _, key = reference.partition(":")
        if not name:
            return None
        try:
            content = (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unavailable(f"An original cannot be read ({error.strerror})", "Check the data directory.") from None
        data = decrypt(bytes.fromhex(key), content, name.encode())
        if data is None:
            raise VerificationFailed("An original was changed outside Aver", "Restore it from a backup.")
        return data

    def drop(self, references: Iterable[str]) -> None:
        """Remove the files that no row names any more. One that cannot be removed now is removed by the source's next run."""
        for reference in references:
            if reference:
                with contextlib.suppress(OSError):
                    (self._folder / reference.partition(":")[0]).unlink(missing_ok=True)

    def tidy(self, source: str, named: Collection[str]) -> None:
        """Remove what lies in the folder of ``source`` and none of these references names. For whoever holds the source's lock."""
        names = {reference.partition(":")[0].rpartition("/")[2] for reference in named}
        folder = self._folder / _of(source)
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.name not in names:
                with contextlib.suppress(OSError):
                    path.unlink()


def _of(source: str) -> str:
    """The folder of a source, whose own name may be any text."""
    return sha256_hex(source.encode("utf-8", "surrogatepass"))[:32]
