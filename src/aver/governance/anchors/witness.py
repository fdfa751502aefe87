"""A witness: it remembers the newest state of each chain that it is told of, and cosigns one that grew out of it, never another.

It has no account of whose chains they are: a log is a tenant's id with the key that signs for it. It keeps one line a state, and one key.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aver.core import Clock, canonical_json, rfc3339
from aver.core.errors import Conflict, InvalidInput, NotFound, StorageFull, VerificationFailed
from aver.governance.proof.terms import Bad
from aver.governance.proof.tree import consistent
from aver.governance.proof.verifier import check_statement

__all__ = ["Witness", "log_of"]

_LOG = re.compile(r"[0-9a-f]{64}")
_LONGEST_PATH = 128
"""Hashes: twice as many as a tree of 2**63 steps takes."""


def log_of(tenant: str, key: str) -> str:
    """The name of a chain with a witness: SHA-256 of the tenant's id and the public key that signs for it."""
    return hashlib.sha256(f"{tenant}\n{key}".encode()).hexdigest()


class Witness:
    """Thread-safe, among processes too. Blocking."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        (folder / "heads").mkdir(mode=0o700, parents=True, exist_ok=True)
        self._key = _key_in(folder / "witness.key")

    @property
    def key(self) -> str:
        """The public key, hexadecimal: what those who rely on the witness have to know."""
        return self._key.public_key().public_bytes_raw().hex()

    def head(self, log: str) -> Mapping[str, Any]:
        """The newest state of a chain, cosigned. Raises :class:`~aver.core.errors.NotFound`."""
        with self._locked(log) as file:
            found = _last(file)
        if found is None:
            raise NotFound("No state of this chain was ever witnessed", "Tell the witness of one.")
        return found

    def cosign(self, log: str, told: Any) -> Mapping[str, Any]:
        """Cosign the state in ``told``: ``key``, ``path``, ``statement``. Raises :class:`~aver.core.errors.InvalidInput` for what is none,
        :class:`~aver.core.errors.VerificationFailed` for a signature that is not the key's, and :class:`~aver.core.errors.Conflict` for a state
        that did not grow out of the one before."""
        said, path = _read(log, told)
        with self._locked(log) as file:
            before = _last(file)
            if before is not None:
                _check_growth(before["cosigned"], said, path)
                if before["cosigned"]["seq"] == said["seq"]:
                    return before
            cosigned = {name: said[name] for name in ("root", "seq", "tenant")} | {"at": rfc3339(self._clock.now())}
            signature = self._key.sign(canonical_json({"cosigned": cosigned, "version": 1})).hex()
            made = {"cosigned": cosigned, "key": self.key, "signature": signature}
            try:
                end = os.lseek(file, 0, os.SEEK_END)
                cut_off = end and os.pread(file, 1, end - 1) != b"\n"
                os.write(file, (b"\n" if cut_off else b"") + canonical_json(made) + b"\n")
                os.fsync(file)
            except OSError as error:
                raise StorageFull(f"The witness cannot keep the state: {error.strerror}", "Free some space.") from None
        return made

    @contextmanager
    def _locked(self, log: str) -> Iterator[int]:
        if not _LOG.fullmatch(log):
            raise NotFound("There is no such chain", "Its name is a SHA-256.")
        file = os.open(self._folder / "heads" / log, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)


def _read(log: str, told: Any) -> tuple[Mapping[str, Any], list[str]]:
    malformed = InvalidInput(
        "This is no state of a chain", "Send key, path and statement, as aver evidence anchor does."
    )
    try:
        key, path, statement = told["key"], told["path"], told["statement"]
        said = check_statement(statement, statement["anchor"]["tenant"], bytes.fromhex(key))
        right = log_of(said["tenant"], key) == log and type(said["seq"]) is int and said["seq"] > 0
        right = right and len(bytes.fromhex(said["root"])) == 32 and len(path) <= _LONGEST_PATH
        right = right and all(len(bytes.fromhex(each)) == 32 for each in path)
    except Bad as error:
        raise VerificationFailed(
            f"The state is not signed as it says: {error}", "Sign it with the chain's key."
        ) from None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise malformed from None
    if not right:
        raise malformed
    return said, path


def _check_growth(before: Mapping[str, Any], said: Mapping[str, Any], path: list[str]) -> None:
    if said["seq"] < before["seq"] or not consistent(before["seq"], before["root"], said["seq"], said["root"], path):
        raise Conflict(
            f"The chain of {said['seq']:,} steps did not grow out of the {before['seq']:,} that were witnessed",
            "If its history was not rewritten, send the proof from there.",
        )


def _last(file: int) -> dict[str, Any] | None:
    """The last whole line."""
    size = os.lseek(file, 0, os.SEEK_END)
    begin = max(0, size - 4096)
    lines = os.pread(file, size - begin, begin).split(b"\n")
    for line in reversed(lines[:-1]):  # what follows the last end of a line was cut off by a crash
        try:
            found: dict[str, Any] = json.loads(line)
        except ValueError:
            continue
        return found
    return None


def _key_in(path: Path) -> Ed25519PrivateKey:
    """The key in ``path``, made now where there is none."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        secret = path.read_bytes()
        if len(secret) != 32:
            raise InvalidInput(f"{path} is no key", "Restore it from a backup.") from None
        return Ed25519PrivateKey.from_private_bytes(secret)
    key = Ed25519PrivateKey.generate()
    with os.fdopen(file, "wb") as opened:
        opened.write(key.private_bytes_raw())
    return key
