"""A release in one file, to be carried to another installation: an uncompressed tar whose bytes are the same for the same release.

::

    release.json            {"format", "digest", "created", "created_by", "provenance", "tags"}
    manifest.json           the canonical manifest, of which the digest is
    blobs/SHA256            every file, once
    signatures/KEY.json     a DSSE envelope
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aver.core import canonical_json, rfc3339
from aver.core.errors import InvalidInput, NotFound, VerificationFailed
from aver.releases.files import Files
from aver.releases.freezing import LARGEST, LARGEST_FILE, check_path
from aver.releases.rows import read_manifest
from aver.releases.signing import check_subject
from aver.releases.types import Manifest, Provenance, Release

__all__ = ["Carried", "read_archive", "write_archive"]

FORMAT = "aver-release-archive-1"
_BLOB = re.compile(r"blobs/([0-9a-f]{64})")
_SIGNATURE = re.compile(r"signatures/([0-9a-f]{64})\.json")
_LARGEST_TEXT = 64 * 2**20
_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class Carried:
    """What an archive holds; its files are kept already. ``signatures`` by key: what each is worth is for whoever knows the keys."""

    manifest: Manifest
    created_by: str
    provenance: Provenance
    signatures: Mapping[str, Mapping[str, Any]]


def write_archive(release: Release, files: Files, signatures: Mapping[str, Mapping[str, Any]], out: Path) -> None:
    """Write the release to ``out``, which is there whole or not at all. Raises :class:`~aver.core.errors.VerificationFailed` for bytes that
    are not as they were frozen."""
    about = {
        "format": FORMAT,
        "digest": release.digest,
        "created": rfc3339(release.created),
        "created_by": release.created_by,
        "provenance": asdict(release.provenance),
        "tags": list(release.tags),
    }
    draft = out.with_name(f".{out.name}.new")
    try:
        with draft.open("wb") as file, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            _add(tar, "release.json", canonical_json(about))
            _add(tar, "manifest.json", release.manifest.canonical)
            for digest, size in sorted({each.sha256: each.size for each in release.manifest.files}.items()):
                _stream(tar, f"blobs/{digest}", size, files.chunks(digest))
            for key, envelope in sorted(signatures.items()):
                _add(tar, f"signatures/{key}.json", canonical_json(dict(envelope)))
        draft.replace(out)
    except OSError as error:
        raise InvalidInput(f"{str(out)!r} cannot be written: {error.strerror}", "Choose another file.") from None
    finally:
        draft.unlink(missing_ok=True)


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    _stream(tar, name, len(data), iter([data]))


def _stream(tar: tarfile.TarFile, name: str, size: int, chunks: Iterator[bytes]) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    tar.addfile(info, _Reader(chunks))


class _Reader(io.RawIOBase):
    """Chunks as a file to read from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        parts = [self._left]
        have = len(self._left)
        while size < 0 or have < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            parts.append(chunk)
            have += len(chunk)
        data = b"".join(parts)
        taken = data if size < 0 else data[:size]
        self._left = data[len(taken) :]
        if size >= 0 and have == size:
            next(self._chunks, None)  # what has ended is checked at its end
        return taken


def read_archive(path: Path, files: Files) -> Carried:
    """Keep the files of an archive, and say what it holds. Nothing of it is believed: names are of this layout alone, bytes are what their
    names say, the manifest has its digest.

    Raises :class:`~aver.core.errors.NotFound`, :class:`~aver.core.errors.InvalidInput` for what is no such archive, and
    :class:`~aver.core.errors.VerificationFailed` for one that does not add up.
    """
    texts: dict[str, bytes] = {}
    kept: set[str] = set()
    total = 0
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                total += member.size
                content = tar.extractfile(member) if member.isreg() else None
                if content is None or total > LARGEST + _LARGEST_TEXT:
                    raise _no_archive(path)
                if blob := _BLOB.fullmatch(member.name):
                    if member.size > LARGEST_FILE or files.keep(_chunks(content)) != blob[1]:
                        raise VerificationFailed(
                            f"{path}: a file's bytes are not what they are called", "Export it again."
                        )
                    kept.add(blob[1])
                elif member.name in ("release.json", "manifest.json") or _SIGNATURE.fullmatch(member.name):
                    texts[member.name] = content.read(_LARGEST_TEXT)
                else:
                    raise _no_archive(path)
    except OSError as error:
        raise NotFound(f"{str(path)!r} cannot be read: {error.strerror}", "Check the path.") from None
    except (tarfile.TarError, EOFError, ValueError):
        raise _no_archive(path) from None
    return _carried(path, texts, kept)


def _carried(path: Path, texts: Mapping[str, bytes], kept: set[str]) -> Carried:
    try:
        about = json.loads(texts["release.json"])
        if about["format"] != FORMAT:
            raise _no_archive(path)
        manifest = read_manifest(texts["manifest.json"], about["digest"])
        provenance = Provenance(**about["provenance"])
        signatures = {
            found[1]: json.loads(text) for name, text in texts.items() if (found := _SIGNATURE.fullmatch(name))
        }
        created_by = str(about["created_by"])
    except (KeyError, TypeError, ValueError, RecursionError):
        raise _no_archive(path) from None
    for each in manifest.files:
        check_path(each.path)
        if each.sha256 not in kept:
            raise VerificationFailed(f"{path}: the bytes of {each.path!r} are missing", "Export the release again.")
    for envelope in signatures.values():
        check_subject(envelope, manifest.digest)
    return Carried(manifest, created_by, provenance, signatures)


def _chunks(content: Any) -> Iterator[bytes]:
    while chunk := content.read(_CHUNK):
        yield chunk


def _no_archive(path: Path) -> InvalidInput:
    return InvalidInput(f"{str(path)!r} is no exported release", "Make one: aver release export RELEASE FILE")
