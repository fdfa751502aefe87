"""Each kind of provider gets its credential as it wants it."""

import json

import pytest

from aver.core.errors import ProviderDenied, SettingsError
from aver.gateway.config.types import ProviderConfig
from aver.gateway.credentials import Secrets, signer
from aver.gateway.wire.types import HttpRequest
from aver.testing import FixedClock

ENVIRONMENT = {"KEY": "hush", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "hush too"}


def of(kind, credential="env:KEY", environment=ENVIRONMENT, **fields):
    return signer(ProviderConfig("main", kind, "https://x", credential, **fields), environment)


async def signed(signer_, **headers):
    request = HttpRequest("https://x/model/anthropic.claude-v2%3A1/converse", b"{}", headers)
    await signer_.sign(request)
    return request.headers


@pytest.mark.parametrize(
    ("kind", "headers"),
    [
        ("openai", {"Authorization": "Bearer hush"}),
        ("responses", {"Authorization": "Bearer hush"}),
        ("cohere", {"Authorization": "Bearer hush"}),
        ("litellm", {"Authorization": "Bearer hush"}),
        ("azure", {"api-key": "hush"}),
        ("anthropic", {"x-api-key": "hush", "anthropic-version": "2023-06-01"}),
        ("gemini", {"x-goog-api-key": "hush"}),
        ("vertex", {"Authorization": "Bearer hush"}),
        ("bedrock", {"Authorization": "Bearer hush"}),
    ],
)
async def test_a_key_is_put_where_its_provider_wants_it(kind, headers):
    by = of(kind)
    assert list(by.secrets()) == []
    assert await signed(by, accept="a") == {"accept": "a", **headers}
    assert await signed(by) == headers
    assert list(by.secrets()) == ["hush"]
    assert "hush" not in repr(by)


@pytest.mark.parametrize("kind", ["openai", "gemini", "cohere"])
async def test_a_server_without_keys_gets_none(kind):
    assert await signed(of(kind, "")) == {}


async def test_betas_of_the_provider_and_of_the_request_are_joined():
    by = of("anthropic", headers={"Anthropic-Beta": "a", "anthropic-version": "2024-01-01", "x-other": "1"})
    assert await signed(by, **{"anthropic-beta": "b"}) == {
        "x-api-key": "hush",
        "anthropic-version": "2024-01-01",
        "anthropic-beta": "a,b",
    }
    assert (await signed(by))["anthropic-beta"] == "a"
    bearer = await signed(of("anthropic", options={"auth": "bearer"}))
    assert bearer == {"Authorization": "Bearer hush", "anthropic-version": "2023-06-01"}


async def test_a_rotated_key_is_used(tmp_path):
    file, clock = tmp_path / "key", FixedClock()
    file.write_text("first")
    secrets = Secrets({}, clock)
    by = signer(ProviderConfig("main", "openai", "https://x", f"file:{file}"), {}, secrets=secrets)
    assert await signed(by) == {"Authorization": "Bearer first"}
    file.write_text("second")
    clock.advance(2)
    assert await signed(by) == {"Authorization": "Bearer second"}


async def test_a_missing_key_fails_the_call_and_names_the_reference():
    by = of("openai", "env:NONE")
    with pytest.raises(ProviderDenied, match="NONE"):
        await signed(by)


@pytest.mark.parametrize("kind", ["openai", "anthropic", "bedrock"])
def test_a_bare_key_in_configuration_is_refused(kind):
    with pytest.raises(SettingsError) as caught:
        of(kind, "sk-proj-hush")
    assert "provider main" in caught.value.cause
    assert "hush" not in str(caught.value)


async def test_bedrock_is_signed_by_whoever_aver_is_to_aws():
    by = of("bedrock", "", options={"region": "eu-west-1"})
    headers = await signed(by, **{"Content-Type": "application/json"})
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKID/")
    assert "/eu-west-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date," in headers["Authorization"]
    assert "hush" not in str(headers)
    assert set(by.secrets()) == {"hush too", "AKID"}


async def test_a_bedrock_key_of_the_environment_is_used_as_awss_tools_do():
    by = of("bedrock", "", ENVIRONMENT | {"AWS_BEARER_TOKEN_BEDROCK": "token"})
    assert await signed(by) == {"Authorization": "Bearer token"}


def test_bedrock_without_a_region_is_refused():
    with pytest.raises(SettingsError, match="region"):
        of("bedrock", "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        (json.dumps({"type": "external_account"}), "external_account"),
        (json.dumps({"type": "service_account", "private_key": "hush", "client_email": "a"}), "key"),
    ],
)
async def test_credentials_of_google_that_cannot_be_used_are_refused(text, words):
    with pytest.raises(ProviderDenied, match=words) as caught:
        await signed(of("vertex", environment={"KEY": text}))
    assert "hush" not in str(caught.value)


async def test_the_shared_file_of_aws_is_read_by_profile(tmp_path):
    file = tmp_path / "credentials"
    file.write_text(
        "[default]\naws_access_key_id = A\naws_secret_access_key = hush\n"
        "[other]\naws_access_key_id = B\naws_secret_access_key = hush\naws_session_token = t\n[empty]\n"
    )
    environment = {"AWS_SHARED_CREDENTIALS_FILE": str(file), "AWS_REGION": "eu-west-1"}
    assert "Credential=A/" in (await signed(of("bedrock", "", environment)))["Authorization"]
    other = await signed(of("bedrock", "", environment | {"AWS_PROFILE": "other"}))
    assert "Credential=B/" in other["Authorization"]
    assert other["X-Amz-Security-Token"] == "t"
    named = of("bedrock", "", environment | ENVIRONMENT, options={"profile": "other"})
    assert "Credential=B/" in (await signed(named))["Authorization"]
    with pytest.raises(ProviderDenied, match="empty"):
        await signed(of("bedrock", "", environment, options={"profile": "empty"}))
    file.write_text("hush")
    with pytest.raises(ProviderDenied) as caught:
        await signed(of("bedrock", "", environment))
    assert "hush" not in str(caught.value)
