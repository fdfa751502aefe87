"""No tenant can read, count, change or notice the rows of another, on either engine."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, UniqueConstraint, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from aver.store import Store, TenantStore
from aver.store.isolation import ROLE
from aver.store.schema import control_metadata
from tests.contract.tables import COUNTER, TENANT_TABLES, row
from tests.postgres import PostgresServer, postgres_server

each_table = pytest.mark.parametrize("table", TENANT_TABLES, ids=lambda table: table.name)


@pytest.fixture
def ours(store: Store) -> TenantStore:
    store.create_tenant("ours")
    return store.tenant("ours")


@pytest.fixture
def theirs(store: Store) -> TenantStore:
    store.create_tenant("theirs")
    return store.tenant("theirs")


def _rows(tenant: TenantStore, table: Table) -> list[dict]:
    with tenant.read() as tx:
        return [dict(found) for found in tx.execute(select(table)).mappings()]


def test_no_row_of_any_table_is_seen_counted_changed_or_deleted(ours, theirs):
    for table in TENANT_TABLES:
        with theirs.begin() as tx:
            tx.execute(insert(table), row(table, 1))
        before = _rows(theirs, table)
        assert before[0]["tenant"] == theirs.tenant.id
        with ours.begin() as tx:
            assert tx.scalar(select(func.count()).select_from(table)) == 0
            assert tx.execute(select(table).where(table.c.tenant == theirs.tenant.id)).all() == []
            assert tx.execute(update(table).values(row(table, 2))).rowcount == 0
            assert tx.execute(delete(table)).rowcount == 0
        assert _rows(theirs, table) == before


def test_the_same_keys_are_free_for_every_tenant(ours, theirs):
    for table in TENANT_TABLES:
        for tenant in (theirs, ours):
            with tenant.begin() as tx:
                tx.execute(insert(table), row(table, 1))
            with pytest.raises(IntegrityError), tenant.begin() as tx:
                tx.execute(insert(table), row(table, 1))
        assert [found["tenant"] for found in _rows(ours, table)] == [ours.tenant.id]


@each_table
def test_every_constraint_includes_the_tenant(table):
    """A unique value or a reference across tenants would tell one what another holds."""
    uniques = [list(constraint.columns) for constraint in table.constraints if isinstance(constraint, UniqueConstraint)]
    uniques += [list(index.columns) for index in table.indexes if index.unique]
    uniques += [list(table.primary_key.columns)]
    uniques += [list(constraint.columns) for constraint in table.foreign_key_constraints]
    assert all("tenant" in [column.name for column in columns] for columns in uniques)


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["ours", "theirs"]),
        st.sampled_from(["insert", "update", "delete", "delete all", "roll back"]),
        st.sampled_from("abc"),
        st.integers(0, 9),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OPERATIONS)
def test_each_tenant_is_as_if_alone(ours, theirs, operations):
    tenants = {"ours": ours, "theirs": theirs}
    expected: dict[str, dict[str, int]] = {"ours": {}, "theirs": {}}
    for tenant in tenants.values():
        with tenant.begin() as tx:
            tx.execute(delete(COUNTER))
    for who, operation, name, number in operations:
        alone = expected[who]
        with tenants[who].begin() as tx:
            if operation == "insert":
                try:
                    with tx.begin_nested():
                        tx.execute(insert(COUNTER), {"name": name, "generation": 1, "version": number, "recipe": ""})
                    assert name not in alone
                    alone[name] = number
                except IntegrityError:
                    assert name in alone
            elif operation == "update":
                changed = tx.execute(update(COUNTER).where(COUNTER.c.name == name).values(version=number)).rowcount
                assert changed == (name in alone)
                alone |= {name: number} if changed else {}
            elif operation == "delete":
                gone = tx.execute(delete(COUNTER).where(COUNTER.c.name == name)).rowcount
                assert gone == (alone.pop(name, None) is not None)
            elif operation == "delete all":
                assert tx.execute(delete(COUNTER)).rowcount == len(alone)
                alone.clear()
            else:
                tx.execute(delete(COUNTER))
                tx.rollback()
                continue
            found = dict(tx.execute(select(COUNTER.c.name, COUNTER.c.version)).all())
            assert found == alone
    for who, tenant in tenants.items():
        assert {found["name"]: found["version"] for found in _rows(tenant, COUNTER)} == expected[who]


class TestSqlite:
    @pytest.fixture
    def database_url(self):
        return None

    def test_sql_cannot_reach_another_file(self, ours, theirs):
        with pytest.raises(DBAPIError, match="too many attached databases"), ours.begin() as tx:
            tx.execute(text("ATTACH DATABASE :path AS other"), {"path": str(theirs.directory / "tenant.db")})


@pytest.fixture(scope="module")
def another_server():
    """Its roles come and go: no database of other tests is to hang on them."""
    with postgres_server() as server:
        yield server


@contextmanager
def landlord(postgres: PostgresServer):
    """A user of the server who may make roles, and finds none of Aver's."""
    postgres.execute(f"DROP ROLE IF EXISTS {ROLE}")
    postgres.execute("CREATE ROLE landlord LOGIN CREATEROLE")
    yield
    postgres.execute(f"DROP ROLE IF EXISTS {ROLE}")
    postgres.execute("DROP ROLE landlord")


