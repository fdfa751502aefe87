"""Bring a database to the schema this program knows, or refuse one that is newer.

There are two independent histories under ``migrations/``: ``control`` (tenants and keys) and ``tenant`` (everything a tenant
has). Each database names its revision in ``aver_<branch>_version``; when that is the head, Alembic is not even imported.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, column, inspect, select, table

from aver.core.errors import Unavailable

__all__ = ["HEADS", "MIGRATIONS", "Branch", "is_current", "migrate", "version_table"]

Branch = Literal["control", "tenant"]

HEADS: dict[Branch, str] = {"control": "control_0001", "tenant": "tenant_0001"}
MIGRATIONS = Path(__file__).parent / "migrations"

_alembic = threading.Lock()  # Alembic keeps the running migration in module globals


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
        command.upgrade(config, "head")


def _revision(connection: Connection, branch: Branch) -> str | None:
    name = version_table(branch)
    if not inspect(connection).has_table(name):
        return None
    revision: str | None = connection.scalar(select(column("version_num")).select_from(table(name)))
    return revision
