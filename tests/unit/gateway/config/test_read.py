from dataclasses import fields

import pytest
from hypothesis import given

from aver.core.errors import SettingsError
from aver.core.settings import ModelTimeouts
from aver.gateway.config.dump import dump_config
from aver.gateway.config.model_shapes import MODEL, PROVIDER, RATES
from aver.gateway.config.read import parse_config, read_bundle
from aver.gateway.config.route_shapes import BUDGET, CACHE, CASCADE, HEDGE, LEARNED, RETRIES, ROUTE
from aver.gateway.config.types import (
    Arm,
    Budget,
    CachePolicy,
    Cascade,
    GatewayConfig,
    Hedge,
    Learned,
    Model,
    ProviderConfig,
    Retries,
    Route,
)
from aver.gateway.prices.types import Rates

from .generated import configs

WHOLE = """\
feature: {name: assistant}
providers:
  openai: {kind: openai, credential: env:OPENAI_API_KEY}
  groq: {kind: openai, credential: file:/run/secrets/groq}
  local: {kind: openai, base_url: http://127.0.0.1:11434/v1/, timeouts: {first_token: 30, total: 10m}}
  azure: {kind: azure, base_url: https://x.openai.azure.com, credential: env:AZURE_KEY, options: {api_version: 2024-10-21}}
  aws: {kind: bedrock, options: {region: eu-west-1}}
models:
  gpt-4o-mini: {provider: openai}
  llama: {provider: groq, id: llama-3.3-70b, price: {input: 0.59, output: 0.79, cached: 0.000000001}}
  gpt-4o-eu:
    {provider: azure, id: my-deployment, price: gpt-4o, region: eu, context: 128000, capabilities: [tools, vision]}
routes:
  smart:
    models: [gpt-4o-eu, {model: gpt-4o-mini}]
    fallback: {context_window: [llama], rate_limit: [split]}
    retries: {attempts: 3}
    hedge: {quantile: 0.9}
    cache: {exact: 1h, semantic: 10m}
  split: {strategy: weighted, models: [{model: gpt-4o-mini, weight: 3}, llama]}
budgets:
- {name: team-month, per: user, limit: 20.50 usd, period: month}
- {per: key, limit: 60 requests, period: minute}
- {per: model, of: llama, limit: 1_000_000 tokens, period: day}
unknown_price: highest
"""


def parse(text):
    return parse_config(text, "aver.yaml")


def test_a_bundle_means_what_it_says():
    config = parse(WHOLE)
    assert config.providers["openai"] == ProviderConfig(
        "openai", "openai", "https://api.openai.com/v1", "env:OPENAI_API_KEY"
    )
    assert config.providers["groq"].base_url == "https://api.groq.com/openai/v1"
    assert config.providers["local"].base_url == "http://127.0.0.1:11434/v1"
    assert config.providers["local"].timeouts == ModelTimeouts(first_token=30, total=600)
    assert config.providers["azure"].options == {"api_version": "2024-10-21"}
    assert config.providers["aws"].base_url == "https://bedrock-runtime.eu-west-1.amazonaws.com"
    assert config.models["gpt-4o-mini"] == Model("gpt-4o-mini", "openai", "gpt-4o-mini", "gpt-4o-mini")
    assert config.models["llama"] == Model(
        "llama", "groq", "llama-3.3-70b", "llama-3.3-70b", rates=Rates(590_000_000, 790_000_000, 1)
    )
    assert config.models["gpt-4o-eu"] == Model(
        "gpt-4o-eu", "azure", "my-deployment", "gpt-4o", 128_000, None, frozenset({"tools", "vision"}), "eu"
    )
    assert config.routes["smart"] == Route(
        "smart",
        (Arm("gpt-4o-eu"), Arm("gpt-4o-mini")),
        fallback={"context_window": ("llama",), "rate_limit": ("split",)},
        retries=Retries(attempts=3),
        hedge=Hedge(quantile=0.9),
        cache=CachePolicy(exact=3600, semantic=600),
    )
    assert config.routes["split"] == Route("split", (Arm("gpt-4o-mini", 3), Arm("llama")), "weighted")
    assert config.budgets == (
        Budget("team-month", "user", "usd", 20_500_000_000, "month"),
        Budget("key-requests-minute", "key", "requests", 60, "minute"),
        Budget("model-llama-tokens-day", "model", "tokens", 1_000_000, "day", "llama"),
    )
    assert config.unknown_price == "highest"


@pytest.mark.parametrize("text", ["", "# nothing yet", "feature: {name: x}", "models:\nroutes:\nbudgets:\n"])
def test_a_bundle_need_not_declare_anything(text):
    assert parse(text) == GatewayConfig()


@given(configs)
def test_what_is_written_reads_back_equal(config):
    again = parse(dump_config(config))
    assert again == config
    assert again.digest == config.digest


@pytest.mark.parametrize(
    ("record", "shape", "names"),
    [
        (ProviderConfig, PROVIDER, {}),
        (Model, MODEL, {"rates": "price"}),
        (Route, ROUTE, {"arms": "models"}),
        (Budget, BUDGET, {"unit": "limit", "name": ""}),
        (Retries, RETRIES, {}),
        (Hedge, HEDGE, {}),
        (Cascade, CASCADE, {}),
        (Learned, LEARNED, {}),
        (CachePolicy, CACHE, {}),
        (Rates, RATES, {}),
    ],
)
def test_every_field_can_be_written(record, shape, names):
    wanted = {names.get(each.name, each.name) for each in fields(record)} - {"name"}
    assert wanted - {""} <= set(shape.fields)


def test_a_bundle_is_a_directory_or_its_file(tmp_path):
    (tmp_path / "aver.yaml").write_text(WHOLE, encoding="utf-8")
    assert read_bundle(tmp_path) == read_bundle(tmp_path / "aver.yaml") == parse(WHOLE)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_bundle_that_cannot_be_read_says_so(tmp_path, content):
    if content is not None:
        (tmp_path / "aver.yaml").write_bytes(content)
    with pytest.raises(SettingsError, match=r"aver\.yaml cannot be read: (No such file|it is not UTF-8)"):
        read_bundle(tmp_path)


def test_a_trained_router_must_be_in_the_bundle(tmp_path):
    text = (
        "providers: {p: {kind: openai}}\nmodels: {m: {provider: p}}\n"
        "routes:\n  r:\n    strategy: learned\n    models: [m]\n    learned: {model: router.json}\n"
    )
    (tmp_path / "aver.yaml").write_text(text)
    with pytest.raises(SettingsError, match=r"aver\.yaml:7: there is no file 'router\.json' in the bundle"):
        read_bundle(tmp_path)
    (tmp_path / "router.json").write_text("{}")
    assert read_bundle(tmp_path).routes["r"].learned == Learned("router.json")
