"""LiteLLM's configurations of the kinds that people have: converted, checked, served over fake providers, and asked by the official
clients. What they say is either in the bundle or named in the notes."""

import copy
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import anthropic
import openai
import pytest
import yaml

from aver.core.clock import SystemClock
from aver.gateway.config.dump import dump_config
from aver.gateway.config.litellm import convert_litellm
from aver.gateway.config.read import parse_config
from aver.gateway.prices.book import PriceBook, price_of
from aver.server.cli import main
from aver.testing.replies import Reply
from aver.testing.selftest.stage import Stage
from tests.integration.doors import house

FILES = sorted((Path(__file__).parent / "litellm_configs").glob("*.yaml"))
BOOK = PriceBook.load(SystemClock())
HERE = {
    "AZURE_EUS_BASE": "https://contoso-eus.openai.azure.com",
    "AZURE_API_BASE": "https://contoso.openai.azure.com",
    "LM_STUDIO": "http://studio.internal:1234/v1",
    "VERTEX_PROJECT": "contoso-ai",
}
"""What the configurations read from the environment, beside secrets."""
NAMED = {
    "azure": {"gpt-4o", "gpt-4o-mini", "claude"},
    "budgets": {"chat", "chat@paid", "chat@free"},
    "clouds": {"sonnet", "nova", "gemini-pro", "gemini-flash"},
    "credentials": {"chat", "chat-lost", "router", "typo", "granite"},
    "own_servers": {"llama", "qwen", "local-embed", "studio"},
    "routing": {"fast", "deep", "gpt-4", "gpt-3.5-turbo"},
    "vectors": {"embed", "embed-large", "rerank", "instruct"},
    "watched": {"chat"},
    "wildcards": {"openai/gpt-4o", "openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5", "groq/openai/gpt-oss-120b"},
}
"""Names that callers use, by file."""
PLACES = {
    "model_list",
    "litellm_params",
    "model_info",
    "cache_params",
    "model_group_alias",
} | {f"{each}_settings" for each in ("router", "litellm", "general")}
"""What is told setting by setting; what is in others is told together with them."""
LEFT_OUT = {"vectors": (4, 5, 6), "wildcards": (3, 4)}
"""Deployments that are told as a whole, by file and place in the list."""
UNPRICED = {"credentials": {"chat-lost", "typo", "granite"}}


def converted(text):
    return convert_litellm(text, HERE, BOOK)


def outcome(config):
    """The bundle, and how often each thing is told, wherever."""
    bundle, notes = converted(yaml.safe_dump(config, sort_keys=False))
    return bundle, Counter((note.kind, note.text) for note in notes)


def paths(value, path=()):
    """Of every setting, lists' items included."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from paths(inner, (*path, key))


def changed(config, path, *, gone):
    """Without a setting, or with another value."""
    made = copy.deepcopy(config)
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    value = inner.pop(path[-1])
    if not gone:
        new = not value if isinstance(value, bool) else "os.environ/ANOTHER"
        if isinstance(inner, list):
            inner.insert(path[-1], new)
        else:
            inner[path[-1]] = new
    return made


def matters(config, path, whole):
    """What says that which holds anyway makes no difference by going, but by saying something else."""
    return any(outcome(changed(config, path, gone=gone)) != whole for gone in (True, False))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_setting_is_in_the_bundle_or_in_the_notes(file):
    config = yaml.safe_load(file.read_text())
    whole = outcome(config)
    told = " ".join(text for _, text in whole[1])
    for path in paths(config):
        covered = any(isinstance(each, str) and each not in PLACES and each in told for each in path[:-1])
        if path[0] == "model_list" and path[1:2] and path[1] in LEFT_OUT.get(file.stem, ()):
            covered = len(path) > 2
        assert covered or matters(config, path, whole), f"{path} is dropped, and nobody is told"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_converted_file_is_checked_by_the_command_line(file, tmp_path, monkeypatch, capsys):
    for name in [name for name in os.environ if name.startswith("AVER_")]:
        monkeypatch.delenv(name)
    for name, value in HERE.items():
        monkeypatch.setenv(name, value)
    assert main(["gateway", "convert", str(file), "--out", str(tmp_path / "made")]) == 0
    shown = capsys.readouterr()
    lines = shown.err.splitlines()
    assert all(line.startswith(f"{file}:") for line in lines[:-1])
    assert lines[-1].endswith(f"next: aver gateway check {tmp_path / 'made'}")
    assert main(["gateway", "check", str(tmp_path / "made")]) == 0
    assert "is valid" in capsys.readouterr().out
    assert "in-clear" not in (tmp_path / "made" / "aver.yaml").read_text() + shown.err


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_official_clients_are_answered_under_every_name(file, tmp_path):
    bundle = parse_config(converted(file.read_text())[0], "aver.yaml")
    unpriced = {name for name, model in bundle.models.items() if price_of(model, BOOK) is None}
    assert unpriced == UNPRICED.get(file.stem, set())
    names = {*bundle.models, *bundle.routes}
    assert names >= NAMED[file.stem]
    faked = Stage(bundle, "http://ROOT.invalid", 1).config().providers
    providers = {name: replace(each, credential="env:PROVIDER_KEY") for name, each in faked.items()}
    declared = dump_config(replace(bundle, providers=providers)).replace("http://ROOT.invalid", "ROOT")
    with house(tmp_path, declared) as home:
        home.reply = Reply("Twenty days.")
        key = home.key()
        with (
            openai.OpenAI(base_url=f"{home.served.url}/v1", api_key=key, max_retries=0) as one,
            anthropic.Anthropic(base_url=home.served.url, api_key=key, max_retries=0) as other,
        ):
            assert names <= {model.id for model in one.models.list()}
            for name in sorted(NAMED[file.stem] - unpriced):
                ask(one, other, name)


def ask(one, other, name):
    if "embed" in name:
        assert len(one.embeddings.create(model=name, input=["leave", "salaries"]).data) == 2
        return
    if name == "rerank":
        asked = {"model": name, "query": "leave", "documents": ["leave", "salary"]}
        assert len(one.post("/rerank", body=asked, cast_to=dict)["results"]) == 2
        return
    asked = [{"role": "user", "content": f"How many days of leave does {name} get?"}]
    whole = one.chat.completions.create(model=name, messages=asked)
    assert whole.choices[0].message.content == "Twenty days."
    stream = one.chat.completions.create(model=name, messages=asked, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == "Twenty days."
    message = other.messages.create(model=name, messages=asked, max_tokens=100)
    assert message.content[0].text == "Twenty days."
