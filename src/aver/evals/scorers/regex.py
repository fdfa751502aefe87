"""Whether a pattern is found in a response. Patterns may take for ever on the wrong text, so they are looked for in processes of their own."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aver.core.errors import InvalidInput
from aver.evals.scorers.kinds import Judge, Kind, Means, Score, rate
from aver.evals.types import Case, Response
from aver.gateway.config.shapes import Boolean, Field, Text
from aver.gateway.config.words import record

__all__ = ["REGEX", "search"]


@dataclass(frozen=True, slots=True)
class Regex:
    pattern: str = ""
    ignore_case: bool = False
    whole: bool = False


def search(pattern: str, flags: int, whole: bool, text: str) -> bool:
    """Whether the pattern is found, or is the whole text."""
    look = re.fullmatch if whole else re.search
    return look(pattern, text, flags) is not None


def _make(settings: Regex, means: Means) -> Judge:
    flags = int(re.IGNORECASE) if settings.ignore_case else 0
    functions = means.function(f"{__name__}:search")
    _compiled("the setting", settings.pattern)

    async def judge(case: Case, response: Response) -> Score:
        pattern = settings.pattern or (case.expected if isinstance(case.expected, str) else "")
        if not pattern:
            return {}, ""
        _compiled(case.place or case.id, pattern)
        found = await functions.call(pattern, flags, settings.whole, response.text)
        return {"regex": rate(found)}, ""

    return judge


def _compiled(place: str, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise InvalidInput(f"{place}: {pattern[:80]!r} is no pattern: {error}", "Correct it.") from None


REGEX = Kind(
    "regex",
    "a pattern, that of the settings or the case's expected text, is found in the response",
    ("regex",),
    _make,
    record(
        Regex,
        pattern=Field(Text(pattern=r"(?s)^.+$"), "A regular expression of Python."),
        ignore_case=Field(Boolean(), "Large and small letters are the same."),
        whole=Field(Boolean(), "The pattern is the whole response."),
    ),
    Regex(),
)
