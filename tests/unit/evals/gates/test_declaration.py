"""Conditions as they are declared and typed: one reader each, one meaning."""

import jsonschema
import pytest

from aver.core.errors import InvalidInput, SettingsError
from aver.core.yaml import parse_yaml
from aver.evals.gates.declaration import GATE, parse_condition
from aver.evals.gates.types import Condition

TYPED = {
    "ndcg@10>=0.7": Condition("ndcg@10", at_least=0.7),
    " recall@5 [hr staff] >= .8 ": Condition("recall@5", slice="hr staff", at_least=0.8),
    "attack_success<=0.05": Condition("attack_success", at_most=0.05),
    "handbook:groundedness[*]>=baseline-0.03": Condition("groundedness", suite="handbook", slice="*", no_worse_by=0.03),
    "attack_success<=baseline+0.01": Condition("attack_success", no_worse_by=0.01),
    "cost_usd<=1.1x": Condition("cost_usd", no_more_than=1.1),
    "latency_ms<=800": Condition("latency_ms", at_most=800.0),
}


def read(text):
    return GATE.read(parse_yaml(text, "aver.yaml"))


@pytest.mark.parametrize("text", TYPED)
def test_what_is_typed_is_read_and_said_again(text):
    condition = parse_condition(text)
    assert condition == TYPED[text]
    assert parse_condition(condition.text) == condition


@pytest.mark.parametrize(
    "text",
    [
        *("", "ndcg@10", "ndcg@10>0.7", "ndcg@10>=1.5", "ndcg@10>=0.7.1", "ndcg@10==1", ">=0.7", "p95>=1 ms", "a>=-1"),
        *(
            "a>=1.1x",
            "right<=1.1x",
            "cost_usd<=0x",
            "a<=baseline+0.1",
            "cost_usd>=baseline-1",
            "a>=baseline+0.1",
            "a>=baseline-1.1x",
        ),
    ],
)
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(InvalidInput):
        parse_condition(text)


def test_a_declared_gate_is_read_written_and_described():
    conditions = read(
        """
        - {suite: handbook, measure: right_of_answered, at_least: 0.8, least_cases: 100}
        - {measure: groundedness, slice: "*", no_worse_by: 0.03, errors_at_most: 0.02}
        - {measure: cost_usd, no_more_than: 1.1x}
        """
    )
    assert conditions == (
        Condition("right_of_answered", suite="handbook", at_least=0.8, least_cases=100),
        Condition("groundedness", slice="*", no_worse_by=0.03, errors_at_most=0.02),
        Condition("cost_usd", no_more_than=1.1),
    )
    written = GATE.write(conditions)
    jsonschema.validate(written, GATE.schema())
    assert written[2] == {"measure": "cost_usd", "no_more_than": "1.1x"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- {measure: a}", ":1: the condition has no bound"),
        ("- {measure: a, at_least: 0.5, at_most: 0.7}", "at_least and at_most in one condition"),
        ("- {measure: a, at_least: 1.5}", "between 0 and 1"),
        ("- {measure: a, no_more_than: 1.1x}", "not compared by a factor"),
        ("- {measure: cost_usd, no_more_than: 1.1}", "a factor such as 1.1x"),
        ("- {measure: cost_usd, no_more_than: 0x}", "above 0"),
        ("- {mesure: a, at_least: 0.5}", "Did you mean 'measure'"),
        ("- {measure: 'a b', at_least: 0.5}", "a measure"),
        ("- {at_least: 0.5}", "'measure' is missing"),
        ("{measure: a}", "expected a list"),
    ],
)
def test_a_mistake_is_told_at_its_place(text, says):
    with pytest.raises(SettingsError, match=r"aver\.yaml:1") as found:
        read(text)
    assert says in str(found.value)
