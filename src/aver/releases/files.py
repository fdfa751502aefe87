"""The bytes of releases: kept once by what they are, and laid out as folders to be opened.

::

    FOLDER/blobs/SHA256     every file of every release, once
    FOLDER/DIGEST/          a release as a bundle, made of them when it is first opened
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from aver.core.errors import VerificationFailed
from aver.releases.freezing import digest_only, entries, freeze
from aver.releases.types import FrozenFile, Manifest
from aver.store.faults import translated
from aver.store.files import exclusive, private_directory, sync_directory

__all__ = ["Files"]

_CHUNK = 2**20


class Files:
    """The files below ``folder``, which processes may share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._blobs = folder / "blobs"

    def keep(self, chunks: Iterator[bytes]) -> str:
        """Keep these bytes, safely on disk once they :meth:`settle`; their SHA-256. What is kept already stays as it is."""
        with translated():
            private_directory(self._blobs)
            handle, name = tempfile.mkstemp(dir=self._blobs, prefix=".new-")
            draft = Path(name)
            try:
                digest = sha256()
                with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
                    for chunk in chunks:
                        digest.update(chunk)
                        file.write(chunk)
                    blob = self._blobs / digest.hexdigest()
                    if not self._is_whole(blob, digest.hexdigest()):
                        file.flush()
                        os.fsync(file.fileno())
                        draft.chmod(0o400)
                        draft.replace(blob)
            finally:
                draft.unlink(missing_ok=True)
        return digest.hexdigest()

    def settle(self) -> None:
        """Make the names of what was kept survive a power cut too."""
        with translated():
            sync_directory(private_directory(self._blobs))

    def read(self, digest: str) -> bytes:
        """The bytes kept under a digest. Raises :class:`~aver.core.errors.VerificationFailed` where they are gone or others."""
        try:
            data = (self._blobs / digest).read_bytes()
        except OSError:
            raise _gone(digest) from None
        if sha256(data).hexdigest() != digest:
            raise _gone(digest)
        return data

    def chunks(self, digest: str) -> Iterator[bytes]:
        """As :meth:`read`, a piece at a time; raises at the end of what is not right."""
        whole = sha256()
        try:
            with (self._blobs / digest).open("rb") as file:
                while chunk := file.read(_CHUNK):
                    whole.update(chunk)
                    yield chunk
        except OSError:
            raise _gone(digest) from None
        if whole.hexdigest() != digest:
            raise _gone(digest)

    def missing(self, manifest: Manifest) -> list[str]:
        """The paths of the release's files whose bytes are not there, whatever they are: quick, for a release that was just kept."""
        return [each.path for each in manifest.files if not (self._blobs / each.sha256).is_file()]

    def damaged(self, manifest: Manifest) -> list[str]:
        """The paths of the release's files whose bytes are gone, or no longer what they were."""
        return [each.path for each in manifest.files if not self._is_whole(self._blobs / each.sha256, each.sha256)]

    def lay_out(self, files: tuple[FrozenFile, ...]) -> Path:
        """A new folder beside the releases, with these files in it; whoever asked for it renames or removes it."""
        with translated():
            private_directory(self.folder)
            draft = Path(tempfile.mkdtemp(dir=self.folder, prefix=".new-"))
            try:
                for each in files:
                    target = draft / each.path
                    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    with target.open("wb") as file:
                        for chunk in self.chunks(each.sha256):
                            file.write(chunk)
                    target.chmod(0o500 if each.executable else 0o400)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
        return draft

    def open(self, manifest: Manifest) -> Path:
        """The release as a folder, each of its files checked by its bytes, and nothing else in it that a bundle is made of. It is laid out
        again where that is not so. Raises :class:`~aver.core.errors.VerificationFailed` where bytes are missing."""
        folder = self.folder / manifest.digest
        if self._is_as_frozen(folder, manifest):
            return folder
        with translated(), exclusive(private_directory(self.folder) / "opening.lock"):
            if self._is_as_frozen(folder, manifest):  # another process has just laid it out
                return folder
            draft = self.lay_out(manifest.files)
            aside = Path(tempfile.mkdtemp(dir=self.folder, prefix=".old-"))
            try:
                with suppress(FileNotFoundError):
                    folder.rename(aside / "was")
                draft.rename(folder)
                sync_directory(self.folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
                shutil.rmtree(aside, ignore_errors=True)
        if not self._is_as_frozen(folder, manifest):
            raise _gone(manifest.digest)
        return folder

    def forget(self, digest: str, unneeded: set[str]) -> None:
        """Remove a release's folder, and the bytes that no other needs."""
        with translated():
            shutil.rmtree(self.folder / digest, ignore_errors=True)
            for blob in unneeded:
                (self._blobs / blob).unlink(missing_ok=True)

    @staticmethod
    def _is_as_frozen(folder: Path, manifest: Manifest) -> bool:
        if not folder.is_dir():
            return False
        try:
            return freeze(entries(folder), digest_only) == manifest.files
        except Exception:  # noqa: BLE001 - whatever is wrong with it, it is made anew
            return False

    @staticmethod
    def _is_whole(blob: Path, digest: str) -> bool:
        try:
            with blob.open("rb") as file:
                return digest_only(iter(lambda: file.read(_CHUNK), b"")) == digest
        except OSError:
            return False


def _gone(digest: str) -> VerificationFailed:
    return VerificationFailed(
        f"The file {digest[:12]} of a release is missing or was changed outside Aver",
        "Restore the data directory's releases from a backup, or import the release again.",
    )
