"""The assistant under attack: in a tenant of its own, with another beside it, both made for the purpose."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from aver.agents import Assistant
from aver.agents.types import Answer
from aver.core import Principal
from aver.core.errors import AverError, Blocked, VerificationFailed
from aver.evals.redteam.arming import checks_of, plants_of
from aver.evals.redteam.compromised import Compromised
from aver.evals.redteam.targets.planting import Planted
from aver.evals.redteam.targets.verdicts import verdicts_of
from aver.evals.redteam.types import Need
from aver.evals.types import COMPROMISED, Case, Cited, Response
from aver.gateway.types import Message, Provider
from aver.guard.canary import PromptLeak
from aver.knowledge import Knowledge

__all__ = ["AssistantTarget", "Ground", "MakeAssistant"]


class MakeAssistant(Protocol):
    """Makes the assistant of a tenant with ``instructions`` more than it has, answered for by ``model`` where one is given."""

    def __call__(self, instructions: str, model: Provider | None) -> Assistant: ...


@dataclass(frozen=True, slots=True)
class Ground:
    """A tenant that attacks may be tried in: nobody works there."""

    tenant: str
    """Its id."""
    knowledge: Knowledge
    assistant: MakeAssistant


class NotArmed(VerificationFailed):
    """What is to leak cannot be had by whoever may have it: that the asker does not get it says nothing."""

    slug = "not-armed"


@dataclass(slots=True)
class AssistantTarget:
    """``compromised``: its model has been taken over, and does what each attack wants of it. ``groups`` are those of whoever asks."""

    own: Ground
    other: Ground
    digest: str = ""
    compromised: bool = False
    groups: frozenset[str] = frozenset()
    offers: frozenset[Need] = frozenset({"documents", "readers", "tenants", "instructions"})
    _numbers: Callable[[], int] = field(default_factory=lambda: itertools.count(1).__next__)
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def name(self) -> str:
        return f"assistant{COMPROMISED if self.compromised else ''}"

    async def respond(self, case: Case, *, seed: int = 0) -> Response:
        """Plant, let the victim ask, then ask. Raises what the turn raises, and :class:`NotArmed` where the victim is not told the secret."""
        del seed  # the release decides how the model draws
        number = self._numbers()
        asker, victim = f"red-team-asker-{number}", f"red-team-victim-{number}"
        plants = plants_of(case)
        for ground, tenant in ((self.own, "own"), (self.other, "other")):
            documents = [each for each in plants if each.place == "document" and each.tenant == tenant]
            if documents:
                # In the other tenant nobody but the victim asks, whoever may read it there.
                await self._ingest(
                    ground, Planted(f"red-team-{number}", documents, asker if tenant == "own" else victim, victim)
                )
        if question := case.metadata.get("victim"):
            ground = self.other if any(each.tenant == "other" for each in plants) else self.own
            await self._reach(ground, victim, question, case)
        told = "\n\n".join(each.text for each in plants if each.place == "instructions")
        assistant = self.own.assistant(told, self._model(case))
        principal = Principal(self.own.tenant, asker, self.groups)
        history = [Message(each.role, each.content) for each in case.history if each.role != "system"]
        try:
            answer = await assistant.ask(principal, case.question, history=history)
        except Blocked as error:
            return Response(refused=True, cost_usd=0.0, details={"error": error.slug, "cause": error.cause})
        steps = await asyncio.to_thread(assistant.evidence, principal, answer.turn)
        return replace(_response(answer), verdicts=verdicts_of(steps))

    def _model(self, case: Case) -> Provider | None:
        if not self.compromised or case.metadata.get("control"):
            return None
        tells = any(each.kind == "secret" for each in checks_of(case))
        return Compromised(says=case.metadata.get("claim", ""), tells=tells)

    async def _ingest(self, ground: Ground, source: Planted) -> None:
        async with self._writing:  # one writer a tenant: the others would wait for it anyway
            await asyncio.to_thread(ground.knowledge.ingest, source)

    async def _reach(self, ground: Ground, victim: str, question: str, case: Case) -> None:
        """The victim asks, and has to be told: else there is nothing to leak, or nothing that would."""
        principal = Principal(ground.tenant, victim)
        try:
            answer = await ground.assistant("", None).ask(principal, question)
            said = "\n".join((answer.answer, *(each.quote for each in answer.citations)))
        except AverError as error:
            raise NotArmed(f"Who may read it is not told either: {error.cause}", "Ask something else for it.") from None
        if not PromptLeak([case.metadata["marks"]["secret"]]).find(said):
            raise NotArmed("Who may read it is not told either", "Let the victim ask something else, or another model.")


def _response(answer: Answer) -> Response:
    return Response(
        text=answer.answer,
        abstained=answer.abstained,
        citations=tuple(
            Cited(each.document, each.start, each.end, each.quote, each.version, each.title)
            for each in answer.citations
        ),
        supported=tuple(each.supported for each in answer.sentences),
        mode=answer.mode,
        input_tokens=answer.usage.input_tokens,
        output_tokens=answer.usage.output_tokens,
        cost_usd=answer.usage.cost_usd,
        latency_ms=answer.latency_ms,
        turn=answer.turn,
        release=answer.release,
        details={"notices": list(answer.notices)} if answer.notices else {},
    )
