"""The migrations make exactly the tables that the packages declare, once, whole, and never backwards; on either engine."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, NullPool, create_engine, inspect, text

from aver.core.errors import Unavailable
from aver.store import Store, control_metadata, migration, tenant_metadata
from aver.store.migration import HEADS, MIGRATIONS, version_table
from aver.store.postgres import _ensure_role
from tests.contract.tables import TENANT_TABLES

assert TENANT_TABLES  # importing them declares them

CATALOGUE = {
    "sqlite": (
        "SELECT sql FROM sqlite_master ORDER BY name",
        *(f"SELECT * FROM {version_table(each)}" for each in HEADS),
    ),
    "postgresql": (
        (
            "SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default "
            "FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2"
        ),
        (
            "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2"
        ),
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
        (
            "SELECT relname, relrowsecurity, relforcerowsecurity, relacl::text FROM pg_class "
            "WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
        ),
        "SELECT tablename, policyname, roles::text, cmd, qual, with_check FROM pg_policies ORDER BY 1, 2",
        "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1",
        *(f"SELECT * FROM {version_table(each)}" for each in HEADS),
    ),
}
"""Everything that an engine knows of a schema."""


@pytest.fixture
def postgres_url(postgres) -> Iterator[str]:
    """An empty database: how it comes to its schema is what is tested."""
    with postgres.database() as url:
        yield url


@pytest.mark.parametrize("branch", HEADS)
def test_the_heads_are_those_of_the_files(branch):
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("version_locations", str(MIGRATIONS / branch))
    config.set_main_option("path_separator", "newline")
    assert ScriptDirectory.from_config(config).get_heads() == [HEADS[branch]]


def test_the_migrated_tables_are_the_declared_ones(store, database_url):
    """When this fails, edit the migration's file by what is printed here, and make development data anew."""
    store.create_tenant("acme")
    with store._database.read() as control, store.tenant("acme").read() as tenant:
        if database_url is None:
            assert _differences(control, control_metadata) == []
            assert _differences(tenant, tenant_metadata) == []
        else:  # one database for both; row-level security hides rows, not tables
            assert _differences(tenant, control_metadata, tenant_metadata) == []
            collations = text(
                "SELECT DISTINCT collation_name FROM information_schema.columns WHERE table_name = 'steps'"
            )
            assert set(tenant.scalars(collations)) == {"C", None}


@pytest.mark.parametrize("engine", CATALOGUE)
def test_what_comes_second_in_a_process_is_what_alembic_made_of_the_first(engine, postgres, tmp_path, monkeypatch):
    monkeypatch.setattr(migration, "_from_nothing", {})

    def made(name: str) -> list:
        with postgres.database() as database:
            url = database.replace("://", "+psycopg://") if engine == "postgresql" else f"sqlite:///{tmp_path / name}"
            with closing(create_engine(url, poolclass=NullPool).connect()) as connection:
                if engine == "postgresql":
                    _ensure_role(connection)
                for branch in HEADS:
                    migration.migrate(connection, branch)
                return [connection.execute(text(asked)).all() for asked in CATALOGUE[engine]]

    first = made("first")
    monkeypatch.setitem(sys.modules, "alembic", None)  # importing it is an error from here on
    assert made("second") == first
    assert all(first)


def _differences(connection, *metadatas: MetaData) -> list:
    def ours(name, kind, _parents) -> bool:
        return kind != "table" or name not in {version_table(branch) for branch in HEADS}

    context = MigrationContext.configure(connection, opts={"include_name": ours, "compare_type": True})
    found = compare_metadata(context, list(metadatas))
    for table in (table for metadata in metadatas for table in metadata.sorted_tables):
        declared = [column.name for column in table.primary_key]  # which Alembic does not compare
        made = inspect(connection).get_pk_constraint(table.name)["constrained_columns"]
        found += [] if made == declared else [("primary key", table.name, made, declared)]
    return found


