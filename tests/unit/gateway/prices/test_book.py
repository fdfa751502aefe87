"""The price book: dated lines, other names, an operator's own, and mistakes named by file and line."""

from contextlib import suppress
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import SettingsError
from aver.gateway.config.types import Model
from aver.gateway.prices import PriceBook, Rates, price_of, read_prices
from aver.testing.clock import FixedClock

USD = 10**9
CLOCK = FixedClock(datetime(2026, 11, 24, 12, tzinfo=UTC))
BOOK = PriceBook.load(CLOCK)
OWN = """
models:
  gpt-4o:
    prices:
      - {since: 2026-01-01, input: 1.00, output: 2.00}
  house-model:
    aliases: [house-latest]
    prices: [{input: 0.000000001}]
"""


def test_a_price_is_the_latest_line_not_after_the_day():
    assert BOOK.on("o3", date(2025, 6, 9)).rates.input == 10 * USD
    assert BOOK.on("o3", date(2025, 6, 10)).rates.input == 2 * USD
    assert BOOK.on("o3", date(2025, 4, 15)) is None
    assert BOOK.price("o3") == BOOK.on("o3", date(2026, 11, 24))


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("claude-opus-4-6-20260205", "claude-opus-4-5"),
        ("claude-3-haiku@20240307", "claude-3-haiku"),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-haiku-4-5"),
        ("us.amazon.nova-pro-v1:0", "amazon.nova-pro"),
        ("gpt-4-0613", "gpt-4"),
    ],
)
def test_a_pinned_version_has_the_price_of_its_line(name, model):
    assert BOOK.price(name).model == model


@pytest.mark.parametrize(
    "name", ["", "gpt-9", "mistral-large-2601", "gpt-4o-2024", "claude-opus-9-20260101", "gpt-4o-mini-2024-07-18x"]
)
def test_what_the_book_does_not_name_has_no_price(name):
    assert BOOK.price(name) is None


def test_a_version_with_a_price_of_its_own_keeps_it():
    assert BOOK.price("gpt-4o-2024-05-13").rates.input == 5 * USD


def test_a_price_changes_at_midnight():
    clock = FixedClock(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))
    book = PriceBook.load(clock)
    before = book.price("gemini-3.6-flash").rates.input
    clock.advance(1)
    assert (before, book.price("gemini-3.6-flash").rates.input) == (USD * 3 // 4, USD * 3 // 2)


def test_the_highest_price_dominates_every_other():
    highest = BOOK.highest()
    for model in BOOK.models():
        price = BOOK.price(model)
        if price is not None:
            for tokens in ((1, 0), (0, 1), (10**6, 10**6)):
                assert price.worst(*tokens) <= highest.worst(*tokens)


def test_every_line_of_the_book_is_dated_sourced_and_ordered():
    for model in BOOK.models():
        lines = BOOK.lines(model)
        assert [line.since for line in lines] == sorted(line.since for line in lines)
        for line in lines:
            assert line.source.startswith("https://")
            assert line.since > date(2023, 1, 1)
            for rates in (line.rates, *(tier for _, tier in line.tiers)):
                assert (rates.cached or 0) <= rates.input <= (rates.cache_write or rates.input)


def test_an_operators_line_goes_before_the_books_from_its_day_on():
    book = PriceBook.load(CLOCK, OWN, "prices.yaml")
    assert book.price("gpt-4o").rates == Rates(USD, 2 * USD)
    assert book.price("gpt-4o").source == "prices.yaml"
    assert book.on("gpt-4o", date(2025, 12, 31)) == BOOK.on("gpt-4o", date(2025, 12, 31))
    assert book.price("house-latest").rates == Rates(1, 0)
    assert book.version != BOOK.version
    assert PriceBook.load(CLOCK).version == BOOK.version


def test_a_configured_model_costs_what_it_declares_or_what_the_book_says():
    assert price_of(Model("fast", "openai", "gpt-4o-mini"), BOOK).model == "gpt-4o-mini"
    assert price_of(Model("fast", "azure", "my-deployment", price="gpt-4o"), BOOK).model == "gpt-4o"
    assert price_of(Model("fast", "azure", "gpt-4o", rates=Rates(7, 8)), BOOK).rates == Rates(7, 8)
    assert price_of(Model("fast", "azure", "my-deployment"), BOOK) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("modles: {}", "own.yaml:1: 'modles' is not known here"),
        ("models:\n  m:\n    prices: [{output: 1}]", "own.yaml:3: 'input' is missing"),
        ("models:\n  m:\n    prices: [{input: -1}]", "own.yaml:3: expected a number from 0"),
        ("models:\n  m:\n    prices: [{input: .inf}]", "own.yaml:3: expected a number"),
        ("models:\n  m:\n    prices: [{input: 0.0000000001}]", "own.yaml:3: '0.0000000001' has more than nine"),
        ("models:\n  m:\n    prices: [{input: 1, batch: 2}]", "own.yaml:3: expected a number from 0 to 1"),
        ("models:\n  m:\n    prices: [{input: 1, since: May}]", "own.yaml:3: 'May' is not a day"),
        ("models:\n  m:\n    prices:\n    - input: 1\n    - input: 2", "own.yaml:5: 'm' has two prices since"),
        ("models:\n  m:\n    prices: [{input: 1, tiers: [{over: 0, input: 2}]}]", "own.yaml:3: a tier begins"),
        (
            "models:\n  m:\n    aliases: [n]\n    prices: []\n  n:\n    prices: []",
            "own.yaml:3: 'n' is the name of another",
        ),
        ("models: [m]", "own.yaml:1: expected a mapping"),
    ],
)
def test_a_mistake_is_answered_with_its_line(text, message):
    with pytest.raises(SettingsError) as raised:
        read_prices(text, "own.yaml")
    assert raised.value.cause.startswith(message)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text):
    with suppress(SettingsError):
        read_prices(text, "own.yaml")
