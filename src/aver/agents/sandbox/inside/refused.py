"""What a sandbox's process says when it cannot be what it was asked to be."""

from __future__ import annotations

__all__ = ["Refused"]


class Refused(Exception):
    """A means of isolation that is needed cannot be had here: which one, and what the system says."""

    def __init__(self, means: str, cause: str) -> None:
        super().__init__(f"{means}: {cause}")
        self.means = means
        self.cause = cause
