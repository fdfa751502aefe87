"""The rows of a query as documents: one a row.

The query gives a column ``id``, and one called ``text`` or several that are shown as ``name: value`` lines; ``title``, ``uri``,
``revision`` and ``readers`` (reader tokens joined by spaces) are understood where they are there. It runs in a transaction that may only
read. Deletions are seen because every listing runs the whole query.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from aver.core.canonical import sha256_hex
from aver.core.errors import InvalidInput, MissingExtra, NotFound, SettingsError, TooLarge, Unavailable
from aver.core.yaml import YamlValue
from aver.gateway.config.shapes import Field, Schema, Text
from aver.gateway.config.words import CREDENTIAL
from aver.knowledge.sources.rendering import fields as rendered_fields
from aver.knowledge.sources.rendering import page as rendered_page
from aver.knowledge.sources.types import Kind, Reach
from aver.knowledge.types import Page, SourceItem

__all__ = ["KIND", "SqlSource"]

_ROWS_A_PAGE = 1000
_MOST_ROWS, _MOST_BYTES = 1_000_000, 2**30
"""Of one query, whose rows are held until they are fetched: one may never end."""
_LONGEST = 20_000
_KNOWN = ("id", "text", "title", "uri", "revision", "readers")


class _Query:
    """The shape of a query, which may have several lines."""

    def read(self, value: YamlValue) -> str:
        query = value.text().strip()
        if len(query) > _LONGEST or not query.lower().startswith(("select", "with")):
            raise value.error("the query does not select anything", "Begin it with SELECT or WITH.")
        return query

    def write(self, value: str) -> str:
        return value

    def schema(self) -> Schema:
        return {"type": "string", "maxLength": _LONGEST}


@dataclass(frozen=True, slots=True)
class Options:
    """``database`` is a reference to the secret that holds the database's URL."""

    database: str
    query: str
    uri: str = ""


@dataclass
class SqlSource:
    name: str
    options: Options
    reach: Reach
    _contents: dict[str, bytes] = field(default_factory=dict)
    """What the last listing saw: a row is fetched as it was listed."""

    def pages(self, cursor: str) -> Iterator[Page]:  # noqa: ARG002 - a query keeps no record of changes
        """Every row. Raises :class:`~aver.core.errors.Unavailable` where the database cannot be asked,
        :class:`~aver.core.errors.InvalidInput` for a query without ids, or with one twice, and
        :class:`~aver.core.errors.TooLarge` for more than a million rows or a gigabyte."""
        self._contents, size = {}, 0
        engine = self._engine()
        try:
            with engine.connect() as connection:
                _only_read(connection)
                rows = connection.execution_options(yield_per=_ROWS_A_PAGE).execute(text(self.options.query)).mappings()
                for some in rows.partitions(_ROWS_A_PAGE):
                    page = Page(tuple(self._item(dict(row)) for row in some))
                    size += sum(item.size for item in page.items)
                    if len(self._contents) > _MOST_ROWS or size > _MOST_BYTES:
                        said = f"The query of {self.name} gives more than {_MOST_ROWS:,} rows or {_MOST_BYTES / 2**30:g} GB"
                        raise TooLarge(said, "Select less of it, or divide it into several sources.")
                    yield page
        except SQLAlchemyError as error:
            said = str(getattr(error, "orig", None) or error).splitlines()[0][:200]
            raise Unavailable(
                f"The database of {self.name} cannot be asked: {said}", "Check its address, its state and the query."
            ) from None
        finally:
            engine.dispose()

    def fetch(self, item: SourceItem) -> bytes:
        content = self._contents.get(item.path)
        if content is None:
            raise NotFound("The row was not there when the query ran", "Follow the source again.")
        if len(content) > self.reach.max_bytes:
            raise TooLarge(f"The row is larger than {self.reach.max_bytes / 2**20:g} MB", "Select less of it.")
        return content

    def _engine(self) -> Engine:
        try:
            url = make_url(self.reach.secret(self.options.database))
            if url.drivername == "postgresql":
                url = url.set(drivername="postgresql+psycopg")
            return create_engine(url)
        except (ArgumentError, NoSuchModuleError):
            raise SettingsError(
                f"What {self.options.database} names is no database URL", "Write postgresql://USER:PASSWORD@HOST/NAME."
            ) from None
        except ModuleNotFoundError as error:
            raise MissingExtra(str(error.name), "postgres") from error

    def _item(self, row: dict[str, Any]) -> SourceItem:
        row = {str(name).lower(): value for name, value in row.items()}
        if row.get("id") in (None, ""):
            raise InvalidInput(f"A row of {self.name} has no id", "Select a column as id, never empty.")
        path = f"{quote(str(row['id']), safe='')}.md"
        if path in self._contents:
            raise InvalidInput(f"{self.name} has the id {str(row['id'])[:60]!r} twice", "Select each row once.")
        content = self._contents[path] = _rendered(row).encode()
        uri = str(row.get("uri") or self.options.uri.replace("{id}", quote(str(row["id"]), safe="")) or f"sql:{path}")
        readers = None if "readers" not in row else tuple(str(row["readers"] or "").split())
        return SourceItem(path, uri, len(content), str(row.get("revision") or sha256_hex(content)), readers)


def _rendered(row: dict[str, Any]) -> str:
    others = {name: value for name, value in row.items() if name not in _KNOWN and value is not None}
    return rendered_page(str(row.get("title") or row["id"]), str(row.get("text") or ""), rendered_fields(others))


def _only_read(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA query_only = ON")
    elif connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")


KIND = Kind(
    "sql",
    "The rows of a query, one document a row.",
    {
        "database": Field(CREDENTIAL, "Where the database's URL is kept, such as env:CRM_DATABASE_URL.", required=True),
        "query": Field(_Query(), "Gives id, text, and maybe title, uri, revision, readers.", required=True),
        "uri": Field(Text(), "Where a person opens a row, with {id} in it."),
    },
    Options,
    SqlSource,
)
