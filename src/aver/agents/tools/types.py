"""A tool, and what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from aver.core.labels import ANYTHING, Label
from aver.policy import Annotations

__all__ = ["Result", "Tool"]


@dataclass(frozen=True, slots=True)
class Result:
    """What a call of a tool returned: any JSON value, and its text as a model is shown it.

    ``failed`` says that the tool itself reports an error: it ran, and says what is wrong. A call of which nothing is known raises
    instead. ``readers`` are the reader tokens of those who may read it, where it is not everybody: what it holds is not sent to others.
    ``label`` says how confidential it is and where it may go, beside what its tool declares.
    """

    value: Any
    text: str
    failed: bool = False
    readers: frozenset[str] | None = None
    label: Label = ANYTHING


class Tool(Protocol):
    """A named action: a typed function, an operation of an MCP server or of an HTTP API."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON Schema of its arguments, an object."""
    returns: Mapping[str, Any] | None
    """JSON Schema of its value, where it is declared."""
    annotations: Annotations

    async def call(self, arguments: Mapping[str, Any], key: str) -> Result:
        """Run it with arguments that fit ``parameters``.

        ``key`` is the same for every attempt at one effect, and is passed on where the far side knows idempotency keys. Raises
        :class:`~aver.core.errors.InvalidInput` for arguments that do not fit and :class:`~aver.core.errors.Unavailable` otherwise when
        it certainly did not run, and any other error, :class:`~aver.core.errors.Undecided` above all, when it may have.
        """
        ...
