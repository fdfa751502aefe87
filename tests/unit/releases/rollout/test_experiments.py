"""Experiments: what is declared, and what is said of how they came out."""

from __future__ import annotations

from dataclasses import replace

import jsonschema
import pytest

from aver.core.canonical import canonical_json
from aver.core.errors import SettingsError
from aver.core.yaml import parse_yaml
from aver.releases.rollout.analysis import analyse
from aver.releases.rollout.experiments import EXPERIMENTS, read_experiments, result
from aver.releases.rollout.machine import begin
from tests.unit.releases.rollout.conftest import NOW, grounded, observed_of, readings

TEXT = """
answer_length:
  variants: {short: {release: "tag:short"}, long: {release: "tag:long", weight: 2}}
  percent: 60
  samples: 50
  metrics:
    - {metric: groundedness, better_by: 0}
    - {metric: failed, no_worse_by: 0.2}
"""


def _experiment(text=TEXT):
    return read_experiments(parse_yaml(text, "aver.yaml"))["answer_length"]


def _observed(short, long, control=0.7, count=900):
    one = _experiment()
    rollout = begin(
        one.plan(),
        "production",
        "a" * 64,
        {"short": "b" * 64, "long": "c" * 64},
        NOW,
        by="ann",
        kind="experiment",
        weights=one.weights(),
    )
    observed = observed_of(rollout)
    for arm, share, mean in (("control", 0.4, control), ("short", 0.2, short), ("long", 0.4, long)):
        observed.add(readings(int(count * share), arm, grounded(mean)))
    return rollout, observed


def test_a_section_is_read_and_written_alike():
    one = _experiment()
    written = EXPERIMENTS.write({"answer_length": one})
    assert read_experiments(parse_yaml(canonical_json(written).decode(), "row")) == {"answer_length": one}
    jsonschema.validate(written, EXPERIMENTS.schema())
    assert one.weights() == {"short": 1, "long": 2}
    assert one.plan().stages[0].requires == "proven"


def test_the_result_is_a_sentence_for_each_variant():
    rollout, observed = _observed(short=0.9, long=0.7)
    said = result(rollout, analyse(rollout, observed))
    assert "short is better: groundedness of short is certainly better by 0" in said or "short is better" in said
    assert "long is not decided" in said
    assert "Turns: 360 of control, 180 of short, 360 of long." in said


def test_a_variant_that_harms_is_named_and_one_that_was_stopped_too():
    rollout, observed = _observed(short=0.4, long=0.95)
    said = result(rollout, analyse(rollout, observed))
    assert "short does harm" in said
    stopped = replace(rollout, variants=(replace(rollout.variants[0], stopped=True), rollout.variants[1]))
    assert "short was stopped." in result(stopped, analyse(stopped, observed))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("percent: 60", "percent: 100"), "below 100"),
        (("short: {release", "control: {release"), "cannot be called"),
        (("better_by: 0}", "better_by: 0, at_least: 1}"), "needs one bound"),
        (('{short: {release: "tag:short"}, long: {release: "tag:long", weight: 2}}', "{}"), "tries nothing"),
        (("short: {release", "Short: {release"), "small letters"),
    ],
)
def test_a_mistake_is_told(change, says):
    with pytest.raises(SettingsError) as caught:
        _experiment(TEXT.replace(*change))
    assert says in str(caught.value)
