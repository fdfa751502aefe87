"""How often, and how soon, something is tried again."""

from __future__ import annotations

from collections.abc import Callable

from aver.core.errors import AverError
from aver.gateway.config.types import Retries

__all__ = ["RetryBudget", "wait_before"]

_RESERVE = 5.0
"""Retries that may be made before any call has paid for them, so that a quiet installation retries too."""


class RetryBudget:
    """A bucket of retries that calls fill by a share each, so that an outage never becomes a storm: over any number of calls there are at
    most ``share`` times as many retries, and the reserve (https://sre.google/sre-book/handling-overload/)."""

    __slots__ = ("_share", "left")

    def __init__(self, share: float) -> None:
        self._share = share
        self.left = _RESERVE if share > 0 else 0.0

    def deposit(self) -> None:
        """A call began."""
        self.left = min(self.left + self._share, _RESERVE)

    def withdraw(self) -> bool:
        """Whether one retry may be made; it is then taken off."""
        if self.left < 1.0:
            return False
        self.left -= 1.0
        return True


def wait_before(retries: Retries, attempt: int, error: AverError, draw: Callable[[], float]) -> float | None:
    """Seconds to wait before the ``attempt``-th retry (from 1) after ``error``; ``None`` when the provider asked for longer than is waited.

    Full jitter: anything up to the doubled base, so that callers who failed together do not come back together
    (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). A provider that says when is waited for, and a little
    more.
    """
    backoff = min(retries.base * 2.0 ** (attempt - 1), retries.longest)
    if error.retry_after is None:
        return backoff * draw()
    if error.retry_after > retries.longest:
        return None
    return error.retry_after + retries.base * draw()
