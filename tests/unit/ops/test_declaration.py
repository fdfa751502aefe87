"""What ``objectives`` may say in a bundle, and that a mistake is told with its line."""

import json

import jsonschema
import pytest

from aver.core.errors import SettingsError
from aver.ops.declaration import OBJECTIVES
from tests.operations import declared

WHOLE = """
slos:
  up: {indicator: availability, target: 0.999}
  quick: {indicator: latency, within: 3s, target: 0.95, feature: assistant, samples: 50}
  grounded: {indicator: groundedness, target: 0.95, period: 7d}
  fresh: {indicator: freshness, within: 1h, target: 0.99}
  frugal: {indicator: cost, usd: 0.02, target: 0.95}
anomalies: {times: 3, leave_out: [refusals]}
routes:
  on-call: {to: pagerduty, key: env:PAGERDUTY_KEY, severity: [page]}
  team: {to: slack, url: env:SLACK_URL, severity: [page, ticket, notice], group: [feature], repeat: 8h}
  office: {to: teams, url: env:TEAMS_URL}
  own: {to: webhook, url: env:URL, secret: env:SECRET, features: [assistant]}
  mail: {to: email, smtp: "mail.example.com:587", sender: aver@example.com, recipients: [ops@example.com], user: aver, password: env:PASSWORD}
incidents: [page, ticket]
"""


def test_it_is_read_and_written_back():
    config = declared(WHOLE)
    assert config.slos["quick"].within == 3
    assert config.slos["grounded"].period == 7 * 86_400
    assert config.routes["team"].group == ("feature",)
    written = OBJECTIVES.write(config)
    assert declared(json.dumps(written)) == config
    jsonschema.validate(written, OBJECTIVES.schema())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("slos: {a: {indicator: latency, target: 0.9}}", "threshold"),
        ("slos: {a: {indicator: availability, target: 0.9, within: 3s}}", "within"),
        ("slos: {a: {indicator: availability, target: 1}}", "below 1"),
        ("slos: {a: {indicator: availability, target: 0}}", "above 0"),
        ("slos: {a: {indicator: availabilty, target: 0.9}}", "availability"),
        ("slos: {a: {indicator: freshness, within: 1h, target: 0.9, feature: x}}", "sources"),
        ("slos: {a: {indicator: availability, target: 0.9, period: 1m}}", "period"),
        ("slos: {'A b': {indicator: availability, target: 0.9}}", "name"),
        ("routes: {a: {to: slack}}", "url"),
        ("routes: {a: {to: slack, url: 'https://hooks.slack.com/x'}}", "credential"),
        ("routes: {a: {to: slack, url: env:X, key: env:Y}}", "key"),
        ("routes: {a: {to: email, smtp: 'x:1', sender: a@b, recipients: [c@d], tls: none, user: u, password: env:P}}", "clear"),
        ("routes: {a: {to: email, smtp: 'x:1', sender: a@b, recipients: [c@d], user: u}}", "password"),
        ("routes: {a: {to: email, smtp: 'x:1', sender: a@b, recipients: [\"c@d\\nBcc: e@f\"]}}", "address"),
        ("anomalies: {leave_out: [nothing]}", "signal"),
        ("incidents: [fire]", "severity"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(text, words):
    with pytest.raises(SettingsError) as told:
        declared(text)
    assert words in str(told.value)
    assert "aver.yaml:1" in str(told.value)


def test_no_error_repeats_what_stands_in_place_of_a_reference():
    with pytest.raises(SettingsError) as told:
        declared("routes: {a: {to: slack, url: 'https://hooks.slack.com/secret'}}")
    assert "secret'" not in str(told.value)
    assert "hooks" not in str(told.value)
