"""Moments as people type them."""

from __future__ import annotations

from datetime import UTC, datetime

from aver.core.errors import InvalidInput

__all__ = ["moment_of"]


def moment_of(text: str) -> datetime:
    """A moment in ISO 8601; without a zone, in UTC. Raises :class:`~aver.core.errors.InvalidInput` for what is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{text[:60]!r} is no moment", "Write it as 2026-01-31T10:00:00Z.") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
