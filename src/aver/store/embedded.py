"""SQLite: one directory a tenant, holding its own database in WAL mode, its own index and its own keys."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine, create_engine, event, text

from aver.core.errors import Conflict
from aver.store.types import Tenant

__all__ = ["EmbeddedTenantStore", "sqlite_engine"]


def sqlite_engine(path: Path, tenant: str = "") -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.create_function("aver_tenant", 0, lambda: tenant, deterministic=True)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("aver_begin", "BEGIN"))

    return engine


class EmbeddedTenantStore:
    def __init__(self, tenant: Tenant, directory: Path) -> None:
        self.tenant = tenant
        self.directory = directory
        self._engine = sqlite_engine(directory / "tenant.db", tenant.id)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        with self._engine.connect().execution_options(aver_begin="BEGIN IMMEDIATE") as connection, connection.begin():
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        with (self.directory / f"{name}.lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Conflict(
                    f"Another process holds {name!r} of this tenant", "Wait for it to end and retry."
                ) from None
            yield

    def _secret(self, name: str) -> bytes:
        path = self.directory / "keys" / name
        if not path.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            temporary = path.with_suffix(f".{secrets.token_hex(4)}")
            temporary.write_bytes(secrets.token_bytes(32))
            temporary.chmod(0o600)
            try:
                os.link(temporary, path)  # fails when another process was first: its key stands
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
        return path.read_bytes()

    def master_key(self) -> bytes:
        return self._secret("master.key")

    def signing_key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._secret("signing.key"))

    def scrub(self) -> None:
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM"))
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))

    def close(self) -> None:
        self._engine.dispose()
