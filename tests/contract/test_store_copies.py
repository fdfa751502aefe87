"""A copy of a Postgres database has every row of every tenant, is nobody else's, and is gone afterwards."""

from contextlib import closing

import psycopg
import pytest
from sqlalchemy import make_url, text

from aver.core.errors import Forbidden, Unavailable
from aver.core.principal import Principal
from aver.core.settings import Settings
from aver.knowledge.adapters.pgvector_schema import make_tables
from aver.store import Store
from aver.store.copying import DatabaseCopies
from tests.servers import fill, open_application


@pytest.fixture(scope="module")
def installation(postgres, tmp_path_factory):
    """Two tenants with documents, their index in Postgres too."""
    folder = tmp_path_factory.mktemp("copied")
    with postgres.database() as url:
        settings = Settings(data=folder / "data", database_url=url, index_engine="pgvector")
        application = open_application(settings)
        fill(application, folder / "one", "acme")
        fill(application, folder / "other", "northwind")
        application.create_key("acme", "ann", (), ["owner"])
        yield application
        application.close()


def databases(postgres) -> set[str]:
    with psycopg.connect(postgres.url) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database")}


def found(settings, tenant: str) -> tuple[int, bool, list[str]]:
    """How long a tenant's chain is, whether it verifies, and what is found there."""
    application = open_application(settings)
    try:
        services = application.tenant(tenant)
        hits = services.knowledge.search(Principal(services.store.tenant.id, "ann"), "unused leave", 3)
        return services.ledger.head().seq, services.ledger.verify().ok, [hit.passage for hit in hits]
    finally:
        application.close()


def test_a_copy_has_what_every_tenant_has_and_the_original_nothing_of_it(installation, postgres):
    original = installation.settings
    before = databases(postgres)
    with closing(DatabaseCopies(original.database_url)) as copies:
        url = copies.copy([make_tables])
        again = copies.again(url)
        copied = Settings(data=original.data, database_url=again, index_engine="pgvector")
        for tenant in ("acme", "northwind"):
            assert found(copied, tenant) == found(original, tenant)
            assert found(copied, tenant)[2]
        with closing(Store(original.data, again)) as store:
            assert [each.name for each in store.tenants()] == ["acme", "northwind"]
            with store.tenant("acme").begin() as tx:
                tx.execute(text("DELETE FROM documents"))
            with store.tenant("northwind").read() as tx:
                assert tx.scalar(text("SELECT count(*) FROM documents"))  # row-level security is in force again
        with installation.tenant("acme").store.read() as tx:
            assert tx.scalar(text("SELECT count(*) FROM documents"))
        copies.drop(again)
        assert len(databases(postgres) - before) == 1
    assert databases(postgres) == before


def test_a_copy_of_nothing_is_an_installation_without_tenants(postgres, tmp_path):
    with (
        postgres.database() as url,
        closing(DatabaseCopies(url)) as copies,
        closing(Store(tmp_path, copies.copy())) as store,
    ):
        assert not store.tenants()


def test_a_copy_that_is_closed_off_lets_nobody_in_until_it_is_opened_again(installation):
    original = installation.settings
    with closing(DatabaseCopies(original.database_url)) as copies:
        url = copies.copy()
        with closing(Store(original.data, url)) as store:
            assert store.tenants()
            copies.close_off(url)
            with pytest.raises(Unavailable, match="cannot be reached"):
                store.tenants()
            assert installation.store.tenants()
            copies.open_again(url)
            assert store.tenants()


def test_what_a_process_left_that_is_gone_is_dropped_by_the_next(installation, postgres):
    url, before = installation.settings.database_url, databases(postgres)
    with closing(DatabaseCopies(url)) as living:
        own = str(make_url(living.copy()).database)
        family = own.split("_")[2]
        abandoned, others = (f"aver_copy_{whose}_0123456789ab_0_ffff" for whose in (family, "0" * 8))
        for name in (abandoned, others):
            postgres.execute(f"CREATE DATABASE {name}")
        DatabaseCopies(url).close()
        assert databases(postgres) - before == {
            own,
            others,
        }  # what is somebody's stays, and what is another installation's
        postgres.execute(f"DROP DATABASE {others}")
    assert databases(postgres) == before


def test_a_user_who_may_make_no_databases_is_told_what_to_do(postgres, tmp_path):
    postgres.execute("CREATE ROLE plain LOGIN")
    postgres.execute("GRANT aver_app TO plain")
    with postgres.database("plain") as url:
        Store(tmp_path, url).close()
        with closing(DatabaseCopies(url)) as copies, pytest.raises(Forbidden, match="ALTER ROLE plain CREATEDB"):
            copies.copy()
        postgres.execute("ALTER ROLE plain CREATEDB")
        with closing(Store(tmp_path, url)) as store:
            store.create_tenant("acme")
        with closing(DatabaseCopies(url)) as copies, closing(Store(tmp_path, copies.copy())) as store:
            assert [each.name for each in store.tenants()] == ["acme"]
    postgres.execute("DROP ROLE plain")
