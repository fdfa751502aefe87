"""Bring a database to the schema this program knows, or refuse one that is newer.

There are two independent histories under ``migrations/``: ``control`` (tenants and keys) and ``tenant`` (everything a tenant
has). Each database names its revision in ``aver_<branch>_version``; when that is the head, Alembic is not even imported.
What makes an empty database is worked out by the first of a process, and is the same statements for all after it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, column, event, inspect, select, table

from aver.core.errors import Unavailable

__all__ = ["HEADS", "MIGRATIONS", "Branch", "is_current", "migrate", "version_table"]

Branch = Literal["control", "tenant"]

HEADS: dict[Branch, str] = {"control": "control_0001", "tenant": "tenant_0001"}
MIGRATIONS = Path(__file__).parent / "migrations"

_alembic = threading.Lock()  # Alembic keeps the running migration in module globals
_from_nothing: dict[tuple[str, str], list[tuple[str, Any]]] = {}
"""The statements that make an empty database one of a head, each with its parameters, by dialect and head: Alembic takes several times as
long to say them as SQLite to follow them."""


def version_table(branch: Branch) -> str:
    return f"aver_{branch}_version"


def is_current(connection: Connection, branch: Branch) -> bool:
    return _revision(connection, branch) == HEADS[branch]


def migrate(connection: Connection, branch: Branch) -> None:
    """Upgrade to the head within the caller's transaction, which must be the only writer: all of it, or nothing.

    Raises :class:`Unavailable` when the database was written by a newer Aver.
    """
    revision = _revision(connection, branch)
    if revision == HEADS[branch]:
        return
    kind = (connection.dialect.name, HEADS[branch])
    if revision is None and kind in _from_nothing:
        for statement, parameters in _from_nothing[kind]:
            connection.exec_driver_sql(statement, parameters).close()
        return
    with _alembic:
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config(attributes={"connection": connection, "version_table": version_table(branch)})
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.set_main_option("version_locations", str(MIGRATIONS / branch).replace("%", "%%"))
        config.set_main_option("path_separator", "newline")
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if revision is not None and revision not in known:
            raise Unavailable(
                f"The data was written by a newer Aver (schema {revision}; this one knows {HEADS[branch]})",
                "Run the newer version; nothing was changed.",
            )
        with _statements(connection) as said:
            command.upgrade(config, "head")
    if revision is None:
        _from_nothing[kind] = said


@contextmanager
def _statements(connection: Connection) -> Iterator[list[tuple[str, Any]]]:
    """The statements with which ``connection`` changes its database until the block ends."""
    said: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if not statement.lstrip().startswith(("SELECT", "PRAGMA")):
            said.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", hear)
    try:
        yield said
    finally:
        event.remove(connection, "before_cursor_execute", hear)


def _revision(connection: Connection, branch: Branch) -> str | None:
    name = version_table(branch)
    if not inspect(connection).has_table(name):
        return None
    revision: str | None = connection.scalar(select(column("version_num")).select_from(table(name)))
    return revision
