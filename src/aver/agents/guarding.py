"""The guardrails of one turn: what models are given of what was asked and found, and what is shown of what they wrote.

What is redacted for a model is a token of the tenant's vault to it, so that it can tell people apart and write of them; in what it
writes, the values are put back before it is verified. What is redacted in an answer is gone: its kind stands in its place.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from aver.agents.blocking import whole
from aver.agents.prompt import Exchange
from aver.agents.types import Answer, Citation, SentenceReady
from aver.core import Clock, Principal
from aver.guard import Context, Finding, Guard, Judgement, Passage, Place, Spelled, Vault, mask
from aver.guard.vault import anyone_of_the_tenant
from aver.knowledge.types import Hit
from aver.store import TenantStore

__all__ = ["Answering", "Guarding"]

_NOTICES: Mapping[tuple[str, str], str] = {
    ("input", "flag"): "A check flagged what was asked",
    ("passage", "flag"): "A check flagged what was found",
    ("passage", "block"): "A check left out some of what was found",
    ("output", "flag"): "A check flagged the answer",
    ("output", "redact"): "A check cut parts out of the answer",
}
"""What people are told, by place and outcome."""


class Guarding:
    """The guard that holds for one turn, and all it made of its texts. A text is judged once in a place."""

    def __init__(
        self, guard: Guard, store: TenantStore, clock: Clock, principal: Principal, instructions: str = ""
    ) -> None:
        self.conversation = ""
        """Where the values that are redacted belong to, once it is known."""
        self.digest = guard.digest
        self._context = Context(instructions, store.master_key)
        self._guard = guard.within(self._context)
        self._store = store
        self._clock = clock
        self._principal = principal
        self._made: list[Judgement] = []
        self._unrecorded: list[Judgement] = []
        self._judged: dict[tuple[Place, str], Judgement] = {}
        self._told: set[tuple[Place, str]] = set()
        self._opened: Vault | None = None

    def watches(self, place: Place) -> bool:
        return self._guard.watches(place)

    def planted(self, prompt: str) -> str:
        """The system prompt, with what shows that it has leaked where a check looks for that."""
        return self._context.planted(prompt)

    async def question(self, text: str) -> str:
        """A question as models are given it. Raises :class:`~aver.core.errors.Blocked`."""
        self._heard(text, "input")
        (await self._judge(text, "input")).require()
        return await self._for_models(text, "input")

    async def exchanges(self, exchanges: Sequence[Exchange]) -> list[Exchange]:
        """The conversation as models are reminded of it, without what goes no further."""
        for each in exchanges:
            self._heard(each.question, "input")
            self._heard(each.answer, "passage")
        return [
            Exchange(
                await self._for_models(each.question, "input"),
                await self._for_models(each.answer, "passage") if await self._passes(each.answer, "passage") else "",
            )
            for each in exchanges
            if await self._passes(each.question, "input")
        ]

    async def hits(self, hits: Sequence[Hit]) -> Sequence[Hit]:
        """What was found, as models are given it, without what goes no further."""
        for hit in hits:
            self._heard("\n".join((hit.title, hit.section, hit.text)), "passage")
        if not self.watches("passage"):
            return hits
        given = await asyncio.gather(*map(self._hit, hits))
        return [hit for hit in given if hit is not None]

    async def _hit(self, hit: Hit) -> Hit | None:
        spelled = Spelled([hit.title, hit.section, hit.text])
        judgement = await self._judge(spelled.text, "passage")
        if judgement.outcome == "block":
            return None
        if not judgement.findings:
            return hit
        title, section, text = await whole(spelled.redacted, judgement.findings, self._redacted)
        return replace(hit, title=title, section=section, text=text)

    def restored(self, written: str) -> str:
        """What a model wrote, with the values that its tokens stand for. Blocking."""
        if self._opened is None:
            return written
        return str(self._vault().restore(self._principal, self.conversation, written).value)

    def answering(self) -> Answering:
        return Answering(self, self._guard)

    async def answer(self, answer: Answer) -> Answer:
        """What it says beside its sentences, which were checked when they were shown."""
        conflicts = [replace(each, other=await self.quoted(each.other)) for each in answer.conflicts]
        said = await self._shown(answer.answer) if answer.abstained else answer.answer
        return replace(answer, answer=said, conflicts=tuple(conflicts))

    async def quoted(self, citation: Citation) -> Citation:
        """As it may be shown. Raises :class:`~aver.core.errors.Blocked`."""
        return replace(citation, quote=await self._shown(citation.quote))

    def made(self, judgement: Judgement) -> None:
        """Keep it for the evidence, where there is anything to say."""
        if judgement.judged:
            self._made.append(judgement)
            self._unrecorded.append(judgement)

    def unrecorded(self, *places: Place) -> Iterator[list[Judgement]]:
        """What was made of the texts of each of ``places`` and does not stand in evidence yet."""
        for place in places:
            if found := [each for each in self._unrecorded if each.place == place]:
                yield found

    def recorded(self, *places: Place) -> None:
        self._unrecorded = [each for each in self._unrecorded if each.place not in places]

    def notices(self) -> Iterator[str]:
        """What a reader of the answer must know, in sentences."""
        for (place, outcome), words in _NOTICES.items():
            found: dict[str, set[str]] = {}
            for judgement in self._made:
                for each in judgement.judged if (judgement.place, judgement.outcome) == (place, outcome) else ():
                    if each.outcome == outcome:
                        kinds = found.setdefault(each.verdict.check, set())
                        kinds.update(finding.kind for finding in each.verdict.findings)
            said = [f"{check}: {', '.join(sorted(kinds))}" if kinds else check for check, kinds in found.items()]
            if said:
                yield f"{words} ({'; '.join(said)})."

    async def _shown(self, text: str) -> str:
        judgement = await self._judge(text, "output")
        judgement.require()
        return mask(text, judgement.findings)

    def _heard(self, text: str, place: Place) -> None:
        if (place, text) not in self._told:
            self._told.add((place, text))
            self._context.heard(text, place)

    async def _judge(self, text: str, place: Place) -> Judgement:
        if not text or not self.watches(place):
            return Judgement(place, "pass", (), ())
        if (place, text) not in self._judged:
            self._judged[place, text] = judgement = await self._guard.judge(text, place)
            self.made(judgement)
        return self._judged[place, text]

    async def _passes(self, text: str, place: Place) -> bool:
        return (await self._judge(text, place)).outcome != "block"

    async def _for_models(self, text: str, place: Place) -> str:
        findings = (await self._judge(text, place)).findings
        return await whole(self._redacted, text, findings) if findings else text

    def _redacted(self, text: str, findings: Sequence[Finding]) -> str:
        return self._vault().redact(self._principal, self.conversation, text, findings)

    def _vault(self) -> Vault:
        if self._opened is None:
            # Whoever asks is shown no values but of their own questions, and of passages that they may read.
            self._opened = Vault(self._store, self._clock, anyone_of_the_tenant)
        return self._opened


class Answering:
    """One attempt at an answer, sentence by sentence: what of it may be shown, and when."""

    def __init__(self, guarding: Guarding, guard: Guard) -> None:
        self.shown: list[SentenceReady] = []
        self._guarding = guarding
        self._passage = Passage(guard, "output", guarding.made) if guard.watches("output") else None
        self._waiting: deque[SentenceReady] = deque()

    async def take(self, verified: SentenceReady) -> list[SentenceReady]:
        """The next verified sentence; what may be shown now. Raises :class:`~aver.core.errors.Blocked`."""
        if self._passage is None:
            self.shown.append(verified)
            return [verified]
        self._waiting.append(verified)
        return await self._show(await self._passage.take(verified.sentence.text + " "))

    async def rest(self) -> list[SentenceReady]:
        """The sentences that are left, at the end of the answer."""
        return await self._show(await self._passage.rest()) if self._passage else []

    async def _show(self, texts: Sequence[str]) -> list[SentenceReady]:
        ready = []
        for text in texts:
            verified = self._waiting.popleft()
            citations = [await self._guarding.quoted(each) for each in verified.citations]
            ready.append(SentenceReady(replace(verified.sentence, text=text.strip()), tuple(citations)))
        self.shown += ready
        return ready
