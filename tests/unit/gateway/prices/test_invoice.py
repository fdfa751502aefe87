"""Invoices in the shapes they come in, beside the ledger."""

from contextlib import suppress
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import InvalidInput
from aver.gateway.prices.amounts import amount, whole
from aver.gateway.prices.invoice import Columns, InvoiceLine, read_invoice
from aver.gateway.prices.ledger import Posting
from aver.gateway.prices.reconcile import reconcile

GENERIC = Columns("Date", "Model", ("Cost",), ("In", "Out"))
NANOS = 10**9


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", "0"), ("-", "0"), ("$0.00", "0"), ("12", "12"), ("$1,234.50", "1234.50"), ("1.234,50", "1234.50"),
        ("1 234,50", "1234.50"), ("1'234.50", "1234.50"), ("1,234,567", "1234567"), ("1.234.567", "1234567"),
        ("0,125", "0.125"), ("1.234", "1.234"), ("(3.00)", "-3"), ("-3", "-3"), ("USD 4.1", "4.1"), ("1E-7", "0.0000001"),
        ("3.2e-05", "0.000032"), ("1234,567", "1234.567"),
    ],
)  # fmt: skip
def test_an_amount_is_what_was_meant(text, value):
    assert amount(text) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    ["1,234", "abc", "1.2.3", "1,23,456.0", "--3", "1e999", "9" * 20, "١٢", "1,2.3,4", "NaN", "12-", "1.5.000,2"],
)
def test_what_may_mean_two_things_or_nothing_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        amount(text)


def test_who_says_how_decimals_are_marked_is_believed():
    assert (amount("1,234", decimal_comma=True), amount("1,234", decimal_comma=False)) == (Decimal("1.234"), 1234)
    with pytest.raises(ValueError, match="thousands"):
        amount("1.234", commas_likely=True)


def test_tokens_are_whole_so_marks_separate_thousands():
    assert [whole(text) for text in ("", "1,234", "1.234", "1,234,567", "12.0", "1 000", "1e3")] == [
        0, 1234, 1234, 1234567, 12, 1000, 1000,
    ]  # fmt: skip
    for text in ("1.5", "1,23", "1e-1", "x"):
        with pytest.raises(ValueError, match=r"."):
            whole(text)


@pytest.mark.parametrize(
    "data",
    [
        b"Date,Model,Cost,In,Out\n2026-11-01,m,1.50,\"1,000\",20\n\n2026-11-02T23:00:00-02:00,m,$2,0,0\n",
        "\ufeffDate;Model;Cost;In;Out\r\n2026-11-01;m;1,50;1.000;20\r\n;;;;\r\n2026-11-03;m;2,00;;\r\n".encode(),
        "Date\tModel\tCost\tIn\tOut\n2026-11-01\tm\t1.5\t1000\t20\n2026-11-03\tm\t2\t0\t0".encode("utf-16"),
        "Date|Model|Cost|In|Out|Café\n1793491200|m|1.5|1000|20|é\n2026-11-03|m|2|||é".encode("cp1252"),
    ],
)  # fmt: skip
def test_a_file_is_read_however_it_was_saved(data):
    lines = read_invoice(data, "bill.csv", GENERIC)
    assert [(line.day, line.model, line.nano_usd, line.tokens) for line in lines] == [
        (date(2026, 11, 1), "m", 1_500_000_000, 1020),
        (date(2026, 11, 3), "m", 2_000_000_000, 0),
    ]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (
            b"start_time,end_time,project_id,model,input_tokens,output_tokens\n1793491200,1793577600,p,gpt-4o-mini,900,100\n",
            ("gpt-4o-mini", None, 1000),
        ),
        (
            b'start_time_iso,amount_value,amount_currency,line_item\n2026-11-01T00:00:00Z,0.25,usd,"gpt-4o-mini, input"\n',
            ("gpt-4o-mini", 250_000_000, 0),
        ),
        (
            b"usage_date_utc,model,workspace,token_type,cost_usd\n2026-11-01,claude-haiku-4-5,Default,output,0.5\n",
            ("claude-haiku-4-5", 500_000_000, 0),
        ),
        (
            (
                b"usage_date_utc,model_version,usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,"
                b"usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens\n"
                b"2026-11-01,claude-haiku-4-5,1,2,3,4,5\n"
            ),
            ("claude-haiku-4-5", None, 15),
        ),
        (
            (
                b"lineItem/UsageStartDate,lineItem/ProductCode,lineItem/UsageType,lineItem/UnblendedCost\n"
                b"2026-11-01T00:00:00Z,AmazonEC2,BoxUsage,7\n2026-11-01T01:00:00Z,AmazonBedrock,USE1-NovaLite-input-tokens,1E-9\n"
            ),
            ("USE1-NovaLite-input-tokens", 1, 0),
        ),
    ],
)
def test_a_providers_export_is_known_by_its_header(data, found):
    (line,) = read_invoice(data, "export.csv")
    assert (line.day, line.model, line.nano_usd, line.tokens) == (date(2026, 11, 1), *found)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "bill.csv:1: the file is empty"),
        (b"\x00\x01\x02", "bill.csv:1: the file is no text"),
        (b"Date,Model,Cost,In\n", "bill.csv:1: there is no column 'Out'"),
        (b"Date,Model,Cost,In,Out\n2026-11-01,m\n", "bill.csv:2: the row ends before 'Cost'"),
        (b"Date,Model,Cost,In,Out\n\n2026-11-01,m,x,1,1\n", "bill.csv:3: 'x' is not a number"),
        (b"Date,Model,Cost,In,Out\n2026-13-01,m,1,1,1\n", "bill.csv:2: '2026-13-01' is not a date"),
        (b"Date,Model,Cost,In,Out\n2026-11-01,m,1,1.5,1\n", "bill.csv:2: '1.5' is not a number"),
        (b'Date,Model,Cost,In,Out\n2026-11-01,"m,1,1,1\n', "bill.csv:2: not valid CSV"),
        (b"Date;Model;Cost;In;Out\n2026-11-01;m;1.234;1;1\n", "bill.csv:2: '1.234' may mean thousands"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_line(data, message):
    with pytest.raises(InvalidInput) as raised:
        read_invoice(data, "bill.csv", GENERIC)
    assert raised.value.cause.startswith(message)


def test_an_unknown_export_asks_for_its_columns():
    with pytest.raises(InvalidInput, match="no export known here"):
        read_invoice(b"a,b\n1,2\n", "bill.csv")


@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: b"Date,Model,Cost,In,Out\n" + text.encode("utf-8", "ignore"))
)
def test_no_file_breaks_the_reader(data):
    with suppress(InvalidInput):
        read_invoice(data, "bill.csv", GENERIC)


