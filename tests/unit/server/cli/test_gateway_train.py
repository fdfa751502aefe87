"""Training a route's router from a file of examples."""

import json
import random

import pytest

from aver.gateway.routing.learned_file import load
from aver.server.cli import main
from aver.testing import HashEmbedder
from tests.servers import open_application

BUNDLE = """
providers: {main: {kind: openai, base_url: "http://127.0.0.1:1/v1"}}
models: {small: {provider: main}, large: {provider: main}, other: {provider: main}}
routes: {chat: {models: [small, large]}}
"""


@pytest.fixture
def aver(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "aver.yaml").write_text(BUNDLE)

    def run(*words, code=0):
        command = ["--data", "data", "gateway", "train", *words]
        assert main(command, open_application=open_application) == code
        return capsys.readouterr().out

    return run


def write(folder, hard_for_the_small_one):
    """Prompts of two kinds, and how often the small model does the second kind well."""
    draw = random.Random(1)
    lines = []
    for number in range(400):
        hard = number % 2
        text = f"prove the theorem numbered {number}" if hard else f"spell the word w{number}"
        small = hard_for_the_small_one if hard else 0.97
        success = {"small": float(draw.random() < small), "large": float(draw.random() < 0.97)}
        lines.append(json.dumps({"text": text, "success": success, "cost": {"small": 1, "large": 20}}))
    (folder / "examples.jsonl").write_text("\n".join(lines) + "\n\n")
    return "--examples", "examples.jsonl", "--route", "chat", "--out", "router.json"


def test_a_router_that_is_better_is_written_and_says_so(aver, tmp_path):
    found = json.loads(aver(*write(tmp_path, 0.1), "--target", "0.95", "--json"))
    assert (found["verdict"], found["estimate"]["best"]) == ("better", "large")
    assert found["estimate"]["gain"]["low"] > 0
    assert found["estimate"]["cost"] < 0.8
    router = load(tmp_path / "router.json", HashEmbedder())
    assert router.models == ("small", "large")
    printed = aver(*write(tmp_path, 0.1), "--target", "0.95")
    assert "better: each prompt gets its model (from 400 examples)" in printed
    assert "learned: {model: router.json}" in printed


def test_a_router_that_is_not_better_says_so_too(aver, tmp_path):
    words = write(tmp_path, 0.97)
    (tmp_path / "examples.jsonl").write_text(
        (tmp_path / "examples.jsonl").read_text().replace('"cost": {"small": 1, ', '"cost": {"small": 20, ')
    )
    assert "not better" in aver(*words)


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("{", "examples.jsonl:1: this is no JSON"),
        ("[]", "examples.jsonl:1: expected an object"),
        ('{"text": 1, "success": {}}', "examples.jsonl:1: expected an object"),
        ('{"text": "a"}', "examples.jsonl:1: expected an object"),
        ('{"text": "a", "success": {"small": 2}}', "examples.jsonl:1: success is not numbers"),
        ('{"text": "a", "success": {"small": true}}', "examples.jsonl:1: success is not numbers"),
        ('{"text": "a", "success": {}, "cost": {"small": -1}}', "examples.jsonl:1: cost is not numbers"),
        ('{"text": "a", "success": {}, "costs": {}}', "'costs' is not known here"),
        ('{"text": "a", "success": {"other": 1}}', "The route 'chat' cannot ask 'other'"),
        ('{"text": "a", "success": {"small": 1, "large": 0}, "cost": {"small": 1, "large": 2}}', "Only 1 outcomes"),
    ],
)
def test_a_mistake_in_the_examples_is_code_2_with_its_line(aver, tmp_path, line, cause):
    words = write(tmp_path, 0.1)
    (tmp_path / "examples.jsonl").write_text(line)
    problem = json.loads(aver(*words, "--json", code=2))
    assert cause in problem["detail"]
    assert problem["next_step"]
    assert not (tmp_path / "router.json").exists()


def test_what_is_not_there_is_named(aver, tmp_path):
    words = write(tmp_path, 0.1)
    problem = json.loads(aver(*words, "--route", "chta", "--json", code=2))
    assert (problem["detail"], problem["next_step"]) == ("aver.yaml has no route 'chta'", "Did you mean 'chat'?")
    aver("--examples", "none.jsonl", *words[2:], code=3)
    assert "cannot be written" in json.loads(aver(*words, "--out", "none/router.json", "--json", code=2))["detail"]
