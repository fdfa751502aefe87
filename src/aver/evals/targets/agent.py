"""An agent of the bundle as a target: it acts for each case, really, and its evidence says what it called and what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from aver.core import Principal, canonical_json, sha256_hex
from aver.core.errors import NotFound
from aver.evals.targets.asking import Asker
from aver.evals.targets.evidence import turn_response
from aver.evals.types import Case, Response

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aver.agents.acting import Acting
    from aver.evidence import Step

__all__ = ["AgentTarget"]


class AgentTarget:
    """``acting`` lends the agent at work, ``evidence`` gives the steps of a turn. ``decided`` is what decides what it does, empty where that is not
    known. Calls that wait for a person end the case there: nobody approves."""

    def __init__(
        self,
        agent: str,
        acting: Callable[[], AbstractAsyncContextManager[Acting]],
        evidence: Callable[[Principal, str], Sequence[Step]],
        who: Asker,
        decided: str,
        output: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = f"agent:{agent}"
        self.digest = sha256_hex(canonical_json([self.name, who.said, decided])) if decided else ""
        self._acting, self._evidence, self._who, self._output = acting, evidence, who, output

    async def respond(self, case: Case, *, seed: int = 0) -> Response:
        """Raises as an acting turn does when it cannot be begun or gone on with."""
        del seed
        principal = self._who(case)
        async with self._acting() as acting:
            found = await acting.ask(principal, case.question, output=self._output)
            if found.approvals:
                await asyncio.to_thread(acting.turns.cancel, principal, found.turn)
        steps = await asyncio.to_thread(self._evidence, principal, found.turn)
        return turn_response(steps, _no_documents)


def _no_documents(document: str, version: int) -> str:
    raise NotFound(f"The agent read no {document}@{version}", "Look at its evidence.")
