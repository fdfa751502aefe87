"""What a query may give, and what it may not."""

import sqlite3

import pytest

from aver.core.clock import SystemClock
from aver.core.errors import InvalidInput, TooLarge, Unavailable
from aver.knowledge.listing import listed
from aver.knowledge.sources import sql
from aver.knowledge.sources.sql import Options, SqlSource
from aver.knowledge.sources.types import Reach

COUNTING = "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id, 'A row.' AS text FROM n"


@pytest.fixture
def source(tmp_path):
    file = tmp_path / "desk.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE notes (id TEXT, text TEXT)")
    connection.close()

    def opened(query):
        reach = Reach(lambda _: f"sqlite:///{file}", SystemClock(), tmp_path, 2**20)
        return SqlSource("desk", Options("env:URL", query), reach)

    return opened


@pytest.mark.parametrize(("bound", "most"), [("_MOST_ROWS", 3000), ("_MOST_BYTES", 30_000)])
def test_a_query_that_never_ends_is_left(source, monkeypatch, bound, most):
    monkeypatch.setattr(sql, bound, most)
    with pytest.raises(TooLarge, match="The query of desk gives more than"):
        listed(source(COUNTING), "")


@pytest.mark.parametrize(
    ("query", "error", "said"),
    [
        ("SELECT 1 AS text", InvalidInput, "no id"),
        ("SELECT 'a' AS id, 'x' AS text UNION ALL SELECT 'a', 'y'", InvalidInput, "'a' twice"),
        ("SELECT nothing FROM nowhere", Unavailable, "cannot be asked"),
        ("WITH gone AS (SELECT 1) DELETE FROM notes", Unavailable, "cannot be asked"),
        ("SELECT CAST(x'ff' AS TEXT) AS id", Unavailable, "cannot be"),
    ],
)
def test_what_is_no_listing_is_an_error(source, query, error, said):
    with pytest.raises(error, match=said):
        listed(source(query), "")


def test_ids_that_lead_astray_are_escaped(source):
    ids = ("../../etc/passwd", "a\x00b", "\u202efdp", "..", "раy", "pay")
    query = " UNION ALL ".join(f"SELECT CAST(x'{each.encode().hex()}' AS TEXT) AS id, 'Row.' AS text" for each in ids)
    found = listed(source(query), "")
    assert len(found.items) == len(ids)
    assert not found.refused
    assert all(item.path.isascii() and "/" not in item.path for item in found.items)
    (refused,) = listed(source(f"SELECT '{'x' * 10_000}' AS id, 'Row.' AS text"), "").refused
    assert "characters" in refused.error
