"""Prompts as files, and what a bundle says of the assistant."""

import json

import jsonschema
import pytest
import yaml

from aver.agents import Release
from aver.core.errors import SettingsError
from aver.server.assistant import FEATURE, RETRIEVAL
from aver.server.bundle import bundle_schema, followed, read_whole
from aver.server.prompts import Prompt, read_prompt
from aver.testing.clock import FixedClock

MODELS = """\
providers: {p: {kind: openai, base_url: "https://api.example.com/v1"}}
models: {m: {provider: p}}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "answer.md").write_text("Answer from the passages.\n")
    return tmp_path


def read(folder, text):
    (folder / "aver.yaml").write_text(MODELS + text)
    return read_whole(folder)


def prompt(folder, text):
    file = folder / "prompts" / "answer.md"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def test_a_prompt_is_the_text_after_its_front_matter(folder):
    plain = "Answer from the passages.\n\n---\n\nNothing else."
    assert read_prompt(prompt(folder, f"\n{plain}\n\n")) == Prompt(plain)
    front = "---\nabout: answers\ntemperature: 0.5\nmax_tokens: 300\n---\n"
    found = read_prompt(prompt(folder, front + plain))
    assert found == Prompt(plain, temperature=0.5, max_tokens=300)
    assert found.about == "answers"
    assert read_prompt(prompt(folder, "\ufeff---\n---\n" + plain)) == Prompt(plain)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "has no prompt"),
        ("---\ntemperature: 0\n---\n  \n", "has no prompt"),
        ("---\ntemperature: warm\n---\nx", r"answer\.md:2: expected a number"),
        ("---\n\ntemperatur: 1\n---\nx", r"answer\.md:3: .*temperatur"),
        (b"\xff\xfe", "is not UTF-8 text"),
        ("Answer\u200b.", r"U\+200B"),
        ("x" * 50_001, "50,001 of at most 50,000"),
    ],
)
def test_what_is_wrong_with_a_prompt_is_said_with_its_place(folder, text, cause):
    with pytest.raises(SettingsError, match=cause):
        read_prompt(prompt(folder, text))


def test_the_bundle_says_how_the_assistant_answers(folder):
    prompt(folder, "---\ntemperature: 0.5\nmax_tokens: 300\n---\nBe brief.")
    declared = "feature: {model: m, prompt: prompts/answer.md, temperature: 0.1, history: 0}\n"
    found = read(folder, declared + "retrieval: {passages: 12, context_tokens: 900, patience: 500ms}\n").assistant
    assert found.model == "m"
    release = Release("m", "e", **found.settings())
    assert release.instructions == "Be brief."
    assert (release.temperature, release.max_tokens, release.history) == (0.1, 300, 0)
    assert (release.passages, release.context_tokens, release.patience) == (12, 900, 0.5)
    assert read(folder, "").assistant.settings() == {}


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("feature: {prompt: prompts/anwser.md}\n", r"aver\.yaml:3: there is no file 'prompts/anwser\.md'"),
        ("feature: {prompt: ../answer.md}\n", "a path inside the bundle"),
        ("feature: {prompts: x}\n", "'prompts'"),
        ("retrieval: {passages: 0}\n", "from 1 to 100"),
        ("agents:\n  desk: {model: m, prompt: prompts/answer.md, instructions: x}\n", "4: .*instructions or a prompt"),
        ("agents:\n  desk: {model: m, prompt: prompts/none.md}\n", r"none\.md cannot be read"),
    ],
)
def test_a_mistake_is_said_with_its_place(folder, text, cause):
    with pytest.raises(SettingsError, match=cause):
        read(folder, text)


def test_an_agents_instructions_may_be_a_file(folder):
    from aver.agents.acting.declaration import AGENTS

    agents = read(folder, "agents:\n  desk: {model: m, prompt: prompts/answer.md}\n").agents
    assert agents["desk"].agent.instructions == "Answer from the passages."
    assert AGENTS.write(agents) == {"desk": {"model": "m", "prompt": "prompts/answer.md"}}


def test_what_is_read_is_written_again(folder):
    found = read(folder, "feature: {model: m, prompt: prompts/answer.md, history: 2}\nretrieval: {passages: 3}\n")
    assert FEATURE.write(found.assistant) == {"model": "m", "prompt": "prompts/answer.md", "history": 2}
    assert RETRIEVAL.write(found.assistant.retrieval) == {"passages": 3}


def test_the_schema_takes_what_is_read(folder):
    schema = json.loads(json.dumps(bundle_schema()))
    text = "feature: {prompt: prompts/answer.md, temperature: 1}\nretrieval: {passages: 3, patience: 1s}\n"
    read(folder, text)
    jsonschema.validate(yaml.safe_load(MODELS + text), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"retrieval": {"passages": 0}}, schema)


def test_a_running_server_follows_its_prompts(folder):
    read(folder, "feature: {prompt: prompts/answer.md}\n")
    clock = FixedClock()
    source = followed(folder, clock)
    before = source()

    def rewrite(text):
        prompt(folder, text)
        clock.advance(2.0)
        source()
        return source.settle().assistant.told.text

    assert rewrite("Answer at length.") == "Answer at length."
    assert rewrite("") == "Answer at length."
    assert "has no prompt" in source.problem.cause
    assert rewrite("Answer from the passages.") == before.assistant.told.text
