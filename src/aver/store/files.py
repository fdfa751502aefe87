"""A tenant's directory: its secrets, its index, the locks between processes. Only the owner of the process may read it."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aver.core.errors import Conflict, Unavailable
from aver.store.types import Tenant

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = [
    "TenantFiles",
    "exclusive",
    "held",
    "make_tenant_directory",
    "private_directory",
    "sync_directory",
    "try_exclusive",
]

_MASTER, _SIGNING = "master.key", "signing.key"
_KEY_BYTES = 32
"""AES-256 and the seed of Ed25519 (RFC 8032) both take 32 bytes."""


def private_directory(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def make_tenant_directory(directory: Path) -> None:
    """A new tenant directory with its two secrets, safely on disk."""
    directory.mkdir(mode=0o700)
    keys = directory / "keys"
    keys.mkdir(mode=0o700)
    for name in (_MASTER, _SIGNING):
        handle = os.open(keys / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(secrets.token_bytes(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
    for folder in (keys, directory):
        sync_directory(folder)


def sync_directory(path: Path) -> None:
    """Make the names in a directory survive a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file ``path`` across processes and threads, waiting for whoever holds it."""
    with _open_lock(path) as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def try_exclusive(path: Path, name: str) -> Iterator[None]:
    """Hold the lock file ``path``, called ``name`` in the :class:`Conflict` raised at once when it is held."""
    with _open_lock(path) as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise held(name) from None
        yield


@contextmanager
def _open_lock(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)  # also lets the lock go


def held(name: str) -> Conflict:
    return Conflict(f"Another process holds {name!r} of this tenant", "Wait for it to end and retry.")


class TenantFiles:
    """What every :class:`~aver.store.types.TenantStore` keeps in files, whichever database holds the rest."""

    def __init__(self, tenant: Tenant, directory: Path) -> None:
        self.tenant = tenant
        self.directory = directory

    def master_key(self) -> bytes:
        return self._secret(_MASTER)

    def signing_key(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self._secret(_SIGNING))

    def _secret(self, name: str) -> bytes:
        # A missing secret is never made anew: what it encrypted or signed would silently stop making sense.
        path = self.directory / "keys" / name
        try:
            secret = path.read_bytes()
        except OSError as error:
            raise Unavailable(
                f"The key file {path} cannot be read ({error.strerror})", "Restore it from a backup."
            ) from None
        if len(secret) != _KEY_BYTES:
            raise Unavailable(f"The key file {path} is damaged", "Restore it from a backup.")
        return secret
