"""Row-level security on Postgres: the role that owns nothing, and the policies that show it one tenant.

Every transaction takes on the role :data:`ROLE` and names its tenant in the setting ``aver.tenant``, both until it ends.
``aver_tenant()`` reads that setting; without it there is no tenant, and no row of any is visible. Row-level security is
*forced*, so it binds the owner of the tables too. On SQLite the functions here do nothing: a tenant's file is its own.

Migrations call these functions, so what one of them does to a database may never change: add another instead.
"""

from __future__ import annotations

from sqlalchemy import Connection

__all__ = ["ROLE", "define_aver_tenant", "isolate_control_table", "isolate_tenant_table"]

ROLE = "aver_app"


def define_aver_tenant(connection: Connection) -> None:
    """The SQL function that names the tenant of the transaction, or NULL."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "CREATE FUNCTION aver_tenant() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE "
            "RETURN nullif(current_setting('aver.tenant', true), '')"
        )


def isolate_tenant_table(connection: Connection, table: str) -> None:
    """Show and accept only rows of the transaction's tenant."""
    _isolate(connection, table, "tenant = aver_tenant()")


def isolate_control_table(connection: Connection, table: str) -> None:
    """Show the table only to transactions that are in no tenant."""
    _isolate(connection, table, "aver_tenant() IS NULL")


def _isolate(connection: Connection, table: str, condition: str) -> None:
    if connection.dialect.name == "postgresql":
        for statement in (
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY {table}_isolation ON {table} USING ({condition}) WITH CHECK ({condition})",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {ROLE}",
        ):
            connection.exec_driver_sql(statement)
