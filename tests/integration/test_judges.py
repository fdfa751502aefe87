"""Judges on the command line: held against labels, kept, shown; and asked over real HTTP."""

from __future__ import annotations

import json
import re

import pytest

from aver.server.cli import main
from aver.testing.provider import FakeProvider
from aver.testing.replies import Received, Reply
from tests.conftest import shared_data

BUNDLE = """
providers: {{main: {{kind: openai, base_url: "{url}"}}}}
models: {{judge: {{provider: main, id: judge-1, price: {{input: 1, output: 1}}}}}}
evals:
  judges:
    helpful: {{rubric: helpful.md, model: judge, calibration: labels.jsonl, least_kappa: 0.5}}
"""


def examine(received: Received) -> Reply:
    """Grades as its instructions say: 5 for what says ten days, else 1."""
    token = re.search(r'"token": "([0-9a-f]+)"', received.prompt.replace('\\"', '"'))
    response = received.prompt.rpartition("Response to grade:")[2]
    return Reply(json.dumps({"token": token[1], "grade": 5 if "ten days" in response else 1, "reason": "As it says."}))


@pytest.fixture
def aver(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*words, code=0):
        assert main(["--data", str(tmp_path / "data"), *words]) == code
        return capsys.readouterr()

    return run


def labels(count=40):
    for number in range(count):
        good = number % 3 > 0
        text = f"Up to ten days, {number}." if good else f"No idea, {number}."
        yield {"question": "How many?", "response": text, "labels": {"anna": 5 if good else 1, "ben": 4 if good else 1}}


def write(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_a_judge_is_asked_kept_shown_and_stale(aver, tmp_path):
    write(tmp_path / "labels.jsonl", labels())
    (tmp_path / "helpful.md").write_text("How helpful is it?")
    with FakeProvider(examine) as server:
        (tmp_path / "aver.yaml").write_text(BUNDLE.format(url=server.base_url))
        aver("tenant", "create", "acme")
        before = json.loads(aver("judge", "show", "--bundle", ".", "--json").out)["judges"]
        assert [(each["name"], each["may_gate"], each["calibration"]) for each in before] == [("helpful", False, None)]
        words = ("judge", "calibrate", "--judge", "helpful", "--tenant", "acme", "--bundle", ".")
        found = json.loads(aver(*words, "--json").out)
    assert (found["items"], found["failed"], found["canaries"]) == (40, 0, [0, 14])
    assert found["standing"]["may_gate"]
    assert (tmp_path / "helpful.calibration.json").is_file()
    assert json.loads(aver("judge", "show", "helpful", "--bundle", ".", "--json").out)["judges"][0]["may_gate"]
    assert "may gate: It agrees with people" in aver("judge", "show", "helpful", "--bundle", ".").out
    (tmp_path / "helpful.md").write_text("How helpful is it really?")
    assert "stale" in aver("judge", "show", "--bundle", ".").out


def test_recorded_judgements_ask_no_model(aver, tmp_path):
    write(tmp_path / "labels.jsonl", ({**each, "judge": each["labels"]["anna"]} for each in labels()))
    out = aver("judge", "calibrate", "labels.jsonl", "--out", "kept.json").out
    assert "40 labels by 2 people" in out
    assert "may gate" in out
    assert json.loads((tmp_path / "kept.json").read_text())["format"] == "aver-calibration-1"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "It is not said which judge"),
        (("labels.jsonl", "--judge", "helpful"), "It is not said which judge"),
        (("none.jsonl",), "cannot be read"),
        (("labels.jsonl",), "judged none of these"),
        (("labels.jsonl", "--scale", "five"), "'five' is no scale"),
        (("--judge", "helpful"), "for which tenant"),
        (("--judge", "helpfull", "--tenant", "acme", "--bundle", "."), "Did you mean 'helpful'"),
    ],
)
def test_mistakes(aver, tmp_path, words, said):
    write(tmp_path / "labels.jsonl", labels())
    (tmp_path / "aver.yaml").write_text(BUNDLE.format(url="http://127.0.0.1:1/v1"))
    code = 3 if "none.jsonl" in words else 2
    assert said in aver("judge", "calibrate", *words, code=code).err


def test_pandalm_is_reproduced_and_refused(aver, tmp_path):
    """A model judge of 2023 as measured by others: 69.8 % with most of three people, who agree with each other in 92 %."""
    folder = shared_data("judges")
    shown = json.loads((folder / "pandalm_testset-v1.json").read_text())
    said = json.loads((folder / "pandalm_gpt-3.5-turbo.json").read_text())
    people, judge = {0: "tie", 1: "first", 2: "second"}, {"Tie": "tie", "1": "first", "2": "second"}
    rows = (
        {
            "question": pair["instruction"],
            "first": str(pair["response1"] or ""),
            "second": str(pair["response2"] or ""),
            "labels": {str(who): people[pair[f"annotator{who}"]] for who in (1, 2, 3)},
            "judge": judge.get(verdict["gpt_result"]),
            "cluster": pair["instruction"],
        }
        for pair, verdict in zip(shown, said, strict=True)
    )
    write(tmp_path / "pairs.jsonl", rows)
    found = json.loads(aver("judge", "calibrate", "pairs.jsonl", "--json").out)
    assert found["agreement"]["value"] == pytest.approx(0.698, abs=5e-4)
    assert found["people"]["value"] == pytest.approx(0.920, abs=5e-4)
    assert found["corrected"]["value"] == pytest.approx(found["true"]["value"], abs=1e-9)
    assert (found["items"], found["failed"], found["standing"]["may_gate"]) == (999, 25, False)
    assert json.loads(aver("judge", "calibrate", "pairs.jsonl", "--least-kappa", "0.4", "--json").out)["standing"][
        "may_gate"
    ]
