import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from aver.core.errors import SettingsError
from aver.core.yaml import parse_yaml
from aver.gateway.config.description import schema
from aver.gateway.config.dump import dump_config
from aver.gateway.config.read import parse_config
from aver.gateway.config.types import GatewayConfig, ProviderConfig

from .generated import configs

SCHEMA = Draft202012Validator(schema())

junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10**6)
    | st.floats(-2, 2, allow_nan=False)
    | st.text(max_size=4)
    # words that are right somewhere else
    | st.sampled_from(
        ["openai", "weighted", "10m", "20 usd", "60 requests", "env:KEY", "https://x.example.com", "user"]
    ),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=3,
)


def plain(text):
    return parse_yaml(text, "aver.yaml").plain()


def places(value, path=()):
    """Every path in a document."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in inner:
        yield from places(each, (*path, step))


@st.composite
def damaged(draw):
    """A valid document in which up to three values were replaced, removed, or joined by another."""
    document = plain(dump_config(draw(configs))) or {}
    for _ in range(draw(st.integers(1, 3))):
        *above, last = draw(st.sampled_from([path for path in places(document) if path] or [("models",)]))
        holder = document
        for step in above:
            holder = holder[step]
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace":
                holder[last] = draw(junk)
            case "remove" if isinstance(holder, dict):
                holder.pop(last, None)
            case _ if isinstance(holder, dict):
                holder[draw(st.text(max_size=3))] = draw(junk)
            case _:
                holder.append(draw(junk))
    return document


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA.schema)


@given(configs)
def test_what_is_valid_validates(config):
    SCHEMA.validate(plain(dump_config(config)))


@pytest.mark.parametrize(
    "word", ["1e5", "1e400", "-.5E3", "12", "1.", "true", "null", "~", "2026-01-31", "12:30", "on"]
)
def test_text_is_written_as_text_whatever_it_looks_like(word):
    text = dump_config(GatewayConfig({"p": ProviderConfig("p", "openai", "http://x", headers={"X-Team": word})}))
    for read in (plain, yaml.safe_load):
        assert read(text)["providers"]["p"]["headers"] == {"X-Team": word}


@given(damaged())
def test_what_the_schema_refuses_the_parser_refuses(document):
    text = yaml.safe_dump(document, allow_unicode=True)
    try:
        read = plain(text)
    except SettingsError:
        return  # not even YAML as Aver reads it
    try:
        parse_config(text, "aver.yaml")
    except SettingsError:
        return
    SCHEMA.validate(read)


@pytest.mark.parametrize(
    "text",
    [
        "modles: {}",
        "models: {m: {}}",
        "models: {m: {provider: p, capabilities: [tols]}}",
        "providers: {p: {kind: opnai}}",
        "providers: {p: {kind: openai, credential: sk-123}}",
        "providers: {p: {kind: openai, timeouts: {total: 0}}}",
        "routes: {r: {models: []}}",
        "routes: {r: {models: [a], strategy: best}}",
        "routes: {r: {models: [{model: a, weight: 0}]}}",
        "routes: {r: {models: [a], hedge: {quantile: 1}}}",
        "routes: {r: {models: [a], fallback: {timeout: [b]}}}",
        "budgets: [{per: user, limit: 20, period: month}]",
        "budgets: [{per: user, limit: 20 eur, period: month}]",
        "budgets: [{per: user, limit: 1.5 requests, period: month}]",
    ],
)
def test_an_editor_sees_the_mistake(text):
    assert not SCHEMA.is_valid(plain(text))
    with pytest.raises(SettingsError):
        parse_config(text, "aver.yaml")
