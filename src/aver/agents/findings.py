"""What a turn found, as far as its asker may still be told of it: beside an answer, and in place of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aver.agents.conflicts import conflicts
from aver.agents.parts import Parts
from aver.agents.types import Citation, Conflict, LookedAt
from aver.agents.understanding import Understood, narrowed
from aver.core import Principal
from aver.knowledge.types import Hit

__all__ = ["Findings"]

_LOOKED_AT = 3
"""How many of the nearest passages an abstention names."""


@dataclass(frozen=True, slots=True)
class Findings:
    """``hits`` are the passages that the answer was to be made from."""

    parts: Parts
    principal: Principal
    understood: Understood
    hits: Sequence[Hit]

    def conflicts(self, citations: Sequence[Citation]) -> tuple[Conflict, ...]:
        """What contradicts these."""
        return conflicts(citations, self._readable() if citations else (), self.parts.embedder)

    def outdated(self, citations: Sequence[Citation]) -> tuple[int, ...]:
        """Which of these cite a version that is not the current one."""
        current = self.parts.knowledge.current(self.principal, {citation.document for citation in citations})
        return tuple(
            position
            for position, citation in enumerate(citations)
            if current.get(citation.document, citation.version) != citation.version
        )

    def looked_at(self) -> tuple[LookedAt, ...]:
        """The nearest passages."""
        return tuple(
            LookedAt(hit.document, hit.title, hit.uri, hit.version, hit.start, hit.end, hit.section)
            for hit in self._readable()[:_LOOKED_AT]
        )

    def abstention(self, *, unsupported: bool) -> str:
        """That there is no answer, in words; ``unsupported``: a model wrote one that no passage supports."""
        searched = " ".join(self.understood.question.split())
        where = narrowed(self.understood.scope)
        count = len(self.hits)
        looked = "no passage matched" if not count else f"{count} passage{'s' * (count > 1)} looked at"
        told = " What the model wrote is not given, because no passage supports it." if unsupported else ""
        place = f" ({', '.join(where)})" if where else ""
        return f"No answer was found in the documents you can read{place}. Searched for “{searched}”: {looked}.{told}"

    def _readable(self) -> list[Hit]:
        """What was found and may still be read."""
        pairs = {(hit.document, hit.version) for hit in self.hits}
        readable = self.parts.knowledge.readable(self.principal, sorted(pairs))
        return [hit for hit in self.hits if (hit.document, hit.version) in readable]
