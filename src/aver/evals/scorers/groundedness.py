"""Whether what is said stands in what was looked at, sentence by sentence."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aver.agents.citing import uncite
from aver.agents.reading import read
from aver.agents.support import Thresholds, support
from aver.core.sentences import sentences
from aver.evals.scorers.kinds import NOTHING, Judge, Kind, Means, Score
from aver.evals.types import Case, Cited, Response
from aver.gateway.config.shapes import Field
from aver.gateway.config.words import SHARE, record

__all__ = ["GROUNDEDNESS"]


@dataclass(frozen=True, slots=True)
class Groundedness:
    least: float | None = None


def _make(settings: Groundedness, means: Means) -> Judge:
    def read_through(case: Case, response: Response) -> Score:
        if response.abstained or response.refused:
            return NOTHING
        found: dict[str, tuple[float, float]] = {}
        if response.supported:
            found["verified"] = float(sum(response.supported)), float(len(response.supported))
        texts = _texts(case, response)
        why = ""
        if texts:
            claims = [
                said.text for start, end in sentences(response.text) if (said := uncite(response.text[start:end]))
            ]
            claims = [each for each in claims if read(each).claims]
            loose = [each for each in claims if not _stands(each, texts, means, settings)]
            if claims:
                found["groundedness"] = float(len(claims) - len(loose)), float(len(claims))
            why = f"not found in what was looked at: {loose[0]}"[:300] if loose else ""
        return found, why

    async def judge(case: Case, response: Response) -> Score:
        return await asyncio.to_thread(read_through, case, response)

    return judge


def _texts(case: Case, response: Response) -> list[tuple[str, str]]:
    """What may support it: what was looked at, else the context that the case brought; each with its title."""
    parts: tuple[Cited, ...] = (*(response.looked or ()), *(response.citations or ()))
    if response.looked is not None:
        return [(each.title, each.text) for each in parts if each.text]
    context = case.variables.get("context")
    given = [context] if isinstance(context, str) else context if isinstance(context, list) else []
    return [("", each) for each in given if isinstance(each, str)]


def _stands(claim: str, texts: list[tuple[str, str]], means: Means, settings: Groundedness) -> bool:
    embedder = means.embedder()
    for title, text in texts:
        found = support(claim, text, embedder, Thresholds(), context=title)
        if found.supported if settings.least is None else found.score >= settings.least:
            return True
    return False


GROUNDEDNESS = Kind(
    "groundedness",
    "the share of sentences that what was looked at supports, judged anew; and that the turn itself found supported",
    ("groundedness", "verified"),
    _make,
    record(
        Groundedness,
        least=Field(
            SHARE, "Count a sentence from this score on rather than by the strict test that turns are verified with."
        ),
    ),
    Groundedness(),
)
