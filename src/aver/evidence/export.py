"""Writing a ledger to one file that anyone can verify; :mod:`aver.evidence.offline` reads it."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aver.core import Clock, canonical_json, rfc3339
from aver.core.errors import InvalidInput, StorageFull
from aver.evidence.anchor import Anchor
from aver.evidence.chain import BadRecord, Chain
from aver.evidence.keys import DataKey, Keyring, open_content
from aver.evidence.record import VERSION, CheckpointRow, StepRow, is_disposed
from aver.evidence.rows import checkpoints_between, steps_from
from aver.evidence.signing import fingerprint, signed_by_holder
from aver.store import TenantStore

__all__ = ["FORMAT", "replacing", "write_export"]

FORMAT = "aver-evidence"
_BATCH = 1000


def write_export(
    store: TenantStore, key: Ed25519PrivateKey, anchor: Anchor, clock: Clock, out: Path, keys: Keyring | None
) -> None:
    """Lines of canonical JSON: a header, each step with its checkpoint after it, and a signed footer.

    - ``{"header": {at, fingerprint, format, public_key, tenant, version, with_content}}``
    - ``{"step": {the columns, content in base64}}``; with ``keys`` also ``"disclosed": {body, key}``, the key of that step alone
    - ``{"checkpoint": {the columns, signature in hex}}``
    - ``{"footer": {checkpoints, digest, format, head, steps, signature}}``: ``digest`` is the SHA-256 of every byte before the
      footer, and the signature is over the footer without it

    Raises :class:`~aver.evidence.chain.BadRecord` for a chain that does not hold, so that none is ever signed. ``out`` is replaced once the file is whole and on disk; on any failure it stays as it was.
    """
    public = key.public_key()
    header = {
        "at": rfc3339(clock.now()),
        "fingerprint": fingerprint(public),
        "format": FORMAT,
        "public_key": public.public_bytes_raw().hex(),
        "tenant": store.tenant.id,
        "version": VERSION,
        "with_content": keys is not None,
    }
    chain = Chain(store.tenant.id, signed_by_holder(key), anchor.read())
    with replacing(out) as file:
        writer = _Writer(file, chain)
        writer.line({"header": header})
        with store.read() as tx, closing(steps_from(tx, store.tenant.id, 1, _BATCH)) as batches:
            for rows in batches:
                opened = keys.open(tx, {row.subject for row in rows}) if keys else {}
                writer.records(rows, checkpoints_between(tx, store.tenant.id, rows[0].seq, rows[-1].seq), opened)
        writer.footer(key)


class _Writer:
    """The lines of a file. Each record passes through ``chain`` first, so that the footer signs nothing that does not hold."""

    def __init__(self, file: BinaryIO, chain: Chain) -> None:
        self._file = file
        self._chain = chain
        self._digest = hashlib.sha256()

    def line(self, value: dict[str, Any]) -> None:
        data = canonical_json(value) + b"\n"
        self._digest.update(data)
        self._file.write(data)

    def records(
        self, rows: list[StepRow], signed: Iterator[CheckpointRow], opened: Mapping[str, DataKey | None]
    ) -> None:
        checkpoint = next(signed, None)
        for row in rows:
            self._chain.step(row)
            readable = row.subject in opened and not is_disposed(row.content)
            disclosed = _disclosed(row, opened[row.subject]) if readable else {}
            self.line({"step": row._asdict() | {"content": b64encode(row.content).decode("ascii")}} | disclosed)
            while checkpoint is not None and checkpoint.seq <= row.seq:
                self._chain.checkpoint(checkpoint)
                self.line({"checkpoint": checkpoint._asdict() | {"signature": checkpoint.signature.hex()}})
                checkpoint = next(signed, None)

    def footer(self, key: Ed25519PrivateKey) -> None:
        self._chain.end()
        footer = {
            "checkpoints": self._chain.checkpoints,
            "digest": self._digest.hexdigest(),
            "format": FORMAT,
            "head": self._chain.head.hash,
            "steps": self._chain.head.seq,
        }
        self.line({"footer": footer | {"signature": key.sign(canonical_json({"footer": footer})).hex()}})


def _disclosed(row: StepRow, key: DataKey | None) -> dict[str, Any]:
    body = open_content(row, key)
    if key is None or body is None:
        raise BadRecord(row.seq, "its content does not decrypt although its key exists: it was replaced")
    return {"disclosed": {"body": json.loads(body), "key": key.of_step(row.seq).hex()}}


@contextmanager
def replacing(out: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of ``out`` when the block ends well, and vanishes otherwise. Raises what says that ``out`` cannot be written."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{out.name[:100]}.", suffix=".part", dir=out.parent)
    except OSError as error:
        raise _unwritable(out, error) from None
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb", buffering=1 << 20) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(out)
    except OSError as error:
        raise _unwritable(out, error) from None
    finally:
        temporary.unlink(missing_ok=True)


def _unwritable(out: Path, error: OSError) -> InvalidInput | StorageFull:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(f"No space is left to write {out}", "Free some space, or choose another place.")
    return InvalidInput(f"{out} cannot be written: {error.strerror}", "Name a file in a folder that you may write to.")
