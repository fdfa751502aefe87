"""Everything that a bundle declares, read and described as one."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from aver.core.errors import SettingsError
from aver.gateway.config.types import GatewayConfig
from aver.guard import Guardrails
from aver.server.bundle import Bundle, bundle_schema, followed, read_whole
from aver.testing.clock import FixedClock

PUBLISHED = Path(__file__).parents[3] / "docs" / "aver.schema.json"
BUNDLE = """\
providers: {p: {kind: openai, base_url: "https://api.example.com/v1"}}
models: {m: {provider: p}}
guardrails:
  input: {secrets: block}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "aver.yaml"
    path.write_text(BUNDLE)
    return path


def test_each_section_is_read_by_whoever_follows_it(file):
    whole = read_whole(file.parent)
    assert list(whole.gateway.models) == ["m"]
    assert whole.guardrails.places["input"]["secrets"].mode == "block"
    assert read_whole(file) == whole


@pytest.mark.parametrize("text", ["", "guardrails:\n", "feature: {}\n"])
def test_what_is_not_declared_is_nothing(file, text):
    file.write_text(text)
    assert read_whole(file) == Bundle(GatewayConfig(), Guardrails())


def test_a_mistake_in_one_section_leaves_all_of_the_old_in_force(file):
    clock = FixedClock()
    source = followed(file, clock)
    before = source()

    def rewrite(text):
        file.write_text(text)
        clock.advance(2.0)
        source()
        return source.settle()

    assert rewrite(BUNDLE.replace("m:", "n:").replace("block", "blok")) is before
    assert "aver.yaml:4" in source.problem.cause
    after = rewrite(BUNDLE.replace("m:", "n:").replace("block", "flag"))
    assert (list(after.gateway.models), after.guardrails.places["input"]["secrets"].mode) == (["n"], "flag")
    assert rewrite("guardrails: {input: {secrets: block}}\n") is after
    assert "no models any more" in source.problem.cause


@pytest.mark.parametrize("name", ["assistant", "search", "sources", "m"])
def test_an_agent_is_called_like_no_model_and_no_other_feature(file, name):
    file.write_text(BUNDLE + f"agents:\n  {name}: {{model: m}}\n")
    with pytest.raises(SettingsError, match=f"aver.yaml:6.*{name!r} is the name of a model or feature already"):
        read_whole(file)


def test_the_published_schema_takes_what_is_read_and_refuses_what_is_not(file):
    schema = bundle_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for text in (BUNDLE, "guardrails:\n", "guardrails: {tenants: {acme: {output: {personal: {mode: redact}}}}}\n"):
        jsonschema.validate(yaml.safe_load(text), schema)
        file.write_text(text)
        read_whole(file)
    for text in ("guardrails: {input: {secrets: explode}}\n", "guardrails: {entry: {}}\n"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(yaml.safe_load(text), schema)
        file.write_text(text)
        with pytest.raises(SettingsError):
            read_whole(file)


def test_the_published_schema_is_current():
    assert json.loads(PUBLISHED.read_text(encoding="utf-8")) == bundle_schema()