class TestPostgres:
    """What row-level security alone has to hold, against SQL that means harm."""

    @pytest.fixture(params=["superuser", "owner"])
    def database_url(self, request, another_server: PostgresServer):
        """Opened as the server's superuser, and as a user who owns no more than the database."""
        if request.param == "owner":
            with landlord(another_server), another_server.database("landlord") as url:
                yield url
        else:
            with another_server.database() as url:
                yield url

    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT INTO index_state (tenant, name, generation, version, recipe) VALUES (:theirs, 'forged', 1, 1, '')",
            "UPDATE index_state SET tenant = :theirs",
            "INSERT INTO index_state SELECT 'forged', 1, 1, '', :theirs",
            "SET LOCAL row_security = off; SELECT * FROM index_state",
            "ALTER TABLE index_state DISABLE ROW LEVEL SECURITY",
            "DROP POLICY index_state_isolation ON index_state",
            "TRUNCATE index_state",
            "DROP TABLE index_state",
            "CREATE OR REPLACE FUNCTION aver_tenant() RETURNS text LANGUAGE sql RETURN 'x'",
            "CREATE TABLE mine (x int)",
            "SELECT * FROM aver_tenant_version",
        ],
    )
    def test_refuses(self, ours, theirs, statement):
        for tenant in (ours, theirs):
            with tenant.begin() as tx:
                tx.execute(insert(COUNTER), {"name": "real", "generation": 1, "version": 1, "recipe": ""})
        statement = statement.replace(":theirs", f"'{theirs.tenant.id}'")
        with pytest.raises(DBAPIError, match=r"row-level security|permission denied|must be owner"), ours.begin() as tx:
            tx.exec_driver_sql(statement)
        assert [found["name"] for found in _rows(theirs, COUNTER)] == ["real"]
        assert [found["name"] for found in _rows(ours, COUNTER)] == ["real"]

    def test_shows_nothing_of_tenants_outside_one_and_no_control_data_inside(self, store, ours):
        store.create_key("ours", "ann", [])
        with ours.begin() as tx:
            tx.execute(insert(COUNTER), {"name": "real", "generation": 1, "version": 1, "recipe": ""})
            for table in ("tenants", "api_keys"):
                assert tx.scalar(text(f"SELECT count(*) FROM {table}")) == 0
        with store._database.read() as tx:
            assert tx.scalar(select(func.count()).select_from(COUNTER)) == 0
            assert tx.scalar(text("SELECT count(*) FROM tenants")) == 1
        with pytest.raises(DBAPIError, match=r"row-level security|null value"), store._database.write() as tx:
            tx.execute(insert(COUNTER), {"name": "nobody's", "generation": 1, "version": 1, "recipe": ""})

    def test_nothing_stays_with_a_pooled_connection(self, store, ours):
        with ours.begin() as tx:
            tx.execute(insert(COUNTER), {"name": "real", "generation": 1, "version": 1, "recipe": ""})
            backend = tx.scalar(text("SELECT pg_backend_pid()"))
        with store._database._engine.connect() as connection:
            assert connection.scalar(text("SELECT pg_backend_pid()")) == backend
            assert connection.scalar(text("SELECT current_user")) != ROLE
            assert connection.scalar(text("SELECT aver_tenant()")) is None

    def test_the_owner_of_the_tables_is_bound_too(self, store, ours, theirs, database_url):
        with theirs.begin() as tx:
            tx.execute(insert(COUNTER), {"name": "real", "generation": 1, "version": 1, "recipe": ""})
        if "landlord" not in database_url:
            return  # a superuser is bound by nothing
        with ours.begin() as tx:
            tx.execute(text("RESET ROLE"))
            assert tx.scalar(text("SELECT current_user")) == "landlord"
            assert tx.scalar(select(func.count()).select_from(COUNTER)) == 0

    def test_every_table_is_forced_and_the_role_owns_nothing(self, store):
        with store._database._owner.connect() as connection:
            tables = connection.execute(
                text(
                    "SELECT relname, relrowsecurity AND relforcerowsecurity AS forced, relowner::regrole::text AS owner "
                    "FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema::regnamespace"
                )
            ).all()
            owned = connection.scalar(
                text("SELECT count(*) FROM pg_shdepend WHERE refobjid = :role ::regrole AND deptype = 'o'"),
                {"role": ROLE},
            )
            role = (
                connection.execute(text("SELECT * FROM pg_roles WHERE rolname = :role"), {"role": ROLE})
                .mappings()
                .one()
            )
        assert {found.relname for found in tables if found.forced} == {
            *(table.name for table in TENANT_TABLES),
            *(table.name for table in control_metadata.sorted_tables),
        }
        assert {found.relname for found in tables if not found.forced} == {
            "aver_control_version",
            "aver_tenant_version",
        }
        assert owned == 0
        assert not any(
            role[name] for name in ("rolsuper", "rolbypassrls", "rolcanlogin", "rolcreaterole", "rolcreatedb")
        )
