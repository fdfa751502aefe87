"""Each mistake is answered with its line, what was expected, and the nearest valid name."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import SettingsError
from aver.gateway.config.read import parse_config

BASE = """\
providers:
  openai: {kind: openai}
models:
  small: {provider: openai}
  large: {provider: openai, region: us, capabilities: [tools]}
"""
"""Five lines; what is tested begins on the sixth."""


def mistake(text):
    with pytest.raises(SettingsError) as caught:
        parse_config(text, "aver.yaml")
    assert caught.value.next_step.endswith((".", "?"))
    assert not caught.value.cause.endswith(".")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("modles: {}", "aver.yaml:6: 'modles' is not known here. Did you mean 'models'?"),
        ("unknown_price: guess", "aver.yaml:6: 'guess' is no way with unknown prices. Valid: highest, refuse."),
        ("routes:\n  r: {models: [smal]}", "aver.yaml:7: there is no model or route 'smal'. Did you mean 'small'?"),
        (
            "routes:\n  r:\n    models:\n    - small\n    - {model: larg}",
            "aver.yaml:10: there is no model or route 'larg'",
        ),
        ("routes:\n  r: {models: []}", "aver.yaml:7: the list is empty. Name the models that answer"),
        ("routes:\n  r: {strategy: priority}", "aver.yaml:7: 'models' is missing."),
        ("routes:\n  r: {models: [small], strategy: wieghted}", "no strategy. Did you mean 'weighted'?"),
        ("routes:\n  r: {models: [small], requires: [visoin]}", "is no capability. Did you mean 'vision'?"),
        ("routes:\n  r: {models: [large], requires: [vision]}", "capable of vision. Add a capable model"),
        ("routes:\n  r: {models: [small, small]}", "aver.yaml:7: 'small' is listed twice"),
        ("routes:\n  r: {models: [{model: small, weight: 2}]}", "no effect on the strategy 'priority'"),
        ("routes:\n  r: {models: [{model: small, weight: 0}]}", "expected a number above 0"),
        ("routes:\n  r: {models: [{model: small, weight: -1}]}", "aver.yaml:7: expected a number above 0"),
        ("routes:\n  small: {models: [large]}", "aver.yaml:7: 'small' is a model already"),
        (
            "routes:\n  r: {strategy: cascade, models: [small, large], cascade: {checks: [jsno]}}",
            "'jsno' is no check. Did you mean 'json'?",
        ),
        ("routes:\n  r: {strategy: cascade, models: [small]}", "a cascade needs a second model"),
        (
            "routes:\n  r: {models: [small], cascade: {checks: [json]}}",
            "Write strategy: cascade, or leave cascade out.",
        ),
        ("routes:\n  r: {models: [small], strategy: learned}", "a route that learns names no trained model"),
        ("routes:\n  r: {models: [small], strategy: learned, learned: {model: ../x}}", "a path inside the bundle"),
        ("routes:\n  r: {models: [small], strategy: learned, learned: {model: /x}}", "a path inside the bundle"),
        ("routes:\n  r: {models: [small], hedge: {spend: 0.1}}", "aver.yaml:7: a hedge needs a second model to ask"),
        ("routes:\n  r: {models: [small, large], hedge: {quantile: 1.5}}", "expected a number above 0 and below 1"),
        ("routes:\n  r: {models: [small], fallback: {rate_limits: [large]}}", "Did you mean 'rate_limit'?"),
        ("routes:\n  r: {models: [small], fallback: {outage: [lage]}}", "Did you mean 'large'?"),
        ("routes:\n  r: {models: [small, large], fallback: {outage: [r]}}", "'r' falls back to itself"),
        (
            "routes:\n  r: {models: [small], fallback: {outage: [small]}}",
            "the only model, 'small', falls back to itself",
        ),
        ("routes:\n  r: {models: [small, large], region: eu}", "in the region 'eu'. Theirs: us."),
        (
            "routes:\n  r: {models: [large], region: us, fallback: {outage: [small]}}",
            "no fallback for outage is in the route's region, 'us'",
        ),
        ("routes:\n  r: {models: [small], cache: {exact: soon}}", "Write 500ms, 30s, 10m, 1h or 1d."),
        ("routes:\n  r: {models: [small], cache: {exact: -1}}", "expected a duration, found '-1'"),
        ("routes:\n  r: {models: [small], cache: {coalesce: allways}}", "coalesce. Did you mean 'always'?"),
        ("routes:\n  r: {models: [small], cache: {coalesse: always}}", "Did you mean 'coalesce'?"),
        ("routes:\n  a: {models: [b]}\n  b: {models: [a]}", "a route reaches itself: "),
        ("routes:\n  a: {models: [small, a]}", "aver.yaml:7: a route reaches itself: a -> a"),
        ("budgets:\n- {per: usr, limit: 1 usd, period: day}", "is no scope of a budget. Did you mean 'user'?"),
        ("budgets:\n- {per: user, limit: 1 usd, period: weak}", "is no period. Valid: day, ever, hour, minute, month."),
        (
            "budgets:\n- {per: user, limit: 1 eur, period: day}",
            "Write it as in 20 usd, 60 requests or 1_000_000 tokens.",
        ),
        (
            "budgets:\n- {per: model, of: smal, limit: 1 usd, period: day}",
            "there is no model 'smal'. Did you mean 'small'?",
        ),
        (
            "budgets:\n- {per: user, limit: 1 usd, period: day}\n- {per: user, limit: 2 usd, period: day}",
            "aver.yaml:8: the budgets 1 and 2 contradict each other",
        ),
        (
            "budgets:\n- {name: b, per: user, limit: 1 usd, period: day}\n- {name: b, per: key, limit: 2 usd, period: day}",
            "aver.yaml:8: two budgets are called 'b'",
        ),
        (
            "budgets:\n- {name: b, per: user, limit: 9 usd, period: day}\n- {name: c, per: user, limit: 2 usd, period: month}",
            "aver.yaml:7: the budget 'b' can never be reached: 'c' also applies",
        ),
        (
            "budgets:\n- {per: user, limit: 2 usd, period: day}\n- {per: user, of: ann, limit: 9 usd, period: day}",
            "aver.yaml:8: the budget 'user-ann-usd-day' can never be reached",
        ),
    ],
)
def test_a_mistake_in_routes_and_budgets_is_answered_where_it_is(text, says):
    assert says in mistake(BASE + text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("providers: {p: {}}", "aver.yaml:1: 'kind' is missing. Add it: kind: ..."),
        ("providers: {p: {kind: opnai}}", "is no kind of provider. Did you mean 'openai'?"),
        ("providers:\n  p:\n    kind: azure", "aver.yaml:2: nothing says where the provider 'p' is reached"),
        ("providers: {p: {kind: vertex}}", "Write options: {project: NAME, location: europe-west4}"),
        ("providers: {p: {kind: bedrock}}", "Write options: {region: us-east-1}, or a base_url."),
        ("providers: {p: {kind: openai, base_url: 'ftp://x'}}", "expected an address such as https://"),
        (
            "providers:\n  p:\n    kind: openai\n    headers:\n      Authorization: Bearer s",
            "aver.yaml:5: the header 'Authorization' is a credential",
        ),
        ("providers: {p: {kind: openai, timeouts: {first: 1}}}", "Did you mean 'first_token'?"),
        ("providers: {p: {kind: openai, max_concurrent: 0}}", "expected a whole number from 1"),
        (
            "models:\n  m: {provider: opnai}\nproviders: {openai: {kind: openai}}",
            "aver.yaml:2: there is no provider 'opnai'. Did",
        ),
        ("models: {m: {provider: p}}", "there is no provider 'p'. Declare one under providers."),
        (
            "providers: {p: {kind: openai}}\nmodels: {m: {provider: p, context: 9, max_output: 10}}",
            "more than the context of 9",
        ),
        ("providers: {p: {kind: openai}}\nmodels: {m: {provider: p, price: {input: 1}}}", "'output' is missing"),
        ("models: {m: {provider: p, price: {input: 0.0000000001, output: 1}}}", "at most nine decimal places"),
        ("models: {' m': {provider: p}}", "expected a name of printable characters"),
        ("models: [m]", "aver.yaml:1: expected a mapping of names to values, found a list"),
    ],
)
def test_a_mistake_in_providers_and_models_is_answered_where_it_is(text, says):
    assert says in mistake(text)


@pytest.mark.parametrize(
    "secret", ["sk-proj-abc123", "user:password", "AKIA1234567890", "Bearer abc:def", "eyJhbGciOi.abc.def", "a b"]
)
def test_a_bare_secret_is_refused_and_not_repeated(secret):
    said = mistake(f"providers:\n  p:\n    kind: openai\n    credential: {secret!r}")
    assert said.startswith("aver.yaml:4: expected a reference to a credential, never the credential itself")
    assert "env:NAME" in said
    assert secret not in said


def test_an_address_with_a_password_is_refused_and_not_repeated():
    said = mistake("providers: {p: {kind: openai, base_url: 'https://ann:hunter2@x.example.com'}}")
    assert "without a user" in said
    assert "hunter2" not in said


def test_the_whole_circle_is_named():
    routes = "routes:\n" + "".join(f"  r{n}: {{models: [small, r{(n + 1) % 5}]}}\n" for n in range(5))
    circle = mistake(BASE + routes).partition("reaches itself: ")[2].partition(".")[0].split(" -> ")
    assert len(circle) == 6
    assert circle[0] == circle[-1]
    assert all(int(one[1]) == (int(before[1]) + 1) % 5 for before, one in pairwise(circle))


def test_routes_do_not_nest_without_end():
    routes = ["routes:", "  r0: {models: [small]}", *(f"  r{n}: {{models: [r{n - 1}]}}" for n in range(1, 12))]
    assert "at most 8 deep" in mistake(BASE + "\n".join(routes))
    wide = ["routes:", "  a0: {models: [small, large]}", "  b0: {models: [large, small]}"]
    for n in range(1, 30):
        wide += [f"  {x}{n}: {{models: [a{n - 1}, b{n - 1}]}}" for x in "ab"]
    assert "at most 1000 models in all" in mistake(BASE + "\n".join(wide))


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=14, unique=True))
def test_a_circle_is_found_in_any_graph_that_has_one(edges):
    below = {n: [to for start, to in edges if start == n] for n in range(8)}
    reached = {n: set(below[n]) for n in below}
    for _ in below:
        reached = {n: reached[n].union(*(reached[to] for to in reached[n])) for n in below}
    routes = "routes:\n" + "".join(
        f"  r{n}: {{models: [{', '.join(['small', *(f'r{to}' for to in below[n])])}]}}\n" for n in below
    )
    if any(n in reached[n] for n in below):
        circle = mistake(BASE + routes).partition("reaches itself: ")[2].partition(".")[0].split(" -> ")
        assert circle[0] == circle[-1]
        assert all((int(one[1]), int(other[1])) in edges for one, other in pairwise(circle))
    else:
        try:
            parse_config(BASE + routes, "aver.yaml")
        except SettingsError as error:
            assert "at most 8 deep" in error.next_step  # noqa: PT017 - the one other thing these graphs can be
