"""What calls cost: exact, rounded up, and never more than the worst that was said before."""

from dataclasses import replace
from datetime import date
from fractions import Fraction
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from aver.gateway.prices import Price, Rates
from aver.gateway.types import Usage

USD = 10**9
SONNET = Price(
    "sonnet",
    date(2025, 5, 22),
    Rates(3 * USD, 15 * USD, cached=3 * USD // 10, cache_write=15 * USD // 4, cache_write_long=6 * USD),
    tiers=((200_000, Rates(6 * USD, 22 * USD + USD // 2, cached=6 * USD // 10)),),
    batch=0.5,
)
_rate = st.integers(0, 10**12)
_maybe = st.none() | _rate
RATES = st.builds(
    Rates, _rate, _rate, cached=_maybe, cache_write=_maybe, cache_write_long=_maybe, reasoning=_maybe, image=_maybe
)
PRICES = st.builds(
    Price,
    model=st.just("m"),
    since=st.just(date.min),
    rates=RATES,
    tiers=st.lists(st.tuples(st.integers(1, 3000), RATES), max_size=3, unique_by=lambda tier: tier[0]).map(tuple),
    batch=st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]),
)
_tokens = st.integers(0, 4000)
USAGES = st.builds(
    Usage,
    input_tokens=_tokens,
    output_tokens=_tokens,
    cached_tokens=_tokens,
    cache_write_tokens=_tokens,
    cache_write_long_tokens=_tokens,
    reasoning_tokens=_tokens,
    images=st.integers(0, 9),
)


def test_every_class_of_tokens_has_its_rate():
    usage = Usage(10_000, 1_000, cached_tokens=4_000, cache_write_tokens=2_000, cache_write_long_tokens=1_000)
    by_hand = 3_000 * 3 + Fraction(4_000 * 3, 10) + 2_000 * Fraction(15, 4) + 1_000 * 6 + 1_000 * 15
    assert SONNET.cost(usage) == by_hand * USD / 10**6
    assert SONNET.cost(usage, batched=True) == by_hand * USD / 2 / 10**6


def test_a_call_over_a_tier_is_charged_its_rates_from_the_first_token():
    at, over = SONNET.cost(Usage(200_000, 0)), SONNET.cost(Usage(200_001, 0))
    assert (at, over) == (600_000_000, 200_001 * 6_000)


def test_thoughts_and_images_have_their_own_rates_where_the_provider_has():
    rates = Rates(USD, 2 * USD, reasoning=5 * USD, image=1_000 * USD)
    assert (
        Price("m", date.min, rates).cost(Usage(0, 10, reasoning_tokens=4, images=3))
        == 4 * 5_000 + 6 * 2_000 + 3 * 10**6
    )


def test_the_least_use_of_the_cheapest_model_costs_something():
    assert Price("m", date.min, Rates(1, 1)).cost(Usage(1, 0)) == 1


@given(PRICES, USAGES, st.booleans())
def test_cost_is_the_exact_sum_rounded_up(price, usage, batched):
    tier = max((over for over, _ in price.tiers if usage.input_tokens > over), default=None)
    exact = Fraction(dict(price.tiers).get(tier, price.rates).of(usage), 10**6)
    share = Fraction(str(price.batch)) if batched else 1
    assert price.cost(usage, batched=batched) == ceil(exact * share)


@given(PRICES, USAGES, st.integers(0, 100), st.integers(0, 100), st.integers(0, 5), st.booleans())
def test_nothing_within_the_bounds_costs_more_than_the_worst(price, usage, more_in, more_out, images, batched):
    worst = price.worst(usage.input_tokens + more_in, usage.output_tokens + more_out, usage.images + images)
    assert 0 <= price.cost(usage, batched=batched) <= worst


@given(PRICES, _tokens, _tokens, st.integers(0, 500), st.integers(0, 500))
def test_the_worst_grows_with_its_bounds(price, tokens_in, tokens_out, more_in, more_out):
    assert price.worst(tokens_in, tokens_out) <= price.worst(tokens_in + more_in, tokens_out + more_out)


@given(RATES, USAGES, st.sampled_from(["input_tokens", "output_tokens", "images"]), st.integers(0, 500))
def test_more_use_never_costs_less_within_a_tier(rates, usage, kind, more):
    """Of one whole: that a part moves from one class to another may well be cheaper."""
    plain = replace(usage, cached_tokens=0, cache_write_tokens=0, cache_write_long_tokens=0, reasoning_tokens=0)
    price = Price("m", date.min, rates)
    assert price.cost(plain) <= price.cost(replace(plain, **{kind: getattr(plain, kind) + more}))