@pytest.fixture
def a_next_version(tmp_path, monkeypatch):
    """Pretend that the program knows one more migration of tenants, whose last line is given."""

    def pretend(last_line: str) -> None:
        folder = tmp_path / "migrations"
        shutil.copytree(MIGRATIONS, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "tenant" / "tenant_0002.py").write_text(
            "import sqlalchemy as sa\n"
            "from alembic import op\n"
            'revision, down_revision = "tenant_0002", "tenant_0001"\n'
            "def upgrade():\n"
            '    op.create_table("later", sa.Column("tenant", sa.String))\n'
            '    op.add_column("steps", sa.Column("later", sa.String))\n'
            f"    {last_line}\n"
        )
        monkeypatch.setattr(migration, "MIGRATIONS", folder)
        monkeypatch.setitem(HEADS, "tenant", "tenant_0002")

    return pretend


@pytest.fixture
def existing(tmp_path, database_url) -> Path:
    """A data directory with a tenant, made by the program as it is."""
    store = Store(tmp_path / "data", database_url)
    store.create_tenant("acme")
    store.close()
    return tmp_path / "data"


def _schema(data: Path, database_url: str | None) -> tuple[str | None, bool, bool]:
    store = Store(data, database_url)
    with store.tenant("acme").read() as tx:
        columns = {column["name"] for column in inspect(tx).get_columns("steps")}
        found = inspect(tx).has_table("later"), "later" in columns
    with store._database._owner.connect() if database_url else store.tenant("acme").read() as tx:
        revision = tx.scalar(text("SELECT version_num FROM aver_tenant_version"))
    store.close()
    return revision, *found


def test_what_is_older_is_upgraded(existing, database_url, a_next_version):
    assert _schema(existing, database_url) == ("tenant_0001", False, False)
    a_next_version("pass")
    assert _schema(existing, database_url) == ("tenant_0002", True, True)
    assert _schema(existing, database_url) == ("tenant_0002", True, True)


def test_a_migration_that_fails_changes_nothing(existing, database_url, a_next_version, monkeypatch):
    a_next_version("raise ZeroDivisionError")
    with pytest.raises(ZeroDivisionError):
        _schema(existing, database_url)
    monkeypatch.undo()
    assert _schema(existing, database_url) == ("tenant_0001", False, False)


def test_a_migration_that_is_killed_changes_nothing(existing, database_url, a_next_version, monkeypatch, tmp_path):
    a_next_version("import os; os.kill(os.getpid(), 9)")
    program = (
        "import sys; from pathlib import Path\n"
        "from aver.store import Store, migration\n"
        "migration.MIGRATIONS = Path(sys.argv[1]); migration.HEADS['tenant'] = 'tenant_0002'\n"
        "Store(Path(sys.argv[2]), sys.argv[3] or None).tenant('acme')\n"
    )
    arguments = [str(tmp_path / "migrations"), str(existing), database_url or ""]
    killed = subprocess.run([sys.executable, "-c", program, *arguments], check=False)
    assert killed.returncode == -9
    monkeypatch.undo()
    assert _schema(existing, database_url) == ("tenant_0001", False, False)


def test_data_of_a_newer_program_is_refused_and_left_alone(existing, database_url, a_next_version, monkeypatch):
    a_next_version("pass")
    newer = _schema(existing, database_url)
    monkeypatch.undo()
    with pytest.raises(
        Unavailable, match=r"written by a newer Aver \(schema tenant_0002; this one knows tenant_0001\)"
    ):
        _schema(existing, database_url)
    a_next_version("pass")
    assert _schema(existing, database_url) == newer


def test_an_up_to_date_installation_opens_without_alembic(existing, database_url):
    program = (
        "import sys; from pathlib import Path\n"
        "from aver.store import Store\n"
        "store = Store(Path(sys.argv[1]), sys.argv[2] or None)\n"
        "with store.tenant('acme').read(): pass\n"
        "assert 'alembic' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program, str(existing), database_url or ""], check=True)
