"""What calls cost, saved and used up: read back from where it is kept."""

import asyncio
import json
from collections import Counter

import pytest

from aver.core.settings import Settings
from aver.gateway.budgets import Amount, Spender, SqlGrantStore, TenantBudgets
from aver.gateway.cache.counts import Pool, add
from aver.gateway.config.read import parse_config
from aver.server.application import Application
from aver.server.cli import main
from tests.unit.server.cli.gateway_calls import record

BUNDLE = """
providers: {main: {kind: openai, base_url: "http://127.0.0.1:1/v1"}}
models:
  mini: {provider: main, id: gpt-4o-mini-2024-07-18, price: {input: 1, output: 2}}
budgets:
  - {per: tenant, limit: 5 usd, period: month}
  - {per: user, limit: 10 requests, period: day}
"""


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def application(data):
    opened = Application(Settings(data=data))
    opened.store.create_tenant("acme")
    yield opened
    opened.close()


@pytest.fixture
def aver(data, capsys, monkeypatch, tmp_path):
    """Run a command of the gateway; its document when ``as_json``, else what it printed. The exit code is checked."""
    monkeypatch.chdir(tmp_path)

    def run(*words, code=0, as_json=True):
        words = ["--data", str(data), "gateway", *words, *(["--json"] if as_json else [])]
        assert main(words) == code
        out = capsys.readouterr().out
        return json.loads(out) if as_json else out

    return run


def test_spending_adds_up_by_what_is_asked_for(aver, application):
    record(application, "acme", ("mini", "main", 1_500_000_000), feature="summaries")
    record(application, "acme", ("mini", "main", 250_000_000), ("claude", "other", 750_000_001), user="bo")
    found = aver("spend", "-t", "acme")
    assert found["balanced"]
    assert found["debits"] == found["credits"] == 2_500_000_001
    assert {row["model"]: row["nano_usd"] for row in found["totals"]} == {"mini": 1_750_000_000, "claude": 750_000_001}
    by_feature = aver("spend", "-t", "acme", "--by", "feature")["totals"]
    assert {row["feature"]: (row["calls"], row["nano_usd"]) for row in by_feature} == {
        "": (1, 1_000_000_001),
        "summaries": (1, 1_500_000_000),
    }
    by_both = aver("spend", "-t", "acme", "--by", "user", "--by", "provider")["totals"]
    assert [(row["user"], row["provider"], row["nano_usd"]) for row in by_both] == [
        ("ann", "main", 1_500_000_000),
        ("bo", "main", 250_000_000),
        ("bo", "other", 750_000_001),
    ]


def test_spending_is_told_to_people_in_dollars(aver, application):
    record(application, "acme", ("mini", "main", 1_500_000_000))
    printed = aver("spend", "-t", "acme", "--by", "feature", as_json=False)
    assert "direct" in printed
    assert "$1.50 of debits and $1.50 of credits balance." in printed


def test_the_spending_of_somebody_erased_stays_and_names_nobody(aver, application):
    record(application, "acme", ("mini", "main", 7))
    application.erase("acme", "ann")
    assert aver("spend", "-t", "acme", "--by", "user")["totals"][0]["user"] == ""
    assert "(erased)" in aver("spend", "-t", "acme", "--by", "user", as_json=False)


def test_spending_is_of_the_days_asked_for(aver, application):
    record(application, "acme", ("mini", "main", 7))
    day = aver("spend", "-t", "acme", "--by", "day")["totals"][0]["day"]
    assert aver("spend", "-t", "acme", "--since", day, "--until", day)["debits"] == 7
    assert aver("spend", "-t", "acme", "--until", "2001-01-01")["totals"] == []
    assert aver("spend", "-t", "acme", "--since", "yesterday", code=2)["type"] == "urn:aver:problem:usage"


def test_another_tenant_has_spent_nothing(aver, application):
    application.store.create_tenant("other")
    record(application, "acme", ("mini", "main", 7))
    assert aver("spend", "-t", "other")["totals"] == []
    assert "No call is on record." in aver("spend", "-t", "other", as_json=False)
    aver("spend", "-t", "nobody", code=3)


