"""Slack, by an incoming webhook (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks)."""

from __future__ import annotations

from aver.ops.adapters.posting import post
from aver.ops.alerts.types import Delivery

__all__ = ["send"]

_LONGEST = 2900
"""Characters of one block; Slack takes 3,000."""


def send(delivery: Delivery) -> None:
    message, secrets = delivery.message, delivery.secrets
    lines = [f"• {_plain(each.said)}" for each in message.alerts]
    if message.standing > len(message.alerts):
        lines.append(f"and {message.standing - len(message.alerts):,} more")
    text = "\n".join(lines)[:_LONGEST]
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": f"*{_plain(message.title)[:_LONGEST]}*"}},
        {"type": "section", "text": {"type": "mrkdwn", "text": text or "-"}},
        {
            "type": "context",
            "elements": [{"type": "mrkdwn", "text": f"{message.at:%Y-%m-%d %H:%M} UTC · {message.id}"}],
        },
    ]
    post(secrets["url"], {"text": _plain(message.title)[:_LONGEST], "blocks": blocks})


def _plain(text: str) -> str:
    """Without what Slack would take for markup, a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
