"""Verifying an exported ledger: no database, no keys, no installation."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from aver.core import canonical_json
from aver.core.errors import InvalidInput
from aver.evidence.chain import BadRecord, Chain
from aver.evidence.export import FORMAT
from aver.evidence.keys import decrypt
from aver.evidence.record import VERSION, CheckpointRow, StepRow
from aver.evidence.signing import fingerprint as fingerprint_of
from aver.evidence.signing import signed_by
from aver.evidence.types import Verification

__all__ = ["verify_export"]

_HEADER = {"at", "fingerprint", "format", "public_key", "tenant", "version", "with_content"}
_FOOTER = {"checkpoints", "digest", "format", "head", "signature", "steps"}
_UNPINNED = "the file names its own key: compare the fingerprint with one that the tenant gave another way"

_LONGEST_LINE = 64 * 2**20
"""Bytes: the largest content of a step in base64, its body disclosed beside it, and room."""
_END = 4096
"""Bytes at either end of a file in which the name of the format must stand for it to be an export at all."""


def verify_export(path: Path, *, fingerprint: str | None = None) -> Verification:
    """Verify a file that ``Ledger.export`` wrote, reading it once in flat memory.

    Every byte counts: each line must be the canonical JSON of what it says, and the signed footer holds the digest of all of
    them. Without ``fingerprint`` (the tenant's key, got by another way than the file) only this is shown: that nothing
    changed since the holder of *some* key signed it; a note says so. Content that is disclosed is shown to be what was
    chained. What can never be seen in a file is that the tenant held back the steps after its end.

    Raises :class:`~aver.core.errors.InvalidInput` when the file cannot be read or is no export of evidence.
    """
    try:
        with path.open("rb") as file:
            _require_export(path, file)
            return _Reading(file).verify(fingerprint)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}", "Name a file of exported evidence.") from None


def _require_export(path: Path, file: BinaryIO) -> None:
    size = file.seek(0, 2)
    ends = []
    for start in (0, max(0, size - _END)):
        file.seek(start)
        ends.append(file.read(_END))
    file.seek(0)
    if not any(f'"format":"{FORMAT}"'.encode() in end for end in ends):
        raise InvalidInput(f"{path} is not exported evidence", "Make one with: aver evidence export")


class _Reading:
    """One pass over one file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._key: Ed25519PublicKey | None = None
        self._chain = Chain("", lambda _message, _signature: False)
        self._undisclosed = 0

    def verify(self, expected: str | None) -> Verification:
        bad: BadRecord | None = None
        try:
            header = self._header(expected)
            self._records(header["with_content"])
        except BadRecord as found:
            bad = found
        return Verification(
            ok=bad is None,
            steps=self._chain.head.seq,
            checkpoints=self._chain.checkpoints,
            head=self._chain.head.hash,
            key_fingerprint=fingerprint_of(self._key) if self._key else "",
            first_bad=bad.seq if bad else None,
            reason=bad.reason if bad else "",
            unreadable=self._undisclosed,
            notes=() if expected else (_UNPINNED,),
        )

    def _header(self, expected: str | None) -> dict[str, Any]:
        line = self._file.readline(_LONGEST_LINE)
        header = _only(_parse(line), "header", _HEADER)
        if header is None or header["format"] != FORMAT or type(header["tenant"]) is not str:
            raise BadRecord(None, "the header of the file was changed")
        if header["version"] != VERSION:
            raise BadRecord(None, f"the header names version {header['version']!r:.20}, and only {VERSION} can be read")
        raw = _unhex(header["public_key"])
        if raw is None or len(raw) != 32 or hashlib.sha256(raw).hexdigest() != header["fingerprint"]:
            raise BadRecord(None, "the public key in the header of the file was changed")
        if expected and expected.lower() != header["fingerprint"]:
            raise BadRecord(
                None, f"the file is signed by the key {header['fingerprint']}, which is not the one expected"
            )
        self._digest.update(line)
        self._key = Ed25519PublicKey.from_public_bytes(raw)
        self._chain = Chain(header["tenant"], signed_by(self._key))
        return header

    def _records(self, with_content: bool) -> None:
        chain = self._chain
        while line := self._file.readline(_LONGEST_LINE):
            value = _parse(line)
            if value is not None and "footer" in value:
                self._footer(value)
                return
            if value is not None and "step" in value:
                row = _step_row(chain, value)
                chain.step(row)
                if "disclosed" in value:
                    _check_disclosed(row, value["disclosed"])
                elif with_content:
                    self._undisclosed += 1
            elif fields := _only(value, "checkpoint", set(CheckpointRow._fields)):
                signature = _unhex(fields["signature"])
                if signature is None:
                    raise BadRecord(chain.due, "the signature of its checkpoint is damaged")
                chain.checkpoint(CheckpointRow(**fields | {"signature": signature}))
            elif line.startswith(b'{"footer":'):
                raise BadRecord(None, "the footer of the file is damaged or cut off")
            else:
                raise BadRecord(chain.due, "its line in the file is damaged")
            self._digest.update(line)
        chain.end()
        raise BadRecord(chain.expected, "the file ends before it and without a footer: it was cut off")

    def _footer(self, value: dict[str, Any]) -> None:
        footer = _only(value, "footer", _FOOTER)
        signature = _unhex(footer.pop("signature")) if footer else None
        if footer is None or signature is None or self._key is None:
            raise BadRecord(None, "the footer of the file was changed")
        if not signed_by(self._key)(canonical_json({"footer": footer}), signature):
            raise BadRecord(None, "the signature of the footer is not the tenant's")
        self._chain.end()
        if footer["steps"] != self._chain.head.seq or footer["head"] != self._chain.head.hash:
            raise BadRecord(self._chain.expected, f"it is missing: the footer counts {footer['steps']} steps")
        if footer["digest"] != self._digest.hexdigest() or footer["checkpoints"] != self._chain.checkpoints:
            raise BadRecord(None, "the file is not, byte for byte, the one that its footer signs")
        if self._file.read(1):
            raise BadRecord(None, "there is something after the footer of the file")


def _parse(line: bytes) -> dict[str, Any] | None:
    """The object on this line, or ``None`` when the line is not exactly its canonical JSON."""
    try:
        value = json.loads(line)
        same = canonical_json(value) + b"\n" == line
    except (ValueError, RecursionError):
        return None
    return value if same and isinstance(value, dict) else None


def _only(value: dict[str, Any] | None, name: str, fields: set[str]) -> dict[str, Any] | None:
    """The object under ``name`` when it has exactly these fields and nothing stands beside it."""
    inner = value.get(name) if value is not None and value.keys() == {name} else None
    return inner if isinstance(inner, dict) and inner.keys() == fields else None


def _step_row(chain: Chain, value: dict[str, Any]) -> StepRow:
    fields = _only({"step": value["step"]}, "step", set(StepRow._fields))
    if fields is None or not value.keys() <= {"step", "disclosed"}:
        raise BadRecord(chain.due, "its line in the file is damaged")
    try:
        content = b64decode(fields["content"], validate=True)
        whole = b64encode(content).decode("ascii") == fields["content"]
    except (ValueError, TypeError):
        whole = False
    if not whole:
        raise BadRecord(chain.due, "its content in the file is damaged")
    return StepRow(**fields | {"content": content})


def _check_disclosed(row: StepRow, disclosed: Any) -> None:
    fields = _only({"disclosed": disclosed}, "disclosed", {"body", "key"})
    key = _unhex(fields["key"]) if fields else None
    content = None if fields is None or key is None else decrypt(key, row.content, row.bound())
    if fields is None or content is None or canonical_json(json.loads(content)) != canonical_json(fields["body"]):
        raise BadRecord(row.seq, "the content disclosed is not the content that was chained")


def _unhex(text: Any) -> bytes | None:
    """The bytes of lower-case hex, or ``None``."""
    try:
        value = bytes.fromhex(text)
    except (ValueError, TypeError):
        return None
    return value if value.hex() == text else None