def test_budgets_show_what_is_used_and_left(aver, application):
    services = application.tenant("acme")
    config = parse_config(BUNDLE, "aver.yaml")

    async def use() -> None:
        budgets = TenantBudgets(SqlGrantStore(services.store), lambda: config, application.clock)
        spender = Spender(services.principal("ann"))
        reservation = await budgets.reserve(spender, Amount(1, 100, 2_000_000_000))
        reservation.settle(Amount(1, 90, 1_250_000_000))
        await budgets.close()

    asyncio.run(use())
    found = {row["budget"]: row for row in aver("budgets", "-t", "acme")["budgets"]}
    tenant, user = found["tenant-usd-month"], found["user-requests-day"]
    assert (tenant["unit"], tenant["limit"], tenant["used"]) == ("nano_usd", 5_000_000_000, 1_250_000_000)
    assert (tenant["left"], tenant["abandoned"]) == (3_750_000_000, 0)
    assert (user["unit"], user["limit"], user["used"], user["value"]) == ("requests", 10, 1, "user:ann")
    printed = aver("budgets", "-t", "acme", as_json=False)
    assert "$3.75" in printed
    assert "10 requests" in printed


def test_budgets_nobody_spent_under_are_said_to_be_empty(aver, application):
    assert application.tenant("acme")
    assert "Nothing has been spent" in aver("budgets", "-t", "acme", as_json=False)


def test_the_cache_shows_rates_with_their_intervals(aver, application):
    with application.tenant("acme").store.begin() as tx:
        counts = {"misses": 60, "exact": 30, "semantic": 10, "agreed": 99, "differed": 1, "refused": 2}
        add(tx, Pool("chat", "c" * 64, ""), Counter(counts))
    (found,) = aver("cache", "-t", "acme")["caches"]
    assert (found["route"], found["asked"]) == ("chat", 102)
    assert found["hit_rate"]["value"] == pytest.approx(40 / 102)
    assert found["hit_rate"]["low"] == pytest.approx(0.30298, abs=1e-5)
    assert found["hit_rate"]["high"] == pytest.approx(0.48917, abs=1e-5)
    assert found["wrong_rate"]["value"] == pytest.approx(0.01)
    assert found["wrong_rate"]["low"] == pytest.approx(0.000253, abs=1e-6)
    assert found["wrong_rate"]["high"] == pytest.approx(0.054459, abs=1e-6)
    printed = aver("cache", "-t", "acme", as_json=False)
    assert "1 (0.0% to 5.4%)" in printed
    assert "2 answers were there" in printed


def test_a_cache_nobody_asked_says_so(aver, application):
    assert application.tenant("acme")
    assert "not asked yet" in aver("cache", "-t", "acme", as_json=False)


def write_invoice(folder, day, *rows):
    file = folder / "invoice.csv"
    file.write_text("usage_date_utc,model,cost_usd\n" + "".join(f"{day},{model},{cost}\n" for model, cost in rows))
    return str(file)


def test_an_invoice_is_compared_by_the_providers_names_for_models(aver, application, tmp_path):
    (tmp_path / "aver.yaml").write_text(BUNDLE.replace("price: {input: 1, output: 2}", "price: gpt-4o-mini"))
    record(application, "acme", ("mini", "main", 1_500_000_000))
    record(application, "acme", ("mini", "other", 900_000_000_000))
    day = aver("spend", "-t", "acme", "--by", "day")["totals"][0]["day"]
    file = write_invoice(tmp_path, day, ("gpt-4o-mini-2024-07-18", "1.50"))
    found = aver("invoice", file, "-t", "acme", "-p", "main")
    assert (found["agrees"], found["drift"]) == (True, 0)
    assert found["models"][0]["model"] == "gpt-4o-mini"
    assert "They agree." in aver("invoice", file, "-t", "acme", "-p", "main", as_json=False)


