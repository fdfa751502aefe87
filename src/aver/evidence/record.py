"""What exactly is hashed and signed: the canonical record of a step, and the message of a checkpoint."""

from __future__ import annotations

import hashlib
from json.encoder import encode_basestring as _quote
from typing import NamedTuple

from aver.core import canonical_json

__all__ = [
    "GENESIS",
    "REMAINDER",
    "SIGNED",
    "VERSION",
    "CheckpointRow",
    "StepRow",
    "commitment",
    "frame",
    "is_disposed",
    "remainder",
]

VERSION = 1
REMAINDER = 33
"""Bytes of what is left of content that was let go."""
_DISPOSED = b"\0"
GENESIS = "0" * 64
"""What the first step names as the hash before it."""

_RELEASES = {
    "release_created",
    "release_signed_off",
    "release_sign_off_withdrawn",
    "release_promoted",
    "release_rolled_back",
    "staged",
    "gated",
}
_IDENTITY = {"key_created", "key_revoked", "glass_broken", "person_changed", "group_changed", "identity_declared"}
SIGNED = frozenset(
    {
        "sealed",
        "failed",
        "ingested",
        "deleted",
        "indexed",
        "erased",
        "switched",
        "incident",
        "anchored",
        "packed",
        "disposed",
        "held",
        "governed",
        *_IDENTITY,
        *_RELEASES,
    }
)
"""The kinds of step that a signed checkpoint covers: the end of a turn, either way, and every administrative act."""


def commitment(content: bytes) -> bytes:
    """What the chain holds of a step's content: SHA-256 of nonce and ciphertext, in hexadecimal, which outlives the key and the content."""
    if is_disposed(content):
        return content[1:].hex().encode()
    return hashlib.sha256(content).hexdigest().encode()


def remainder(content: bytes) -> bytes:
    """What is left in place of a step's content once that is let go: its SHA-256 behind a zero byte. No content is as long: it would be
    the ciphertext of five bytes, and no JSON object without spaces has five."""
    return _DISPOSED + hashlib.sha256(content).digest()


def is_disposed(content: object) -> bool:
    """Whether this is a :func:`remainder`."""
    return isinstance(content, bytes) and len(content) == REMAINDER and content[:1] == _DISPOSED


def frame(
    tenant: str, seq: int, turn: str, kind: str, at: str, subject: str, facts: str, prev: str
) -> tuple[bytes, bytes]:
    """What stands before and after the commitment to its content in the record of a step, of which SHA-256 is its hash.

    Put together they are the bytes of ``canonical_json`` over these fields, ``content`` and ``version``, written out because every
    append and every verified step passes here (a test holds the two equal). With an empty commitment it is what the
    ciphertext is bound to, so that no column can be changed without the data key, sealed or not.
    """
    before = f'{{"at":{_quote(at)},"content":"'
    after = (
        f'","facts":{_quote(facts)},"kind":{_quote(kind)},"prev":{_quote(prev)},"seq":{seq:d},'
        f'"subject":{_quote(subject)},"tenant":{_quote(tenant)},"turn":{_quote(turn)},"version":{VERSION}}}'
    )
    return before.encode("utf-8", "surrogatepass"), after.encode("utf-8", "surrogatepass")


class StepRow(NamedTuple):
    """A step as stored: the columns of ``steps``, in order. Values may be anything until they are verified."""

    tenant: str
    seq: int
    turn: str
    kind: str
    at: str
    subject: str
    facts: str
    content: bytes
    prev: str
    hash: str

    def frame(self) -> tuple[bytes, bytes]:
        return frame(self.tenant, self.seq, self.turn, self.kind, self.at, self.subject, self.facts, self.prev)

    def bound(self) -> bytes:
        """What the content of this step is bound to, as associated data of its encryption."""
        before, after = self.frame()
        return before + after

    def digest(self) -> str:
        """The hash that these columns have, whatever ``hash`` says."""
        before, after = self.frame()
        return hashlib.sha256(before + commitment(self.content) + after).hexdigest()


class CheckpointRow(NamedTuple):
    """A checkpoint as stored: the columns of ``checkpoints``, in order."""

    tenant: str
    seq: int
    hash: str
    at: str
    signature: bytes

    def message(self) -> bytes:
        """The bytes that the tenant's key signs."""
        fields = {"at": self.at, "hash": self.hash, "seq": self.seq, "tenant": self.tenant}
        return canonical_json({"checkpoint": fields, "version": VERSION})
