"""The server's log: one JSON object a line on standard error, never any content of a request or an answer."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

from aver.core.clock import rfc3339
from aver.server.wire import to_json

__all__ = ["configure_logs"]

_FIELDS = ("request", "method", "route", "status", "ms", "tenant", "added", "changed", "deleted", "failed", "error")


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line.update({name: getattr(record, name) for name in _FIELDS if hasattr(record, name)})
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__qualname__
        return to_json(line).decode()


def configure_logs() -> None:
    """Send the logs of Aver and of uvicorn's warnings to standard error; nothing else is logged."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    for name, level in (("aver", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
