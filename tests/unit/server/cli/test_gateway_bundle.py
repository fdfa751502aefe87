"""What a bundle declares, before a caller meets it."""

import json
import os

import pytest

from aver.server.cli import main

BUNDLE = """
providers:
  main: {kind: openai, credential: env:MAIN_KEY}
  spare: {kind: anthropic, credential: file:spare.key}
  local: {kind: openai, base_url: "http://127.0.0.1:1/v1"}
  far: {kind: openai, base_url: "http://models.example.com/v1"}
models:
  mini: {provider: main, id: gpt-4o-mini, context: 128000, capabilities: [tools, vision]}
  claude: {provider: spare, id: claude-sonnet-4-5-20250929}
  house: {provider: local, price: {input: 0.25, output: 0.5}}
  odd: {provider: local}
routes:
  fast: {models: [{model: mini, weight: 3}, claude], strategy: weighted}
  chat:
    models: [fast, house]
    fallback: {context_window: [claude]}
    cache: {exact: 10m}
  lonely: {models: [house]}
budgets:
  - {per: key, limit: 60 requests, period: minute}
"""
LITELLM = """
model_list:
  - model_name: chat
    litellm_params: {model: openai/gpt-4o-mini, api_key: sk-secret-secret-secret}
litellm_settings:
  success_callback: [langfuse]
"""


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """A bundle in the current directory, and one of its two credentials."""
    for name in [name for name in os.environ if name.startswith("AVER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MAIN_KEY", "sk-do-not-show")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "aver.yaml").write_text(BUNDLE)
    return tmp_path


@pytest.fixture
def aver(bundle, capsys):
    def run(*words, code=0):
        assert main(["gateway", *words]) == code
        return capsys.readouterr()

    return run


@pytest.fixture
def document(aver):
    def run(*words, code=0):
        return json.loads(aver(*words, "--json", code=code).out)

    return run


def by_name(items):
    return {item["name"]: item for item in items}


def test_a_bundle_is_shown_as_it_is_read(document):
    found = document("check")
    models = by_name(found["models"])
    assert found["file"] == "aver.yaml"
    assert models["mini"]["price"]["usd_per_million"]["input"] == 0.15
    assert models["house"]["price"]["usd_per_million"] == {"input": 0.25, "output": 0.5}
    assert models["odd"]["price"] is None
    assert by_name(found["routes"])["fast"]["arms"][0] == {"target": "mini", "weight": 3.0}
    assert found["budgets"][0]["limit"] == "60 requests"


def test_credentials_are_looked_for_and_never_shown(document, aver, bundle):
    providers = by_name(document("check")["providers"])
    assert providers["main"]["credential"] == {"source": "env:MAIN_KEY", "there": True, "problem": ""}
    assert providers["spare"]["credential"]["there"] is False
    assert "spare.key" in providers["spare"]["credential"]["problem"]
    assert providers["local"]["credential"] == {"source": "", "there": None, "problem": ""}
    (bundle / "spare.key").write_text("sk-do-not-show-either\n")
    shown = aver("check", "--json").out + aver("check").out
    assert by_name(document("check")["providers"])["spare"]["credential"]["there"] is True
    assert "do-not-show" not in shown


def test_what_is_doubtful_is_a_warning(document):
    warnings = {warning.split(":")[0]: warning for warning in document("check")["warnings"]}
    assert set(warnings) == {"provider spare", "provider far", "model odd", "route lonely", "budgets"}
    assert "is not called" in warnings["model odd"]
    assert "house" in warnings["route lonely"]


def test_every_doubt_about_one_provider_is_told(document, bundle):
    (bundle / "aver.yaml").write_text(
        'providers: {far: {kind: openai, base_url: "http://models.example.com/v1"}}\n'
        "models: {one: {provider: far, price: {input: 0, output: 0}}, two: {provider: far}}\n"
        "routes: {both: {models: [one, two]}}\n"
        "budgets: [{per: tenant, limit: 1 usd, period: day}]\n"
        "unknown_price: highest\n"
    )
    about = document("check")["warnings"]
    assert [warning.partition(":")[0] for warning in about] == [
        "provider far",
        "provider far",
        "model two",
        "route both",
    ]
    assert "no credential" in about[0]
    assert "in clear" in about[1]
    assert "highest price" in about[2]
    assert "all its models are at one provider" in about[3]


def test_routes_are_drawn_as_trees(aver, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    lines = aver("check").out.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("chat"))
    assert [line.rstrip() for line in lines[start : start + 7]] == [
        "chat  priority · cache 10m",
        "├── 1. fast  weighted",
        "│   ├── 75 % mini  at main",
        "│   └── 25 % claude  at spare",
        "├── 2. house  at local",
        "└── after context_window",
        "    └── 1. claude  at spare",
    ]


