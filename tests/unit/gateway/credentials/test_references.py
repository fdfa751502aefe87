"""References to secrets, and the secrets of this machine."""

import pytest

from aver.core.errors import ProviderDenied, SettingsError
from aver.gateway.credentials import Reference, Secrets
from aver.gateway.credentials.fields import field_of, field_within
from aver.testing import FixedClock


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("env:KEY", ("env", "KEY", "")),
        ("file:/run/secrets/a#b", ("file", "/run/secrets/a#b", "")),
        ("vault:secret/llm/openai#key", ("vault", "secret/llm/openai", "key")),
        ("aws:secretsmanager/llm#key", ("aws", "secretsmanager/llm", "key")),
        ("gcp:projects/p/secrets/s/versions/3", ("gcp", "projects/p/secrets/s/versions/3", "")),
        ("azure:https://v.vault.azure.net/secrets/s", ("azure", "https://v.vault.azure.net/secrets/s", "")),
    ],
)
def test_a_reference_is_read(text, parts):
    reference = Reference.parse(text)
    assert (reference.scheme, reference.place, reference.part) == parts
    assert str(reference) == text


@pytest.mark.parametrize("secret", ["sk-proj-0123456789", "", "hush:0123", "AKIA:secret", "https://a:b@c"])
def test_a_bare_secret_is_refused_and_not_shown(secret):
    with pytest.raises(SettingsError) as caught:
        Reference.parse(secret, "The credential of the provider main")
    assert "provider main" in caught.value.cause
    assert "env:NAME" in caught.value.next_step
    assert not secret or secret not in str(caught.value)


@pytest.mark.parametrize("text", ["env:", "file: ", "vault:#a"])
def test_a_reference_to_nothing_is_refused(text):
    with pytest.raises(SettingsError):
        Secrets({}).kept(text)


async def test_a_variable_is_read():
    secrets = Secrets({"KEY": " hush \n", "EMPTY": ""})
    assert await secrets.get("env:KEY") == "hush"
    for name in ("EMPTY", "NONE"):
        with pytest.raises(ProviderDenied, match=name):
            await secrets.get(f"env:{name}")


async def test_a_file_is_read_again_when_it_changes(tmp_path):
    file, clock = tmp_path / "key", FixedClock()
    file.write_text("first\n")
    secrets = Secrets({}, clock)
    assert await secrets.get(f"file:{file}") == "first"
    file.write_text("second\n")
    clock.advance(1)
    assert await secrets.get(f"file:{file}") == "second"
    file.unlink()
    clock.advance(1)
    assert await secrets.get(f"file:{file}") == "second", "the old value is kept while there is no other"


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe"])
async def test_a_file_without_a_secret_is_refused(tmp_path, content):
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ProviderDenied, match="key"):
        await Secrets({}).get(f"file:{file}")


@pytest.mark.parametrize(
    ("fields", "part", "expected"),
    [({"key": "a", "other": "b"}, "key", "a"), ({"only": "a\n"}, "", "a")],
)
def test_a_field_is_found(fields, part, expected):
    assert field_of(fields, Reference("vault", "p", part)) == expected


@pytest.mark.parametrize(
    ("fields", "part"), [({"key": "hush", "b": "c"}, ""), ({"key": "hush"}, "other"), ({"key": 5}, "key"), ({}, "")]
)
def test_a_field_that_is_not_there_is_refused(fields, part):
    with pytest.raises(ProviderDenied, match="vault:p") as caught:
        field_of(fields, Reference("vault", "p", part))
    assert "hush" not in str(caught.value)


def test_a_secret_of_json_has_fields():
    assert field_within('{"key": "a"}', Reference("aws", "p", "key")) == "a"
    assert field_within('{"key": "a"}', Reference("aws", "p")) == '{"key": "a"}'
    for text, part in (("hush", "key"), ("[1]", "key"), (" ", "")):
        with pytest.raises(ProviderDenied) as caught:
            field_within(text, Reference("aws", "p", part))
        assert "hush" not in str(caught.value)
