"""The tables of the pgvector engine: made at first use, by the owner, because an installation without pgvector has none."""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from aver.core.errors import Unavailable
from aver.store.isolation import isolate_tenant_table
from aver.store.postgres import PostgresTenantStore

__all__ = ["PASSAGES", "STATE", "WORDS", "hnsw_name", "make_tables", "prepare"]

PASSAGES, WORDS, STATE = "index_passages", "index_words", "index_generations"
_NUMBER = int.from_bytes(sha256(b"aver index tables").digest()[:8], "big", signed=True)
_OWN = 'tenant text COLLATE "C" NOT NULL DEFAULT aver_tenant(), generation integer NOT NULL'
_LIFE = "born bigint NOT NULL, died bigint"
_STATEMENTS = f"""
CREATE TABLE {STATE} (
    {_OWN}, number bigint NOT NULL, floor bigint NOT NULL, ids integer NOT NULL,
    PRIMARY KEY (tenant, generation)
);
CREATE TABLE {PASSAGES} (
    {_OWN}, id integer NOT NULL, acl integer NOT NULL, document text COLLATE "C" NOT NULL, {_LIFE},
    embedding halfvec NOT NULL, passage bytea NOT NULL,
    PRIMARY KEY (tenant, generation, id)
);
CREATE TABLE {WORDS} (
    {_OWN}, term text COLLATE "C" NOT NULL, acl integer NOT NULL, {_LIFE},
    ids bytea NOT NULL, weights bytea NOT NULL
);
CREATE INDEX ix_{PASSAGES}_acl ON {PASSAGES} (tenant, generation, acl);
CREATE INDEX ix_{PASSAGES}_document ON {PASSAGES} (tenant, generation, document);
CREATE INDEX ix_{PASSAGES}_born ON {PASSAGES} (tenant, generation, born);
CREATE INDEX ix_{PASSAGES}_died ON {PASSAGES} (tenant, generation, died) WHERE died IS NOT NULL;
CREATE INDEX ix_{WORDS}_term ON {WORDS} (tenant, generation, term, acl);
CREATE INDEX ix_{WORDS}_born ON {WORDS} (tenant, generation, born);
CREATE INDEX ix_{WORDS}_died ON {WORDS} (tenant, generation, died) WHERE died IS NOT NULL;
-- Vectors stay in the row, where a scan reads them; the packed passage, the larger of the two, is kept beside it.
ALTER TABLE {PASSAGES} ALTER COLUMN passage SET STORAGE EXTERNAL;
"""


def hnsw_name(tenant: str, generation: int) -> str:
    """The name of the graph over one generation of one tenant: of our making, and within what Postgres takes."""
    return f"ix_hnsw_{sha256(tenant.encode()).hexdigest()[:24]}_{generation}"


def prepare(store: PostgresTenantStore) -> None:
    """See that extension and tables are there; raises as :func:`make_tables`."""
    with store.owner() as owner:
        if owner.scalar(text("SELECT to_regclass(:name) IS NOT NULL"), {"name": STATE}):
            return
    with store.owner(autocommit=False) as owner:
        owner.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _NUMBER})
        make_tables(owner)


def make_tables(owner: Connection) -> None:
    """Within the transaction of whoever owns the database, make extension and tables unless they are there; :class:`Unavailable` when the server lacks pgvector or may not
    install it."""
    if owner.scalar(text("SELECT to_regclass(:name) IS NOT NULL"), {"name": STATE}):
        return
    try:
        owner.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
        version = owner.scalar(text("SELECT extversion FROM pg_extension WHERE extname = 'vector'"))
    except DBAPIError as error:
        raise Unavailable(
            f"The database has no pgvector, and it cannot be installed ({' '.join(str(error.orig).split())})",
            "Have an administrator run: CREATE EXTENSION vector; or set AVER_INDEX_ENGINE=lancedb.",
        ) from error
    if tuple(map(int, str(version).split(".")[:2])) < (0, 8):
        raise Unavailable(f"pgvector {version} is older than 0.8, which scans on past what is hidden", "Update it.")
    owner.exec_driver_sql(_STATEMENTS)
    for table in (PASSAGES, WORDS, STATE):
        isolate_tenant_table(owner, table)
