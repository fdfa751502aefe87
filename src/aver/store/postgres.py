"""Postgres: all tenants in one database, each seen through row-level security alone.

The connected user (an owner, or a superuser) migrates. Everything after that runs as :data:`~aver.store.isolation.ROLE`,
which each transaction takes on together with its tenant, so a pooled connection carries nothing from one to the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, ProgrammingError

from aver.core.errors import MissingExtra, SettingsError, Unavailable
from aver.store.commits import telling
from aver.store.control import api_keys, people, people_claims, people_members, people_roles, sessions
from aver.store.faults import LOCK_SECONDS, translated
from aver.store.files import TenantFiles, held
from aver.store.isolation import ROLE
from aver.store.migration import migrate
from aver.store.schema import tenant_metadata
from aver.store.types import Tenant

__all__ = ["PostgresDatabase", "PostgresTenantStore", "entered", "lock_number", "psycopg_url"]

_CONNECT_SECONDS = 10
"""How long to wait for a server that does not answer, unless the URL says otherwise."""

# One round trip: the role, the tenant, how long to wait for a lock; for a writer also its turn.
_ENTER = (
    f"SELECT set_config('role', '{ROLE}', true), set_config('aver.tenant', :tenant, true), "
    f"set_config('lock_timeout', '{LOCK_SECONDS}s', true)"
)
_READ = text(_ENTER)
_WRITE = text(f"{_ENTER}, pg_advisory_xact_lock(:turn)")


class _Session:
    """Transactions of one tenant, or over the control tables when ``tenant`` is empty."""

    def __init__(self, engine: Engine, tenant: str = "") -> None:
        self._engine = engine
        self._tenant = tenant

    @contextmanager
    def write(self) -> Iterator[Connection]:
        # READ COMMITTED: what the statement that waits its turn sees must not be what the ones after it see.
        with self._transaction(isolation_level="READ COMMITTED") as connection:
            connection.execute(_WRITE, {"tenant": self._tenant, "turn": lock_number("writer", self._tenant)})
            yield connection

    @contextmanager
    def write_beside(self) -> Iterator[Connection]:
        with self._transaction(isolation_level="READ COMMITTED") as connection:
            connection.execute(_READ, {"tenant": self._tenant})
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._transaction(isolation_level="REPEATABLE READ", postgresql_readonly=True) as connection:
            connection.execute(_READ, {"tenant": self._tenant})
            yield connection

    @contextmanager
    def _transaction(self, **options: object) -> Iterator[Connection]:
        with translated(), self._engine.connect() as connection:
            connection.execution_options(**options)
            with telling(connection), connection.begin():
                yield connection


class PostgresTenantStore(TenantFiles):
    """A tenant's rows in the shared database; its index and its keys in its own directory."""

    def __init__(self, tenant: Tenant, directory: Path, engine: Engine, owner: Engine) -> None:
        super().__init__(tenant, directory)
        self._session = _Session(engine, tenant.id)
        self._owner = owner

    def begin(self) -> AbstractContextManager[Connection]:
        return self._session.write()

    def read(self) -> AbstractContextManager[Connection]:
        return self._session.read()

    def begin_beside(self) -> AbstractContextManager[Connection]:
        """As :meth:`begin` without waiting for the tenant's writer: for derived tables, whose writers have a lock of their own."""
        return self._session.write_beside()

    @contextmanager
    def owner(self, *, autocommit: bool = True) -> Iterator[Connection]:
        """A connection of the tables' owner, to make and maintain derived ones: it shows no rows of any tenant."""
        with translated(), self._owner.connect() as connection:
            if autocommit:
                yield connection.execution_options(isolation_level="AUTOCOMMIT")
            else:
                with connection.begin():
                    yield connection

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        number = {"number": lock_number("lock", self.tenant.id, name)}
        # A connection of its own: closing it lets the lock go, whatever happened meanwhile.
        with translated(), _autocommit(self._owner) as connection:
            if not connection.scalar(text("SELECT pg_try_advisory_lock(:number)"), number):
                raise held(name)
            yield
            if not connection.scalar(text("SELECT pg_advisory_unlock(:number)"), number):
                raise Unavailable(f"The lock {name!r} was lost while it was held", "Run the operation again.")

    def scrub(self) -> None:
        """Rewrite every tenant table without its deleted rows; each is locked for all tenants meanwhile.

        Limits: rows that an open transaction may still see stay, and the write-ahead log, its archives, replicas and
        backups keep what they hold until they are recycled.
        """
        _vacuum(self._owner, *tenant_metadata.tables)

    def problem(self) -> str:
        """Nothing: a server that is gone is told by whatever is asked of it."""
        return ""

    def recover(self) -> bool:
        """Never: what a server loses it has to restore by itself."""
        return False