def test_a_mistake_is_code_2_with_its_line(aver, document, bundle):
    (bundle / "aver.yaml").write_text(BUNDLE.replace("provider: spare,", "provider: spar,"))
    assert "aver.yaml:9: there is no provider 'spar'. Did you mean 'spare'?" in aver("check", code=2).err
    assert document("check", code=2)["type"] == "urn:aver:problem:invalid-settings"


def test_the_bundle_is_the_named_one_or_that_of_the_settings(document, aver, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    (other / "aver.yaml").write_text("models: {}\n")
    assert document("check", "other")["models"] == []
    assert document("check", "other/aver.yaml")["models"] == []
    monkeypatch.setenv("AVER_BUNDLE", str(other))
    assert document("check")["models"] == []
    aver("check", "nowhere", code=2)


def test_a_litellm_configuration_becomes_a_bundle(aver, document, bundle):
    (bundle / "config.yaml").write_text(LITELLM)
    printed = aver("convert", "config.yaml")
    assert "kind: openai" in printed.out
    assert "config.yaml:6: to know: litellm_settings.success_callback" in printed.err
    assert "sk-secret" not in printed.out + printed.err
    written = document("convert", "config.yaml", "--out", "made")
    assert (written["file"], written["bundle"]) == ("made/aver.yaml", None)
    assert (bundle / "made" / "aver.yaml").read_text() == printed.out
    assert [(note["line"], note["kind"]) for note in written["notes"]] == [(4, "to do"), (3, "to know"), (6, "to know")]
    assert "chat" in by_name(document("check", "made")["models"])


def test_a_converted_model_that_nobody_knows_a_price_of_is_told(document, bundle):
    (bundle / "config.yaml").write_text(LITELLM.replace("openai/gpt-4o-mini", "openai/our-own"))
    told = [note for note in document("convert", "config.yaml")["notes"] if "price" in note["text"]]
    assert len(told) == 1
    assert "nobody knows a price of chat" in told[0]["text"]
    (bundle / "config.yaml").write_text(LITELLM)
    assert not [note for note in document("convert", "config.yaml")["notes"] if "price" in note["text"]]


def test_a_bundle_that_is_there_is_not_overwritten(aver, document, bundle):
    (bundle / "config.yaml").write_text(LITELLM)
    assert "exists already" in aver("convert", "config.yaml", "--out", ".", code=2).err
    assert (bundle / "aver.yaml").read_text() == BUNDLE
    assert "exists already" in document("convert", "config.yaml", "--out", ".", code=2)["detail"]


def test_what_cannot_be_converted_says_why(aver, bundle):
    aver("convert", "none.yaml", code=3)
    (bundle / "config.yaml").write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in aver("convert", "config.yaml", code=2).err
    (bundle / "config.yaml").write_text("model_list: [")
    assert "config.yaml:1" in aver("convert", "config.yaml", code=2).err


def test_prices_are_those_of_today_and_the_unpriced_are_named(document, aver):
    found = document("prices")
    assert {"gpt-4o-mini", "claude-sonnet-4-5"} <= {price["model"] for price in found["prices"]}
    assert found["unpriced"] == ["odd"]
    assert "no price is known of the bundle's model odd" in aver("prices").out


def test_prices_beside_the_bundle_go_first(document, bundle):
    (bundle / "prices.yaml").write_text(
        "models:\n  gpt-4o-mini: {prices: [{since: 2020-01-01, input: 9, output: 10}]}\n  odd: {prices: [{input: 1}]}\n"
    )
    (price,) = document("prices", "gpt-4o-mini")["prices"]
    assert (price["usd_per_million"]["input"], price["source"]) == (9.0, "prices.yaml")
    assert document("prices")["unpriced"] == []
    (bundle / "prices.yaml").write_text("models: {x: {prices: [{inptu: 1}]}}\n")
    assert "prices.yaml:1" in document("prices", code=2)["detail"]


def test_a_models_prices_are_found_by_any_of_its_names(document, aver):
    assert document("prices", "mini")["prices"] == document("prices", "gpt-4o-mini-2024-07-18")["prices"]
    assert document("prices", "house")["prices"][0]["usd_per_million"]["output"] == 0.5
    assert "200,000 input tokens" in aver("prices", "gemini-2.5-pro").out
    assert "Write its price in aver.yaml" in aver("prices", "odd", code=3).err
    assert "gpt-4o" in document("prices", "gtp-4o", code=3)["next_step"]


def test_prices_need_no_bundle(document, bundle):
    (bundle / "aver.yaml").unlink()
    found = document("prices")
    assert found["prices"]
    assert found["unpriced"] == []
    assert "cannot be read" in document("check", code=2)["detail"]
