"""PagerDuty, by its Events API v2 (https://developer.pagerduty.com/docs/events-api-v2-overview): a group is one incident there, known by its thread."""

from __future__ import annotations

from aver.ops.adapters.posting import post
from aver.ops.alerts.types import Delivery

__all__ = ["send"]

_URL = "https://events.pagerduty.com/v2/enqueue"
_LONGEST = 1024
"""Characters of a summary."""
_SEVERITIES = {"page": "critical", "ticket": "warning", "notice": "info"}


def send(delivery: Delivery) -> None:
    message, secrets = delivery.message, delivery.secrets
    event = {
        "routing_key": secrets["key"],
        "event_action": "resolve" if message.status == "resolved" else "trigger",
        "dedup_key": message.thread,
        "payload": {
            "summary": message.title[:_LONGEST],
            "source": f"aver/{message.tenant}",
            "severity": _SEVERITIES[message.severity],
            "timestamp": message.at.isoformat(),
            "component": message.group.get("feature") or None,
            "class": message.group.get("rule") or None,
            "custom_details": message.to_json(),
        },
    }
    post(secrets.get("url") or _URL, event)
