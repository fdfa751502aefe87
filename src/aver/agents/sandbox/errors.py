"""What goes wrong with a sandbox.

::

    Unavailable
    └── SandboxUnavailable      what was declared cannot be had on this machine; nothing was run
    AverError
    └── SandboxStopped          the tool was run, and did not come to its end
        ├── LimitExceeded       it needed more than it may use; ``limit`` names what
        └── ToolCrashed         it ended without an answer, or with one that is none
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aver.core.errors import AverError, Unavailable

if TYPE_CHECKING:
    from aver.agents.sandbox.types import Report

__all__ = ["LimitExceeded", "SandboxStopped", "SandboxUnavailable", "ToolCrashed"]


class SandboxUnavailable(Unavailable):
    slug = "sandbox-unavailable"


class SandboxStopped(AverError):
    """``report`` says under what it ran; what it did until then, it did."""

    slug = "sandbox-stopped"

    def __init__(self, cause: str, next_step: str, report: Report) -> None:
        super().__init__(cause, next_step)
        self.report = report


class LimitExceeded(SandboxStopped):
    slug, status = "limit-exceeded", 422

    def __init__(self, limit: str, cause: str, next_step: str, report: Report) -> None:
        super().__init__(cause, next_step, report)
        self.limit = limit


class ToolCrashed(SandboxStopped):
    slug, status = "tool-crashed", 502
