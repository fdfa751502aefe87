"""A Python function as a target, sync or async, in processes of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aver.core import canonical_json, sha256_hex
from aver.evals.running.processes import FunctionFailed, Functions
from aver.evals.running.wire import asked, response_of
from aver.evals.types import Case, Response

__all__ = ["Function", "response_from"]


class Function:
    """``FILE.py:NAME``, a function of a :class:`~aver.evals.types.Case`, or of one and a ``seed``. It is shown what is asked, never the labels.
    It returns a text, a :class:`~aver.evals.types.Response` or one as a mapping, or any other JSON.

    ``version`` is what its author says tells it from what it was before: without it nothing of it is used in another run, since nobody
    knows what it calls.
    """

    def __init__(self, place: str, version: str = "", processes: int = 4) -> None:
        self.name = f"function:{place}"
        self.digest = sha256_hex(canonical_json(["function", place, version])) if version else ""
        self._functions = Functions(place, "target", processes)

    async def check(self) -> None:
        """Raises :class:`~aver.core.errors.InvalidInput` where the function cannot be loaded."""
        await self._functions.check()

    async def respond(self, case: Case, *, seed: int = 0) -> Response:
        value, taken = await self._functions.timed(asked(case), seed)
        found = response_from(self.name, value)
        return found if found.latency_ms is not None else replace(found, latency_ms=taken)

    async def close(self) -> None:
        await self._functions.close()


def response_from(name: str, value: Any) -> Response:
    """Of what somebody's code returned. Raises :class:`~aver.evals.running.processes.FunctionFailed` for a mapping that has a response's
    ``text`` and something that no response has."""
    if isinstance(value, str):
        return Response(text=value)
    if isinstance(value, dict) and "text" in value:
        try:
            return response_of(value)
        except (TypeError, ValueError, AttributeError) as error:
            raise FunctionFailed(f"{name} returned no response: {error}", "Return a text, or a Response.") from None
    return Response(value=value)
