"""A provider's invoice or usage export, read from CSV however it was saved."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from aver.core.errors import InvalidInput

__all__ = ["Columns", "InvoiceLine", "read_invoice", "recognised"]

_NANOS = 10**9
_MOST = Decimal(10**12)
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
    """Whether ``1.234,50`` is meant; ``None`` is told from each number, and one that could be either is an error."""


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
    rows = _rows(_text(data, name), name)
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
    return [line for number, row in rows if (line := _line(name, number, row, columns, places)) is not None]


def _names(columns: Columns) -> list[str]:
    only = [columns.only[0]] if columns.only else []
    return [columns.period, columns.model, *columns.amount, *columns.tokens, *only]


def _text(data: bytes, name: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise InvalidInput(f"{name}:1: the file is no text", "Save it as CSV in UTF-8.")


def _rows(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that hold something, with their line numbers."""
    head = text.lstrip().partition("\n")[0]
    separator = max(_SEPARATORS, key=head.count)
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


def _line(name: str, number: int, row: list[str], columns: Columns, places: Mapping[str, int]) -> InvoiceLine | None:
    def field(column: str) -> str:
        place = places[column.casefold()]
        if place >= len(row):
            raise InvalidInput(f"{name}:{number}: the row ends before {column!r}", "Export the file again.")
        return row[place].strip()

    try:
        if columns.only and columns.only[1].casefold() not in field(columns.only[0]).casefold():
            return None
        amounts = [_number(field(column), columns.decimal_comma) for column in columns.amount]
        dollars = sum(amounts, Decimal(0)) * Decimal(columns.scale)
        tokens = sum((_number(field(column), columns.decimal_comma) for column in columns.tokens), Decimal(0))
        if tokens != tokens.to_integral_value():
            raise ValueError(f"{tokens} is no whole number of tokens")
        nanos = int((dollars * _NANOS).to_integral_value()) if columns.amount else None
        return InvoiceLine(number, _day(field(columns.period)), field(columns.model), nanos, int(tokens))
    except (ValueError, InvalidOperation) as error:
        raise InvalidInput(f"{name}:{number}: {error}", "Correct the row, or the mapping of columns.") from None


_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")


def _number(text: str, decimal_comma: bool | None) -> Decimal:
    """``$1,234.50``, ``1.234,50``, ``1 234,50``, ``(3.00)``, ``-3``, ``1E-7``; empty is zero. ``ValueError`` says what is wrong."""
    bare = re.sub(r"[\s\u00a0\u202f'’_$]|USD", "", text)
    if not bare or bare == "-":
        return Decimal(0)
    negative = bare.startswith("-") or (bare.startswith("(") and bare.endswith(")"))
    bare = bare.strip("()").lstrip("+-")
    digits, _, exponent = bare.upper().partition("E")
    if not digits.isascii() or not _DIGITS.fullmatch(digits) or not re.fullmatch(r"([+-]?\d{1,2})?", exponent):
        raise ValueError(f"{text[:40]!r} is not a number")
    point = _point(digits, decimal_comma, text)
    other = "," if point == "." else "."
    number = Decimal(digits.replace(other, "").replace(point, ".") + (f"E{exponent}" if exponent else ""))
    if number > _MOST:
        raise ValueError(f"{text[:40]!r} is too large")
    return -number if negative else number


def _point(digits: str, decimal_comma: bool | None, text: str) -> str:
    """Which of the two separators is the decimal one."""
    if decimal_comma is not None:
        point = "," if decimal_comma else "."
    elif "." in digits and "," in digits:
        point = max(".,", key=digits.rfind)
    else:
        mark = "," if "," in digits else "."
        groups = digits.split(mark)
        grouped = all(len(group) == 3 for group in groups[1:]) and 0 < len(groups[0]) <= 3 and groups[0] != "0"
        if mark == "," and len(groups) == 2 and grouped:
            raise ValueError(f"{text[:40]!r} may mean thousands or thousandths: say whether a comma marks decimals")
        point = mark if len(groups) == 2 else {",": ".", ".": ","}[mark]
    if digits.count(point) > 1 or not _is_grouped(digits.partition(point)[0], "," if point == "." else "."):
        raise ValueError(f"{text[:40]!r} is not a number")
    return point


def _is_grouped(whole: str, mark: str) -> bool:
    groups = whole.split(mark)
    return len(groups) == 1 or all(len(group) == 3 for group in groups[1:])


def _day(text: str) -> date:
    """A date or time of ISO 8601, or Unix seconds, as the day of UTC."""
    if text.isascii() and text.isdecimal() and len(text) in (9, 10):
        return datetime.fromtimestamp(int(text), UTC).date()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a date such as 2026-01-31") from None
    return (moment if moment.tzinfo is None else moment.astimezone(UTC)).date()