class PostgresDatabase:
    """The database of an installation, migrated and ready."""

    def __init__(self, database_url: str) -> None:
        url = psycopg_url(database_url)
        self._owner = create_engine(url, poolclass=NullPool)
        self._engine = create_engine(url, pool_size=8, max_overflow=32, pool_timeout=LOCK_SECONDS, pool_pre_ping=True)
        self._control = _Session(self._engine)
        with translated(), self._owner.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": lock_number("migration")})
            _ensure_role(connection)
            migrate(connection, "control")
            migrate(connection, "tenant")

    def write(self) -> AbstractContextManager[Connection]:
        return self._control.write()

    def read(self) -> AbstractContextManager[Connection]:
        return self._control.read()

    def prepare(self, directory: Path) -> None:
        """The tenant's tables are there already."""

    def enter(self, tenant: Tenant, directory: Path) -> PostgresTenantStore:
        return PostgresTenantStore(tenant, directory, self._engine, self._owner)

    def scrub(self) -> None:
        """As :meth:`PostgresTenantStore.scrub`, for people, their API keys and their sessions."""
        named = (api_keys, people, people_claims, people_members, people_roles, sessions)
        _vacuum(self._owner, *(table.name for table in named))

    def problem(self) -> str:
        """As :meth:`PostgresTenantStore.problem`."""
        return ""

    def recover(self) -> bool:
        """As :meth:`PostgresTenantStore.recover`."""
        return False

    def close(self) -> None:
        self._engine.dispose()
        self._owner.dispose()


def entered(connection: Connection, tenant: str) -> None:
    """Within a transaction, see what the tenant with this id may, or the control tables where it is empty."""
    connection.execute(_READ, {"tenant": tenant})


def psycopg_url(database_url: str | URL) -> URL:
    """The address for the driver. Raises :class:`~aver.core.errors.MissingExtra` without it, and :class:`~aver.core.errors.SettingsError` for what is no Postgres."""
    try:
        import psycopg  # noqa: F401 - only whether it is there
    except ImportError:
        raise MissingExtra("psycopg", "postgres") from None
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError):
        url = URL.create("unreadable")
    if url.drivername.partition("+")[0] not in ("postgres", "postgresql"):
        raise SettingsError(
            "The database URL is not one of Postgres", "Write postgresql://USER:PASSWORD@HOST/DATABASE."
        )
    if "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": str(_CONNECT_SECONDS)})
    return url.set(drivername="postgresql+psycopg")


def _ensure_role(connection: Connection) -> None:
    """Create the role if the server lacks it, and see that the connected user can take it on.

    Roles belong to the whole server, so another database of it may be creating this one at the same moment.
    """
    create = f"CREATE ROLE {ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOINHERIT"
    try:
        connection.exec_driver_sql(
            f"DO $$ BEGIN IF to_regrole('{ROLE}') IS NULL THEN {create}; END IF; "
            "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
        if not _may_take_on_role(connection):
            connection.exec_driver_sql(f"GRANT {ROLE} TO CURRENT_USER")
    except ProgrammingError as error:
        raise Unavailable(
            f"The database user may not set up the role {ROLE} ({' '.join(str(error.orig).split())})",
            f"Run as an administrator: CREATE ROLE {ROLE} NOLOGIN; GRANT {ROLE} TO the user of AVER_DATABASE_URL.",
        ) from error
    if connection.scalar(
        text("SELECT rolsuper OR rolbypassrls OR rolcanlogin FROM pg_roles WHERE rolname = :role"), {"role": ROLE}
    ):
        raise Unavailable(
            f"The role {ROLE} could get around row-level security",
            f"ALTER ROLE {ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS.",
        )


def _may_take_on_role(connection: Connection) -> bool:
    # Since Postgres 16 the creator of a role administers it but does not take it on.
    version = connection.dialect.server_version_info or (0,)
    privilege = "SET" if version >= (16,) else "MEMBER"
    return bool(connection.scalar(text(f"SELECT pg_has_role('{ROLE}', '{privilege}')")))


@contextmanager
def _autocommit(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


def _vacuum(owner: Engine, *tables: str) -> None:
    with translated(), _autocommit(owner) as connection:
        connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_SECONDS}s'")
        for table in tables:
            connection.exec_driver_sql(f"VACUUM (FULL) {table}")


def lock_number(*words: str) -> int:
    """A number for a name: advisory locks are 64-bit integers, shared by everyone in the database."""
    digest = sha256("\0".join(("aver", *words)).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