def bill(model: str, dollars: str | None, tokens: int = 0, day: int = 3, line: int = 2) -> InvoiceLine:
    nanos = None if dollars is None else int(Decimal(dollars) * NANOS)
    return InvoiceLine(line, date(2026, 11, day), model, nanos, tokens)


def posting(model: str, dollars: str, tokens: int = 0, day: int = 3) -> Posting:
    nanos = int(Decimal(dollars) * NANOS)
    return Posting(date(2026, 11, day), "call_1", "openai", model, nanos, nanos, input_tokens=tokens)


def test_what_is_billed_is_compared_with_what_is_on_record():
    billed = [
        bill("a", "10.05", 100),
        bill("a", "0.04", day=9, line=3),
        bill("b", "2"),
        bill("ghost", "1"),
        bill("d", "0.005"),
    ]
    recorded = [posting("a", "4", 60), posting("a", "6", 40, day=20), posting("b", "1"), posting("lost", "3")]
    found = {each.model: each for each in reconcile(billed, recorded).differences}
    assert {model: each.verdict for model, each in found.items()} == {
        "a": "agrees", "b": "drifts", "ghost": "only_billed", "lost": "only_recorded", "d": "agrees",
    }  # fmt: skip
    assert (found["a"].drift, found["a"].drift_share, found["a"].lines) == (90_000_000, Decimal("0.009"), (2, 3))
    assert (found["b"].drift, found["b"].drift_share) == (NANOS, 1)
    assert (found["a"].billed_tokens, found["a"].recorded_tokens) == (100, 100)
    assert found["ghost"].drift_share is None
    whole_bill = reconcile(billed, recorded)
    assert not whole_bill.agrees
    assert whole_bill.drift == sum(line.nano_usd for line in billed) - sum(each.credit for each in recorded)


def test_an_export_of_usage_is_compared_by_tokens_and_models_by_one_name():
    billed, recorded = [bill("m-2024-07-18", None, 1000)], [posting("m", "1", 995)]
    found = reconcile(billed, recorded, name=lambda model: model.removesuffix("-2024-07-18"), by="day")
    assert found.agrees
    assert [(each.period, each.drift) for each in found.differences] == [("2026-11-03", 5)]
    assert not reconcile(billed, [posting("m-2024-07-18", "1", 900)]).agrees
