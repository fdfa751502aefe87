from sqlalchemy import Column, Integer, String, Text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateTable

from aver.store import tenant_metadata, tenant_table


def test_a_tenant_table_ends_its_key_with_the_tenant_and_sorts_text_by_code_point():
    table = tenant_table(
        "example",
        Column("id", String, primary_key=True),
        Column("words", Text, nullable=False),
        Column("number", Integer),
    )
    try:
        assert [column.name for column in table.primary_key] == ["id", "tenant"]
        on_postgres = str(CreateTable(table).compile(dialect=postgresql.dialect()))
        assert on_postgres.count('COLLATE "C"') == 3
        assert "COLLATE" not in str(CreateTable(table).compile(dialect=sqlite.dialect()))
    finally:
        tenant_metadata.remove(table)
