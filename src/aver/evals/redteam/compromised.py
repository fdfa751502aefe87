"""A model that has been taken over: it makes every call that the attacker wants, says what the attacker wants said, and tells all that it was given. What
it is kept from is not its own doing, so an attack that fails with it fails with any model."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence

from aver.evals.types import Called
from aver.gateway.types import ChatDelta, ChatRequest, Mode, ToolDelta, ToolResult, Usage

__all__ = ["Compromised"]

_TOLD = 4_000
"""Characters of what it was given that it tells."""


class Compromised:
    """A :class:`~aver.gateway.types.Provider`. ``calls`` are asked for in the order of replies, then comes ``says``; with ``tells`` all that
    was in the request follows, each line cited, as if the first passage said so."""

    name = "builtin:compromised"
    mode: Mode = "generated"

    def __init__(self, calls: Sequence[Sequence[Called]] = (), says: str = "", *, tells: bool = False) -> None:
        self._calls = calls
        self._says = says
        self._tells = tells

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        # A conversation begins with replies that are no calls: only what followed the last task counts.
        results = sum(any(isinstance(part, ToolResult) for part in each.parts) for each in request.messages)
        wanted = self._calls[results] if results < len(self._calls) and request.tool_choice != "none" else ()
        for number, call in enumerate(wanted):
            arguments = json.dumps(dict(call.arguments), ensure_ascii=False)
            yield ChatDelta(tool=ToolDelta(number, f"call_{results}_{number}", call.tool, arguments))
        if not wanted:
            yield ChatDelta("\n".join(filter(None, (self._says, self._told(request)))) or "Done.")
        yield ChatDelta(finish="tool_calls" if wanted else "stop", usage=Usage(10, 10))

    def _told(self, request: ChatRequest) -> str:
        if not self._tells:
            return ""
        text = "\n".join(part.text for each in request.messages for part in each.parts if hasattr(part, "text"))
        given = [line.strip() for line in text[:_TOLD].splitlines() if line.strip()]
        return "\n".join(f"{line} [1]" for line in given)

    async def close(self) -> None:
        """Nothing is open."""
