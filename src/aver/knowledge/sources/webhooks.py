"""Events that a system sends when something changed in it, and how it proves that they are its own.

Each signs with a secret that it shares with the source, in its own way:

- GitHub: ``X-Hub-Signature-256: sha256=HEX`` over the body
  (https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries)
- Confluence and Jira: ``X-Hub-Signature: sha256=HEX`` over the body
  (https://developer.atlassian.com/cloud/jira/platform/webhooks/)
- Slack: ``X-Slack-Signature: v0=HEX`` over ``v0:TIME:BODY``, and the time in ``X-Slack-Request-Timestamp``
  (https://docs.slack.dev/authentication/verifying-requests-from-slack)
- every other kind: ``Aver-Signature: t=TIME,v1=HEX`` over ``TIME.BODY``; of several ``v1`` one has to be right

``HEX`` is an HMAC-SHA256 in lower-case hexadecimal, ``TIME`` in Unix seconds. Where a time is signed, an event of more than five minutes ago
or ahead is refused. Nothing that an event says is believed, or kept: it is a reason to look.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

__all__ = ["Event", "Signature", "challenge", "signature"]

_WINDOW = 300
"""Seconds by which the time of an event may differ from ours."""
_HEX = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Event:
    """What was sent: ``headers`` by lower-case name."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Signature:
    """What an event bears as proof: the message that was signed, and what may be its HMAC."""

    message: bytes = field(repr=False)
    claimed: tuple[str, ...] = field(repr=False)

    def is_by(self, secret: str) -> bool:
        """Whether ``secret`` made it, in time that does not depend on where they differ."""
        made = hmac.new(secret.encode(), self.message, "sha256").hexdigest()
        return any([hmac.compare_digest(made, each) for each in self.claimed])  # noqa: C419 - each takes its time


def signature(kind: str, event: Event, now: datetime) -> Signature | None:
    """The signature of an event for a source of this kind; ``None`` where it bears none, or one of another time."""
    return _SCHEMES.get(kind, _aver)(event, now)


def challenge(kind: str, event: Event) -> str | None:
    """What Slack wants to be told back when it is given the address
    (https://docs.slack.dev/reference/events/url_verification)."""
    if kind != "slack":
        return None
    try:
        said = json.loads(event.body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or said.get("type") != "url_verification":
        return None
    told = said.get("challenge")
    return told if isinstance(told, str) and len(told) <= 1000 and told.isprintable() else None


def _hub(header: str) -> Callable[[Event, datetime], Signature | None]:
    def read(event: Event, _now: datetime) -> Signature | None:
        scheme, _, claimed = event.headers.get(header, "").partition("=")
        return _signature(event.body, [claimed]) if scheme == "sha256" else None

    return read


def _slack(event: Event, now: datetime) -> Signature | None:
    when = event.headers.get("x-slack-request-timestamp", "")
    version, _, claimed = event.headers.get("x-slack-signature", "").partition("=")
    if version != "v0" or not _is_fresh(when, now):
        return None
    return _signature(b"v0:" + when.encode() + b":" + event.body, [claimed])


def _aver(event: Event, now: datetime) -> Signature | None:
    parts = [part.strip().partition("=") for part in event.headers.get("aver-signature", "")[:1000].split(",")]
    when = next((value for name, _, value in parts if name == "t"), "")
    if not _is_fresh(when, now):
        return None
    return _signature(when.encode() + b"." + event.body, [value for name, _, value in parts if name == "v1"])


_SCHEMES = {
    "confluence": _hub("x-hub-signature"),
    "github": _hub("x-hub-signature-256"),
    "jira": _hub("x-hub-signature"),
    "slack": _slack,
}


def _signature(message: bytes, claimed: Iterable[str]) -> Signature | None:
    found = tuple(each for each in claimed if _HEX.fullmatch(each))
    return Signature(message, found) if found else None


def _is_fresh(when: str, now: datetime) -> bool:
    return _TIME.fullmatch(when) is not None and abs(now.timestamp() - int(when)) <= _WINDOW
