"""What a question asks for besides its words, by rules: a part of the documents, a time, several things at once.

Each rule is a pure function over text. A rule acts only on what can hardly mean anything else: a filter that was not meant hides
the answer, while words left in a query cost little.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aver.agents.followup import Asked, resolve
from aver.core import rfc3339
from aver.knowledge.lexical import analyze
from aver.knowledge.scope import EVERYTHING, Scope

__all__ = ["Understood", "mentioned", "moment", "narrowed", "parts", "understand"]

_MOST_PARTS = 3

_OPERATOR = re.compile(r"(?<!\S)(source|since|as[_-]?of):(?:\"([^\"]+)\"|(\S+))", re.IGNORECASE)
_MENTION = re.compile(
    r"\b(?:in|from|within|under|according to|per|says?)\s+(?:the|our|your)\s+((?:[\w&'\u2019./-]+\s*){1,6})",
    re.IGNORECASE,
)
_MONTHS = {
    name[:3]: number
    for number, name in enumerate(
        [
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        ],
        1,
    )
}
_MONTH = r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
_DATE = (
    rf"(?:\d{{4}}-\d{{2}}-\d{{2}}|\d{{4}}-\d{{2}}|\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}\.?,? \d{{4}}"
    rf"|{_MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}|{_MONTH}\.?(?: \d{{4}})?|\d{{4}}|yesterday|last (?:week|month|year))"
)
_ISO = re.compile(r"[0-9]{4}(?:-[0-9]{1,2}){0,2}")
_AS_OF = re.compile(rf"\b(?:as of|as at|as it was (?:in|on))\s+({_DATE})\b", re.IGNORECASE)
_SINCE = re.compile(
    r"\b(?:changed?|updated?|new|added|published|written|revised|edited|announced|documents?|pages?|posts?|notes?)\b[^.?!;]{0,60}?"
    rf"\b(since|after)\s+({_DATE})\b",
    re.IGNORECASE,
)
_LATELY = re.compile(
    r"\b(?:changed?|updated?|new|added|published|revised|edited|announced)\b[^.?!;]{0,60}?"
    r"\b((?:in|over|within|during) the (?:last|past) (\d{1,3}|two|three|four|five|six)? ?(day|week|month|year)s?)\b",
    re.IGNORECASE,
)
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
_SPLIT = re.compile(
    r"\?\s+(?=\S)|;\s+|,?\s+and\s+(?:also\s+)?(?=(?:what|how|when|where|who|whom|whose|why|which|is|are|do|does|did|can|could|may|must"
    r"|should|will)\b)",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"\b(?:what|how|when|where|who|whom|whose|why|which)\b|^(?:is|are|do|does|did|can|could|may|must|should|will)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Understood:
    """``question`` is what is asked once filters are taken out; ``parts`` are the questions in it, if it holds several. ``meant`` says
    that every filter was written as one (``source:hr``), and not only worded (``in the travel policy``)."""

    question: str
    parts: tuple[str, ...] = ()
    scope: Scope = EVERYTHING
    meant: bool = False

    def facts(self) -> dict[str, object]:
        """For evidence, in clear: no words of the question or of a document."""
        scope = self.scope
        return {
            "parts": len(self.parts),
            "sources": len(scope.sources),
            "named": len(scope.documents),
            "since": None if scope.since is None else rfc3339(scope.since),
            "as_of": None if scope.as_of is None else rfc3339(scope.as_of),
        }


def understand(question: str, named: Mapping[str, Scope], now: datetime) -> Understood:
    """``named`` says what the names that :func:`mentioned` found are called by: of documents and sources that the asker may read."""
    sources: list[str] = []
    since = as_of = None
    meant = False
    rest = question
    for match in _OPERATOR.finditer(question):
        kind, value = match[1].lower().replace("_", "").replace("-", ""), (match[2] or match[3]).strip()
        at = None if kind == "source" else moment(value, now, last=kind == "asof")
        if kind == "source":
            sources.append(value)
        elif at is None:
            continue
        elif kind == "since":
            since = at
        else:
            as_of = at
        meant = True
        rest = rest.replace(match[0], " ")
    if found := _AS_OF.search(rest):
        as_of = as_of or moment(found[1], now, last=True)
        rest = rest.replace(found[0], " ")
    if found := _SINCE.search(rest):
        since = since or moment(found[2], now)
    elif found := _LATELY.search(rest):
        count = _NUMBERS.get((found[2] or "1").lower()) or int(found[2] or 1)
        since = since or now - timedelta(days=count * _DAYS[found[3].lower()])
    documents: tuple[str, ...] = ()
    for name in mentioned(rest):
        if name in named and not (sources or documents):
            sources, documents = list(named[name].sources), named[name].documents
    asked = re.sub(r"\s+", " ", re.sub(r"\s+([?.!,;])", r"\1", rest)).strip() or question
    return Understood(asked, parts(asked), Scope(tuple(sources), documents, since, as_of), meant)


def mentioned(question: str) -> tuple[str, ...]:
    """What may be the name of a document or a source (``in the travel policy``), longest first, in lower case."""
    found: dict[str, None] = {}
    for match in _MENTION.finditer(question):
        words = match[1].lower().rstrip(" .?!,").split()
        found.update(dict.fromkeys(" ".join(words[:length]) for length in range(len(words), 0, -1)))
    return tuple(found)


def parts(question: str) -> tuple[str, ...]:
    """The questions in one, each made complete by the first; none where it is only one."""
    pieces = [piece.strip(" ,;?") for piece in _SPLIT.split(question)]
    pieces = [piece for piece in pieces if _ASKS.search(piece) and analyze(piece)]
    if not 2 <= len(pieces) <= _MOST_PARTS or not all(len(piece.split()) > 2 for piece in pieces):
        return ()
    first = f"{pieces[0]}?"
    return (first, *(resolve(f"{piece}?", [Asked(first)]).question for piece in pieces[1:]))


def moment(text: str, now: datetime, *, last: bool = False) -> datetime | None:
    """The time a date names, at its beginning, or with ``last`` at its end; ``None`` when it names none. A month without a year is the
    latest that has begun."""
    words = re.sub(r"(?<=\d)(?:st|nd|rd|th)\b|\bof\b|[.,]", " ", text.lower()).split()
    if words == ["yesterday"]:
        before = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
        return _end(before, 3) if last else before
    if len(words) == 2 and words[0] == "last" and words[1] in _DAYS:
        return now - timedelta(days=_DAYS[words[1]])
    fields = [int(number) for number in words[0].split("-")] if words and _ISO.fullmatch(words[0]) else []
    month = next((_MONTHS[word[:3]] for word in words if word[:3] in _MONTHS), 0)
    if month:
        numbers = [int(word) for word in words if word.isascii() and word.isdigit()]
        year = next((number for number in numbers if number > 31), now.year if month <= now.month else now.year - 1)
        fields = [year, month, *(number for number in numbers if number <= 31)]
    if not fields:
        return None
    try:
        year, month, day = [*fields, 1, 1][:3]
        start = datetime(year, month, day, tzinfo=UTC)
        return _end(start, len(fields)) if last else start
    except (ValueError, OverflowError):
        return None


_INSTANT = timedelta(microseconds=1)


def _end(start: datetime, precision: int) -> datetime:
    """The last instant of a year, a month or a day."""
    if precision == 1:
        return start.replace(year=start.year + 1) - _INSTANT
    if precision == 2:
        after = start.replace(day=28) + timedelta(days=4)
        return after.replace(day=1) - _INSTANT
    return start + timedelta(days=1) - _INSTANT


def narrowed(scope: Scope) -> list[str]:
    """What a scope leaves out, in words for a person who wonders why nothing was found."""
    said = [f"in {len(scope.documents)} named document{'s' * (len(scope.documents) > 1)}"] if scope.documents else []
    said += [f"in source {name}" for name in scope.sources]
    said += [f"changed since {scope.since:%Y-%m-%d}"] if scope.since else []
    return said + ([f"as of {scope.as_of:%Y-%m-%d}"] if scope.as_of else [])
