"""Every provider of flags gives the same answers to the same questions, through OpenFeature's own client, with nothing asked of a network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from aver.core.errors import SettingsError
from aver.core.yaml import parse_yaml
from aver.releases.flags.declaration import read_flags
from aver.releases.flags.opening import open_provider
from aver.releases.flags.service import Flags
from aver.releases.flags.types import FlagsConfig, Source
from tests.contract.flag_files import BUNDLE, FLAGD, LAUNCHDARKLY, SHAPE, optimizely

PROVIDERS = ["aver", "flagd", "launchdarkly", "optimizely"]
PILOT = EvaluationContext("ann", {"tenant": "acme", "groups": ["pilots"]})
OTHER = EvaluationContext("ben", {"tenant": "acme", "groups": ["sales"]})


@pytest.fixture(params=PROVIDERS)
def client(request: pytest.FixtureRequest, tmp_path: Path):
    if request.param == "aver":
        config = read_flags(parse_yaml(BUNDLE, "aver.yaml"))
    else:
        written = {"flagd": FLAGD, "launchdarkly": LAUNCHDARKLY, "optimizely": optimizely()}[request.param]
        (tmp_path / "flags.json").write_text(json.dumps(written))
        config = FlagsConfig(source=Source(request.param, "flags.json"))
    provider = open_provider(config, tmp_path, Flags(lambda: config.declared))
    api.set_provider_and_wait(provider, request.param) if hasattr(api, "set_provider_and_wait") else api.set_provider(
        provider, request.param
    )
    yield api.get_client(request.param)
    api.shutdown()
    api.clear_providers()


def test_who_is_targeted_gets_the_variant_and_the_others_the_default(client: OpenFeatureClient):
    assert client.get_boolean_value("beta", default_value=False, evaluation_context=PILOT) is True
    assert client.get_boolean_value("beta", default_value=True, evaluation_context=OTHER) is False
    assert client.get_string_value("tone", "?", PILOT) == "warm"
    assert client.get_string_value("tone", "?", OTHER) == "plain"
    assert client.get_integer_value("limit", 0, PILOT) == 8
    assert client.get_integer_value("limit", 0, OTHER) == 3
    assert client.get_float_value("ratio", 0.0, PILOT) == 0.5
    assert client.get_object_value("shape", {}, OTHER) == SHAPE


def test_the_answer_says_which_variant_it_is_and_why(client: OpenFeatureClient):
    details = client.get_boolean_details("beta", default_value=False, evaluation_context=PILOT)
    assert details.reason in {Reason.TARGETING_MATCH, "RULE_MATCH"}  # LaunchDarkly keeps its own word
    assert details.error_code is None
    assert str(details.variant) in {"on", "0"}  # LaunchDarkly names variants by number


def test_a_flag_that_does_not_exist_gives_what_the_caller_said(client: OpenFeatureClient):
    details = client.get_string_details("nowhere", "instead", PILOT)
    assert (details.value, details.error_code, details.reason) == ("instead", ErrorCode.FLAG_NOT_FOUND, Reason.ERROR)


def test_a_flag_of_another_type_gives_what_the_caller_said(client: OpenFeatureClient):
    details = client.get_integer_details("tone", 7, PILOT)
    assert (details.value, details.error_code) == (7, ErrorCode.TYPE_MISMATCH)


async def test_asking_without_waiting_gives_the_same(client: OpenFeatureClient):
    assert await client.get_string_value_async("tone", "?", PILOT) == "warm"
    assert await client.get_boolean_value_async("beta", default_value=True, evaluation_context=OTHER) is False


@pytest.mark.parametrize("kind", PROVIDERS[1:])
@pytest.mark.parametrize("text", [None, "{flags: "])
def test_a_file_that_is_missing_or_broken_is_told(kind, text, tmp_path):
    if text is not None:
        (tmp_path / "flags.json").write_text(text)
    with pytest.raises(SettingsError) as caught:
        open_provider(FlagsConfig(source=Source(kind, "flags.json")), tmp_path, Flags(dict))
    assert "flags.json" in caught.value.cause


def test_a_file_that_is_no_datafile_is_told(tmp_path):
    (tmp_path / "flags.json").write_text("{}")
    with pytest.raises(SettingsError):
        open_provider(FlagsConfig(source=Source("optimizely", "flags.json")), tmp_path, Flags(dict))
