"""How actions are written, and what is said of one that is not."""

import pytest

from aver.core.errors import InvalidInput, SettingsError
from aver.ops.mitigation.actions import ACTIONS, filled, read_action
from tests.operations import declared


@pytest.mark.parametrize(
    "text",
    [
        "shut_out_provider provider=acme",
        "shut_out_provider provider={provider}",
        'limit feature=assistant to="60 requests/minute"',
        "repair_index",
        'pause_source source="the \\"old\\" wiki"',
    ],
)
def test_an_action_is_read_as_it_is_written(text):
    assert str(read_action(text)) == text
    assert read_action(str(read_action(text))) == read_action(text)


@pytest.mark.parametrize(
    ("text", "cause", "step"),
    [
        ("shut_out_provder provider=x", "no action 'shut_out_provder'", "Did you mean 'shut_out_provider'?"),
        ("shut_out_provider", "lacks provider", "Add provider=VALUE"),
        ("shut_out_provider providr=x", "takes no 'providr'", "Did you mean 'provider'?"),
        ("shut_out_provider provider=a provider=b", "given twice", "Leave one out"),
        ("disable_tool tool={tol}", "says of no 'tol'", "Did you mean 'tool'?"),
        ("repair_index now", "gives nothing", "NAME=VALUE"),
        ('limit feature="a', "has no end", "Close it"),
        ("repair_index\nrebuild_index", "one line", "one action a line"),
        ("", "no action", "Valid:"),
    ],
)
def test_a_mistake_is_told_with_what_to_write(text, cause, step):
    with pytest.raises(InvalidInput) as told:
        read_action(text)
    assert cause in told.value.cause
    assert step in told.value.next_step


def test_what_an_action_refers_to_is_filled_in_or_nothing_is_done():
    action = read_action("limit key={key} to='0 usd/hour'")
    assert filled(action, {"key": "key_1"}).given == {"key": "key_1", "to": "0 usd/hour"}
    with pytest.raises(InvalidInput, match="not known which key"):
        filled(action, {"feature": "assistant"})


def test_every_action_says_what_it_needs_and_what_it_takes():
    for kind in ACTIONS.values():
        assert kind.permission in ("stop", "release", "administer")
        assert kind.about.endswith(".")
        assert all(each.about.endswith(".") for each in kind.arguments.values())


def test_mitigations_are_declared_and_mistakes_told_with_their_line():
    text = """
mitigations:
  outage: {when: {rule: "anomaly:model_*", severity: [ticket]}, do: ["shut_out_provider provider={provider}"], cool_down: 10m}
"""
    (one,) = declared(text).mitigations.values()
    assert (one.name, one.at_most, one.cool_down) == ("outage", 3, 600)
    assert str(one.do[0]) == "shut_out_provider provider={provider}"
    with pytest.raises(SettingsError, match=r"aver.yaml:2.*lacks provider"):
        declared("mitigations:\n  outage: {when: {}, do: [shut_out_provider]}\n")
    with pytest.raises(SettingsError, match="by a person alone"):
        declared("mitigations:\n  leak: {when: {}, do: ['revoke_key key={key}']}\n")
