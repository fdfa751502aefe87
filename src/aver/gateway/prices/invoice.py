"""A provider's invoice or usage export, read from CSV however it was saved."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial

from aver.core.errors import InvalidInput
from aver.gateway.prices.amounts import amount, whole

__all__ = ["Columns", "InvoiceLine", "read_invoice", "recognised"]

_NANOS = 10**9
_LONGEST = 64 * 1024 * 1024
_SEPARATORS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column holds what; several are added up. ``period`` is a date, ``scale`` what an amount is multiplied by for dollars."""

    period: str
    model: str
    amount: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    only: tuple[str, str] | None = None
    """Rows count only where this column contains this word."""
    scale: str = "1"
    decimal_comma: bool | None = None
    """Whether ``1.234,50`` is meant; ``None`` is told from each number, and one that could be either is an error. A point alone marks
    decimals."""


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    line: int
    """In the file, from 1."""
    day: date
    model: str
    nano_usd: int | None
    """``None`` in an export of usage alone."""
    tokens: int


# By the columns that tell an export from others, as the providers document them:
# https://platform.openai.com/docs/api-reference/usage, https://platform.claude.com/docs/en/api/admin-api/usage-cost/get-cost-report,
# https://docs.aws.amazon.com/cur/latest/userguide/Lineitem-columns.html and .../table-dictionary-cur2-line-item.html
_KNOWN = (
    Columns("start_time", "model", (), ("input_tokens", "output_tokens")),
    Columns("start_time_iso", "model", (), ("input_tokens", "output_tokens")),
    Columns("start_time", "line_item", ("amount_value",)),
    Columns("start_time_iso", "line_item", ("amount_value",)),
    Columns("usage_date_utc", "model", ("cost_usd",)),
    Columns(
        "usage_date_utc",
        "model_version",
        (),
        (
            "usage_input_tokens_no_cache",
            "usage_input_tokens_cache_write_5m",
            "usage_input_tokens_cache_write_1h",
            "usage_input_tokens_cache_read",
            "usage_output_tokens",
        ),
    ),
    Columns(
        "lineItem/UsageStartDate",
        "lineItem/UsageType",
        ("lineItem/UnblendedCost",),
        (),
        ("lineItem/ProductCode", "Bedrock"),
    ),
    Columns(
        "line_item_usage_start_date",
        "line_item_usage_type",
        ("line_item_unblended_cost",),
        (),
        ("line_item_product_code", "Bedrock"),
    ),
)


def recognised(header: list[str]) -> Columns | None:
    """The columns of a known export, by its header; the one that fits most of it."""
    present = {name.strip().casefold() for name in header}
    fitting = [known for known in _KNOWN if present.issuperset(name.casefold() for name in _names(known))]
    return max(fitting, key=lambda known: len(_names(known)), default=None)


def read_invoice(data: bytes, name: str, columns: Columns | None = None) -> list[InvoiceLine]:
    """The lines of a CSV file called ``name`` in errors: UTF-8, UTF-16 or Windows-1252, separated by commas, semicolons, tabs or bars.
    Empty rows are passed over.

    Raises :class:`~aver.core.errors.InvalidInput` naming ``FILE:LINE`` for anything that cannot be read with certainty: no amount is
    guessed.
    """
    if len(data) > _LONGEST:
        raise InvalidInput(f"{name} has more than {_LONGEST >> 20} MiB", "Split it by month.")
    text = _text(data, name)
    separator = max(_SEPARATORS, key=text.lstrip().partition("\n")[0].count)
    rows = _rows(text, separator, name)
    first = next(rows, None)
    if first is None:
        raise InvalidInput(f"{name}:1: the file is empty", "Export it again.")
    _, header = first
    columns = columns or recognised(header)
    if columns is None:
        raise InvalidInput(
            f"{name}:1: this is no export known here (its columns are {', '.join(header)[:200]})",
            "Say which columns hold the date, the model and the amount.",
        )
    places = {word.strip().casefold(): place for place, word in reversed(list(enumerate(header)))}
    missing = [word for word in _names(columns) if word.casefold() not in places]
    if missing:
        raise InvalidInput(f"{name}:1: there is no column {missing[0]!r}", "Correct the mapping of columns.")
    read = partial(amount, decimal_comma=columns.decimal_comma, commas_likely=separator == ";")
    lines = (_line(name, number, row, columns, places, read) for number, row in rows)
    return [line for line in lines if line is not None]


def _names(columns: Columns) -> list[str]:
    only = [columns.only[0]] if columns.only else []
    return [columns.period, columns.model, *columns.amount, *columns.tokens, *only]


def _text(data: bytes, name: str) -> str:
    encodings = ["utf-16"] if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise InvalidInput(f"{name}:1: the file is no text", "Save it as CSV in UTF-8.")


def _rows(text: str, separator: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that hold something, with their line numbers."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise InvalidInput(
                f"{name}:{max(1, reader.line_num)}: not valid CSV ({error})", "Export it again."
            ) from None
        if row is None:
            return
        if any(field.strip() for field in row):
            yield reader.line_num, row


def _line(
    name: str,
    number: int,
    row: list[str],
    columns: Columns,
    places: Mapping[str, int],
    read: Callable[[str], Decimal],
) -> InvoiceLine | None:
    def field(column: str) -> str:
        place = places[column.casefold()]
        if place >= len(row):
            raise InvalidInput(f"{name}:{number}: the row ends before {column!r}", "Export the file again.")
        return row[place].strip()

    try:
        if columns.only and columns.only[1].casefold() not in field(columns.only[0]).casefold():
            return None
        dollars = sum((read(field(column)) for column in columns.amount), Decimal(0))
        dollars *= Decimal(columns.scale)
        tokens = sum(whole(field(column)) for column in columns.tokens)
        nanos = int((dollars * _NANOS).to_integral_value()) if columns.amount else None
        model = field(columns.model).partition(",")[0].strip()  # "gpt-4o-2024-08-06, input"
        return InvoiceLine(number, _day(field(columns.period)), model, nanos, tokens)
    except ValueError as error:
        raise InvalidInput(f"{name}:{number}: {error}", "Correct the row, or the mapping of columns.") from None


def _day(text: str) -> date:
    """A date or time of ISO 8601, or Unix seconds, as the day of UTC."""
    if text.isascii() and text.isdecimal() and len(text) in (9, 10):
        return datetime.fromtimestamp(int(text), UTC).date()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a date such as 2026-01-31") from None
    return (moment if moment.tzinfo is None else moment.astimezone(UTC)).date()
