"""Failures of a request that no other layer knows, and where an unexpected one came from."""

from __future__ import annotations

import traceback
from collections.abc import Iterable

from aver.core.errors import AverError, InvalidInput

__all__ = ["Internal", "Malformed", "MethodNotAllowed", "where"]


class Malformed(InvalidInput):
    slug, status = "malformed-request", 400


class MethodNotAllowed(AverError):
    """``allowed`` is for the header ``Allow``, which the caller of this may also set itself."""

    slug, status = "method-not-allowed", 405

    def __init__(self, allowed: str = "") -> None:
        super().__init__(
            "This address does not take this method", f"Use {allowed or 'a method that the Allow header names'}."
        )
        self.allowed = allowed


class Internal(AverError):
    """An error nobody understood yet; ``incident`` finds it in the server's log."""

    slug, status = "internal-error", 500

    def __init__(self, incident: str) -> None:
        super().__init__(
            "The server met an error it did not expect",
            f"Retry once; if it happens again, ask the operator for {incident} in the server's log.",
        )
        self.incident = incident


def where(error: BaseException) -> list[str]:
    """Type and lines of an error and its causes, without messages: those may quote a question or a document."""
    return [line for link in _links(error) for line in _frames(link)]


def _links(error: BaseException | None) -> Iterable[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _frames(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    return [type(error).__qualname__, *(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:])]
