"""The server's log: one JSON object a line on standard error, never any content of a request or an answer.

Its fields are those of the Elastic Common Schema (https://www.elastic.co/docs/reference/ecs), by their dotted names; what that has no
field for stands under ``aver.``. Of a record only the message and the fields that are known here leave, and texts in them have whatever
looks like a secret or like personal data cut out before.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from aver.core.clock import rfc3339
from aver.evidence.telemetry.names import Attributes
from aver.evidence.telemetry.types import Event, Severity
from aver.guard.redaction import mask
from aver.guard.secrets import Secrets
from aver.server.wire import to_json

if TYPE_CHECKING:
    from aver.guard.types import Detector

__all__ = ["configure_logs", "redacted"]

_ECS = "8.17.0"
_IDS = {"request": "http.request.id", "tenant": "organization.id", "turn": "aver.turn.id", "rollout": "aver.rollout.id"}
"""Made by Aver, so they are what they look like."""
_TEXTS = {
    "method": "http.request.method",
    "route": "http.route",
    "error": "error.type",
    "signal": "aver.telemetry.signal",
}
_NUMBERS = {
    "status": "http.response.status_code",
    **{name: f"aver.documents.{name}" for name in ("added", "changed", "deleted", "failed")},
}
_LEVELS: dict[str, Severity] = {
    "DEBUG": "debug",
    "INFO": "info",
    "WARNING": "warn",
    "ERROR": "error",
    "CRITICAL": "error",
}
_PERHAPS_PERSONAL = re.compile(r"@|\d(?:[ .()/-]?\d){5}")
_LONGEST = 2000


@lru_cache(1024)
def redacted(text: str) -> str:
    """``text`` without secrets, addresses and numbers of people, and without its end where it is long."""
    text = text[:_LONGEST]
    text = mask(text, _secrets().find(text))
    return mask(text, _personal().find(text)) if _PERHAPS_PERSONAL.search(text) else text


@cache
def _secrets() -> Detector:
    return Secrets()


@cache
def _personal() -> Detector:
    from aver.guard.personal import PersonalData

    return PersonalData(names=False)


def _fields(record: logging.LogRecord) -> Attributes:
    """What is known of a record beside its message, by ECS's names."""
    fields: Attributes = {"log.logger": record.name}
    for names, tell in ((_IDS, str), (_TEXTS, lambda value: redacted(str(value))), (_NUMBERS, _number)):
        known = ((outside, getattr(record, name, None)) for name, outside in names.items())
        fields |= {outside: tell(value) for outside, value in known if value is not None}
    if (ms := getattr(record, "ms", None)) is not None:
        fields["event.duration"] = int(float(ms) * 1e6)
    if record.exc_info and record.exc_info[0]:
        fields["error.type"] = record.exc_info[0].__qualname__
    return fields


def _number(value: object) -> int:
    return value if isinstance(value, int) else int(str(value))


class _JsonLines(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "@timestamp": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "log.level": record.levelname.lower(),
            "message": redacted(record.getMessage()),
            "ecs.version": _ECS,
            "service.name": self._service,
            "event.dataset": f"{self._service}.log",
            **_fields(record),
        }
        return to_json(line).decode()


class _Sending(logging.Handler):
    """Hands each line to telemetry, too."""

    def __init__(self, say: Callable[[Event], None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        severity = _LEVELS.get(record.levelname, "info")
        self._say(Event("", int(record.created * 1e9), severity, redacted(record.getMessage()), _fields(record)))


def configure_logs(say: Callable[[Event], None], service: str) -> None:
    """Send the logs of Aver and of uvicorn's warnings to standard error and to ``say``; nothing else is logged."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines(service))
    for name, level in (("aver", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler, _Sending(say)], False
        logger.setLevel(level)
