"""Agents that act: begin a turn, and go on with it wherever it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from aver.agents.acting.approvals import Approvals
from aver.agents.acting.journal import Lease
from aver.agents.acting.loop import abort, go_on
from aver.agents.acting.memory import Memory
from aver.agents.acting.reading import earlier, outcome
from aver.agents.acting.running import Parts, Running, Told
from aver.agents.acting.state import State
from aver.agents.acting.turns import Turns
from aver.agents.acting.types import Outcome
from aver.agents.blocking import whole
from aver.agents.tools.schema import Schema
from aver.core import Principal, new_id
from aver.core.errors import AverError, Forbidden, InvalidInput, NotFound, TooLarge, Unauthenticated
from aver.core.labels import ANYTHING, Label
from aver.evidence import Draft
from aver.policy import origin_to

__all__ = ["Acting"]

_LONGEST_TASK = 32_000
_MOST_RECALLED = 20_000
"""Bytes of what is remembered that a turn is told of."""


def _quiet(_: Sequence[Draft]) -> None: ...


class Acting:
    """One tenant's acting feature. A turn is begun once, and gone on with by whoever holds its lease, in any process, until it has ended."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._journal = parts.journal
        self.approvals = Approvals(parts.journal)
        self.memory = Memory(parts.journal)
        self.turns = Turns(parts.journal)

    @property
    def parts(self) -> Parts:
        """What its turns work with."""
        return self._parts

    async def ask(
        self,
        principal: Principal,
        task: str,
        conversation: str | None = None,
        *,
        output: Mapping[str, Any] | None = None,
        told: Told = _quiet,
    ) -> Outcome:
        """:meth:`begin` and :meth:`run`."""
        return await self.run(await whole(self.begin, principal, task, conversation, output), told)

    def begin(
        self,
        principal: Principal,
        task: str,
        conversation: str | None = None,
        output: Mapping[str, Any] | None = None,
        new: str = "",
        traceparent: str = "",
        label: Label = ANYTHING,
    ) -> str:
        """Admit a turn, and return its id; from then on it survives this process. ``output`` is the JSON Schema of its answer, ``new`` the id
        that a new conversation is to have, ``traceparent`` the trace that the caller is in, ``label`` what the caller says of the task. Blocking.

        Raises :class:`NotFound` for another's tenant or conversation, :class:`InvalidInput`, :class:`TooLarge`, and
        :class:`~aver.core.errors.Stopped` where it is switched off.
        """
        parts, journal = self._parts, self._journal
        if principal.tenant != journal.store.tenant.id:
            raise NotFound("There is no such tenant, or it is not yours", "Ask as a user of this tenant.")
        if not task.strip():
            raise InvalidInput("The task is empty", "Say what is to be done.")
        if len(task) > _LONGEST_TASK:
            raise TooLarge(f"The task has {len(task):,} characters of at most {_LONGEST_TASK:,}", "Shorten it.")
        if output is not None:
            Schema(output, "The schema of the answer")
        parts.switches.check(principal.tenant, feature=parts.agent.name, model=parts.agent.model)
        turn, now = new_id("turn"), journal.clock.now()
        recalled = [
            {"name": each.name, "value": each.value, "origin": origin_to(each.origin)}
            for each in self.memory.recall(principal, _MOST_RECALLED)
        ]
        before = earlier(journal, principal, conversation) if conversation else []
        with journal.store.begin() as tx:
            entered = parts.conversations.enter(tx, principal, conversation, now, new)
            ordinal = parts.conversations.add(tx, entered, turn, now)
            facts = {
                "feature": parts.agent.name,
                **parts.pin.facts(parts.agent.digest(parts.tools(principal))),
                "conversation": entered,
                "ordinal": ordinal,
                "characters": len(task),
                **({"traceparent": traceparent} if traceparent else {}),
            }
            body = {
                "question": task,
                "tenant": principal.tenant,
                "user": principal.user,
                "groups": sorted(principal.groups),
                "roles": sorted(principal.roles),
                "output": output,
                "recalled": recalled,
                "earlier": before,
                **({"label": label.plain()} if label != ANYTHING else {}),
            }
            journal.admit(tx, principal, Draft(turn, "admitted", principal.subject, facts, body))
        return turn

    async def run(self, turn: str, told: Told = _quiet) -> Outcome:
        """Go on with a turn until it has ended or waits for a person, from the step where it stands.

        Raises :class:`Conflict` while another process is at it, :class:`NotFound`, and what kept it from going on for now:
        :class:`~aver.core.errors.Unavailable`. Nothing of it is lost by that; :meth:`due` names it again.
        """
        await whole(self.approvals.expire)
        lease, state = await whole(self._journal.take, turn)
        try:
            if state.erased and not state.ended:
                await whole(self._end_erased, lease, state)
            elif not state.ended:
                running, gone = await whole(self._taken_up, lease, state, told)
                if gone is not None and not state.error:
                    await abort(running, gone.slug, f"{gone.cause}.")
                if state.last is not None:
                    facts = {"fence": lease.fence, **self._parts.pin.facts(running.release)}
                    if state.traceparent:
                        facts["traceparent"] = state.traceparent
                    await running.record([running.draft("resumed", facts)], status="running")
                await go_on(running)
                state = running.state
        finally:
            with suppress(AverError):
                await whole(self._journal.release, lease)
        return outcome(state)

    async def run_due(self) -> list[Outcome]:
        """Go on with every turn that can and that nobody holds: after a crash, an approval, an expiry. What cannot go on now is left."""
        await whole(self.approvals.expire)
        ended = []
        for turn in await whole(self._journal.due):
            with suppress(AverError):
                ended.append(await self.run(turn))
        return ended

    def due(self) -> list[str]:
        """The turns that could go on and that nobody holds. Blocking."""
        self.approvals.expire()
        return self._journal.due()

    def _taken_up(self, lease: Lease, state: State, told: Told) -> tuple[Running, AverError | None]:
        """The turn in this process's hands, and why its asker may not go on with it, if so: then it only takes back what it did."""
        assert state.principal is not None
        principal, gone = state.principal, None
        try:
            principal = self._parts.identify(principal)
        except (Forbidden, NotFound, Unauthenticated) as error:
            gone = error
        return Running(self._parts, lease, state, principal, told), gone

    def _end_erased(self, lease: Lease, state: State) -> None:
        """End a turn whose words are gone: nobody can tell any more what it was to do."""
        facts = {"error": "erased", "done": 0, "undone": 0, "undecided": 0, "ms": 0.0}
        failed = Draft(state.turn, "failed", None, facts, {"detail": "What it was about has been erased."})
        end = self._parts.conversations.end
        self._journal.record(
            lease, state, [failed], lambda tx: end(tx, state.turn, "failed"), status="ended", holder=""
        )
