"""The section ``rollout``: what is read is what is written, and what is off says where."""

from __future__ import annotations

import jsonschema
import pytest

from aver.core.canonical import canonical_json
from aver.core.errors import SettingsError
from aver.core.yaml import parse_yaml
from aver.releases.rollout.declaration import ROLLOUT, plan_digest, read_plan, written
from aver.releases.rollout.plan import Holdout, Shadow, Spikes
from tests.unit.releases.rollout.conftest import PLAN, plan_of

WHOLE = (
    PLAN
    + """
alpha: 0.02
proof: 0.1
shadow: {percent: 10, usd: 5}
holdout: {percent: 2, lasting: 30d}
spikes: {times: 4}
"""
)


def test_a_plan_is_read_and_written_alike():
    plan = plan_of(WHOLE)
    assert (plan.shadow, plan.holdout) == (Shadow(10, 5), Holdout(2, 30 * 86400))
    assert plan.spikes == Spikes(4)
    again = read_plan(parse_yaml(canonical_json(written(plan)).decode(), "row"))
    assert again == plan
    assert plan_digest(again) == plan_digest(plan) != plan_digest(plan_of())
    jsonschema.validate(written(plan), ROLLOUT.schema())


def test_spikes_can_be_switched_off():
    plan = plan_of(PLAN + "spikes: off\n")
    assert plan.spikes is None
    assert plan_of(canonical_json(written(plan)).decode()) == plan


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("stages: []\nmetrics: [{metric: failed, at_most: 0.1}]", 1, "empty"),
        ("stages:\n- {percent: 0}\nmetrics: [{metric: failed, at_most: 0.1}]", 2, "above 0"),
        ("stages:\n- {percent: 50}\n- {percent: 5}\nmetrics: [{metric: failed, at_most: 0.1}]", 3, "percent"),
        ("stages: [{percent: 5}]\nmetrics:\n- {metric: grounded, at_most: 0.1}", 3, "no metric"),
        ("stages: [{percent: 5}]\nmetrics:\n- {metric: failed}", 3, "needs one bound"),
        ("stages: [{percent: 5}]\nmetrics:\n- {metric: failed, at_most: 0.1, no_worse_by: 0.1}", 3, "needs one bound"),
        ("stages: [{percent: 5}]\nmetrics:\n- {metric: failed, at_least: 0.1}", 3, "less is better"),
        ("stages: [{percent: 5}]\nmetrics:\n- {metric: groundedness, no_worse_by: 3}", 3, "above 1"),
        ("stages: [{percent: 5}]\nmetrics:\n- {metric: groundedness, no_worse_by: 0}", 3, "never be proven"),
        ("stages: [{percent: 5}]\nmetrics:\n- &m {metric: failed, at_most: 0.1}\n- *m", 4, "alias"),
        ("stages: [{percent: 5, user: ann}]\nmetrics: [{metric: failed, at_most: 0.1}]", 1, "user"),
    ],
)
def test_a_mistake_is_told_with_its_line(text, line, says):
    with pytest.raises(SettingsError) as caught:
        plan_of(text)
    assert f"aver.yaml:{line}:" in caught.value.cause
    assert says in str(caught.value)
