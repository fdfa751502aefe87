"""The section ``sandbox`` of a bundle."""

import jsonschema
import pytest
import yaml

from aver.agents.sandbox import Host, Limits, Network, Secret, declaration
from aver.agents.sandbox.declaration import SANDBOX, network_of, parse_sandbox, read_sandbox, sandbox_schema
from aver.core.errors import SettingsError

EXAMPLE = declaration.__doc__.split("::\n", 1)[1].split("\nUnder")[0]


async def test_what_is_declared_is_what_is_run_within():
    declared = parse_sandbox(EXAMPLE, "aver.yaml")
    assert (declared.level, declared.code) == ("strict", Limits(seconds=10, memory_mb=256))
    prices = declared.tools["prices"]
    assert prices.limits == Limits(seconds=5)

    async def resolve(reference):
        return reference.removeprefix("env:").lower()

    hosts = [Host("api.example.com"), Host("metrics.internal", 8080, tls=False, private=True)]
    secret = Secret("PRICES_KEY", "prices_key", ("api.example.com",))
    assert await network_of(prices.network, resolve) == Network(hosts, [secret])
    assert await network_of(None, resolve) is None


def test_what_is_written_is_read_back_and_fits_its_schema():
    declared = parse_sandbox(EXAMPLE, "aver.yaml")
    written = SANDBOX.write(declared)
    assert parse_sandbox(yaml.safe_dump({"sandbox": written}), "aver.yaml") == declared
    jsonschema.validate(written, sandbox_schema())
    jsonschema.validate(yaml.safe_load(EXAMPLE)["sandbox"], sandbox_schema())


@pytest.mark.parametrize("text", ["", "models: {}", "sandbox:", "sandbox: {}", "sandbox: {code: }"])
def test_without_a_word_everything_is_held_and_no_code_is_run(text, tmp_path):
    (tmp_path / "aver.yaml").write_text(text)
    declared = read_sandbox(tmp_path)
    assert (declared.level, declared.code, declared.tools) == ("strict", None, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{level: strickt}", "Did you mean 'strict'"),
        ("{code: {memory_mb: 3}}", "from 64"),
        ("{code: {seconds: 0}}", "above 0"),
        ("{tools: {a: {network: {}}}}", "hosts"),
        ("{tools: {a: {network: {hosts: {h: {port: 70000}}}}}}", "65535"),
        ("{tools: {a: {network: {hosts: {h: {}}, secrets: {K: {credential: s3cret, hosts: [h]}}}}}}", "never the credential"),
        ("{tools: {a: {network: {hosts: {h1: {}}, secrets: {K: {credential: 'env:K', hosts: [h2]}}}}}}", "may not connect to"),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_its_line(text, said):
    with pytest.raises(SettingsError, match=said) as wrong:
        parse_sandbox(f"models: {{}}\nsandbox: {text}", "aver.yaml")
    assert wrong.value.cause.startswith("aver.yaml:2: ")
    assert "s3cret" not in str(wrong.value)


def test_a_bundle_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        read_sandbox(tmp_path)
