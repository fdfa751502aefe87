"""Microsoft Teams, by a workflow that posts what it is sent (https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors)."""

from __future__ import annotations

import re
from typing import Any

from aver.ops.adapters.posting import post
from aver.ops.alerts.types import Delivery

__all__ = ["send"]

_MARKUP = re.compile(r"([\\`*_\[\]()<>#~|!])")
_COLOURS = {"page": "Attention", "ticket": "Warning", "notice": "Accent"}


def send(delivery: Delivery) -> None:
    message, secrets = delivery.message, delivery.secrets
    colour = "Good" if message.status == "resolved" else _COLOURS[message.severity]
    body: list[dict[str, Any]] = [_text(message.title, weight="Bolder", size="Medium", color=colour)]
    body += [_text(f"• {each.said}") for each in message.alerts]
    if message.standing > len(message.alerts):
        body.append(_text(f"and {message.standing - len(message.alerts):,} more"))
    body.append(_text(f"{message.at:%Y-%m-%d %H:%M} UTC · {message.id}", isSubtle=True, size="Small"))
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    post(secrets["url"], {"type": "message", "attachments": [attachment]})


def _text(text: str, **more: Any) -> dict[str, Any]:
    """A block in which no part of the text is markup."""
    return {"type": "TextBlock", "text": _MARKUP.sub(r"\\\1", text), "wrap": True, **more}