def test_an_invoice_that_drifts_says_where_and_by_how_much(aver, application, tmp_path):
    record(application, "acme", ("gpt-4o-mini", "main", 1_000_000_000))
    day = aver("spend", "-t", "acme", "--by", "day")["totals"][0]["day"]
    file = write_invoice(tmp_path, day, ("gpt-4o-mini", "1.00"), ("gpt-4o-mini", "0.20"), ("gpt-4o", "3.00"))
    found = aver("invoice", file, "-t", "acme", "-p", "main", "--by", "day")
    models = {each["model"]: each for each in found["models"]}
    assert (found["agrees"], found["drift"]) == (False, 3_200_000_000)
    assert (models["gpt-4o-mini"]["drift_share"], models["gpt-4o-mini"]["lines"]) == (0.2, [2, 3])
    assert models["gpt-4o"]["verdict"] == "only_billed"
    printed = aver("invoice", file, "-t", "acme", "-p", "main", as_json=False)
    assert "+20.0%" in printed
    assert "They do not agree: in all, the provider bills $3.20 more than was recorded." in printed


def test_an_invoice_that_is_lower_says_so_only_where_it_matters(aver, application, tmp_path):
    record(application, "acme", ("gpt-4o-mini", "main", 10_000_000_000))
    day = aver("spend", "-t", "acme", "--by", "day")["totals"][0]["day"]
    near = write_invoice(tmp_path, day, ("gpt-4o-mini", "9.95"))
    assert "They agree." in aver("invoice", near, "-t", "acme", "-p", "main", as_json=False)
    low = write_invoice(tmp_path, day, ("gpt-4o-mini", "9.00"))
    assert "bills $1.00 less" in aver("invoice", low, "-t", "acme", "-p", "main", as_json=False)


def test_an_export_of_usage_is_compared_in_tokens(aver, application, tmp_path):
    record(application, "acme", ("gpt-4o-mini", "main", 10_000_000_000))
    day = aver("spend", "-t", "acme", "--by", "day")["totals"][0]["day"]
    file = tmp_path / "usage.csv"
    file.write_text(f"start_time_iso,model,input_tokens,output_tokens\n{day},gpt-4o-mini,200,40\n")
    found = aver("invoice", str(file), "-t", "acme", "-p", "main")["models"][0]
    assert (found["billed"], found["billed_tokens"], found["recorded_tokens"], found["drift"]) == (None, 240, 120, 120)
    printed = aver("invoice", str(file), "-t", "acme", "-p", "main", as_json=False)
    assert "240 tokens" in printed
    assert "They do not agree." in printed


def test_an_invoice_of_another_month_is_not_held_against_this_one(aver, application, tmp_path):
    record(application, "acme", ("gpt-4o-mini", "main", 1_000_000_000))
    found = aver("invoice", write_invoice(tmp_path, "2001-01-31", ("gpt-4o-mini", "1.00")), "-t", "acme", "-p", "main")
    assert [(each["period"], each["verdict"]) for each in found["models"]] == [("2001-01", "only_billed")]


def test_an_unknown_export_is_read_by_the_columns_named(aver, application, tmp_path):
    record(application, "acme", ("gpt-4o-mini", "main", 1_500_000_000))
    day = aver("spend", "-t", "acme", "--by", "day")["totals"][0]["day"]
    file = tmp_path / "own.csv"
    file.write_text(f"Tag;Modell;Netto;Aufschlag\n{day};gpt-4o-mini;1.25;0.25\n")
    words = ("invoice", str(file), "-t", "acme", "-p", "main")
    assert "own.csv:1" in aver(*words, code=2)["detail"]
    assert "not named" in aver(*words, "--date", "Tag", code=2)["detail"]
    named = ("--date", "Tag", "--model", "Modell", "--amount", "Netto", "--amount", "Aufschlag")
    assert aver(*words, *named)["agrees"]
    aver("invoice", str(tmp_path / "none.csv"), "-t", "acme", "-p", "main", code=3)
