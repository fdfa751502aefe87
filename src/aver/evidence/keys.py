"""The data keys: one for each subject, wrapped under the tenant's master key, destroyed by an erasure."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Column, Connection, delete, insert, select, type_coerce
from sqlalchemy.types import NullType

from aver.core import canonical_json, new_id
from aver.core.errors import VerificationFailed
from aver.core.randomness import random_bytes
from aver.evidence.record import StepRow
from aver.evidence.store import subjects

__all__ = ["DataKey", "Keyring", "decrypt", "encrypt", "open_content"]

_NONCE = 12
"""Bytes of an AES-GCM nonce (NIST SP 800-38D, 8.2)."""
_A_QUERY = 500


def encrypt(key: bytes, plaintext: bytes, bound: bytes) -> bytes:
    """A fresh nonce, then AES-256-GCM of ``plaintext`` with ``bound`` as associated data."""
    nonce = random_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, bound)


def decrypt(key: bytes, content: bytes, bound: bytes) -> bytes | None:
    """What :func:`encrypt` was given, or ``None`` when key, content and ``bound`` do not belong together."""
    try:
        return AESGCM(key).decrypt(content[:_NONCE], content[_NONCE:], bound)
    except (InvalidTag, ValueError, TypeError):
        return None


class DataKey(NamedTuple):
    """The key of one subject. Each step has its own key derived from it, so that one step can be disclosed alone."""

    subject: str
    secret: bytes

    def of_step(self, seq: int) -> bytes:
        """HMAC-SHA256, one block of HKDF-Expand (RFC 5869) with the sequence number as its info."""
        return hmac.digest(self.secret, b"aver step %d\x01" % seq, "sha256")


def open_content(row: StepRow, key: DataKey | None) -> bytes | None:
    """The plaintext of a step's content, or ``None`` when the key does not open it or a column it is bound to changed."""
    try:
        return key and decrypt(key.of_step(row.seq), row.content, row.bound())
    except (TypeError, ValueError):  # a column holds what it never may
        return None


class Keyring:
    """The data keys of one tenant. None is remembered between calls: it would outlive its erasure in another process."""

    def __init__(self, tenant: str, master: bytes) -> None:
        self._tenant = tenant
        self._master = master
        self._pepper = hmac.digest(master, b"aver subject lookup", "sha256")

    def provide(self, tx: Connection, names: Iterable[str]) -> dict[str, DataKey]:
        """The key of each name, made now where there is none."""
        lookups = {self._lookup(name): name for name in names}
        keys = {
            lookups[row.lookup]: self._unwrap(row) or _broken(row.id)
            for row in self._rows(tx, subjects.c.lookup, list(lookups))
        }
        made = {
            lookup: DataKey(new_id("subject"), secrets.token_bytes(32))
            for lookup, name in lookups.items()
            if name not in keys
        }
        if made:
            tx.execute(insert(subjects), [self._wrap(lookup, key) for lookup, key in made.items()])
        return keys | {lookups[lookup]: key for lookup, key in made.items()}

    def open(self, tx: Connection, ids: Iterable[str]) -> dict[str, DataKey | None]:
        """The keys of those subjects that have one; ``None`` where the row is there and does not open."""
        texts = [subject for subject in ids if isinstance(subject, str)]  # a step that was tampered with may name none
        return {row.id: self._unwrap(row) for row in self._rows(tx, subjects.c.id, texts)}

    def ids(self, tx: Connection, names: Iterable[str]) -> dict[str, str]:
        """The opaque id of each name that has a key."""
        lookups = {self._lookup(name): name for name in names}
        return {lookups[row.lookup]: row.id for row in self._rows(tx, subjects.c.lookup, list(lookups))}

    def destroy(self, tx: Connection, name: str) -> str | None:
        """Delete the key of ``name`` and say which subject it was; ``None`` when there is no such key."""
        mine = subjects.c.lookup == self._lookup(name)
        subject = tx.execute(select(subjects.c.id).where(mine)).scalar()
        tx.execute(delete(subjects).where(mine))
        return subject

    def _rows(self, tx: Connection, column: Column[str], values: Sequence[str]) -> Iterator[Any]:
        # Without SQLAlchemy's result types: what an attacker stored may not fit them.
        key = type_coerce(subjects.c.key, NullType()).label("key")
        query = select(subjects.c.tenant, subjects.c.id, subjects.c.lookup, key)
        for start in range(0, len(values), _A_QUERY):
            yield from tx.execute(query.where(column.in_(values[start : start + _A_QUERY])))

    def _lookup(self, name: str) -> str:
        return hmac.digest(self._pepper, name.encode("utf-8", "surrogatepass"), "sha256").hex()

    def _wrap(self, lookup: str, key: DataKey) -> dict[str, Any]:
        bound = canonical_json([self._tenant, key.subject, lookup])
        return {"id": key.subject, "lookup": lookup, "key": encrypt(self._master, key.secret, bound)}

    def _unwrap(self, row: Any) -> DataKey | None:
        try:
            bound = canonical_json([row.tenant, row.id, row.lookup])
        except TypeError:  # bytes where text belongs
            return None
        secret = decrypt(self._master, row.key, bound)
        return None if secret is None else DataKey(row.id, secret)


def _broken(subject: str) -> NoReturn:
    raise VerificationFailed(
        f"The data key of subject {subject} was changed outside Aver",
        "Run: aver evidence verify; then restore a backup.",
    )
