"""Questions that a text answers, by rules: what a sentence defines, how many of something it says there are, what a heading or an
identifier is about. Each rule also tells whether some other text answers its question just as well."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from aver.core.sentences import sentences
from aver.evals.labels import occurrences
from aver.knowledge.exact import exacts
from aver.knowledge.lexical import analyze
from aver.knowledge.types import Block, Document, DocumentText, Hit

__all__ = ["Candidate", "Kind", "answers", "candidates"]

Kind = Literal["definition", "quantity", "heading", "identifier", "model", "swapped", "not permitted"]

_WORD = r"[\w&/+\u2019'-]+"
_DEFINITION = re.compile(
    rf"(?P<article>(?:The|An?) )?(?P<term>[^\W\d_][\w&/+\u2019'-]*(?: {_WORD}){{0,3}}?)"
    r" (?P<verb>is|are|means|refers to|stands for) (?:an?|the|any|one of|when|where|how) \S.{20,}"
)
_NUMBER = (
    r"\d[\d,.]*|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty"
)
_QUANTITY = re.compile(
    rf"(?P<subject>(?:(?:The|An?|Each|Every|All) )?(?P<name>[^\W\d_][\w\u2019'-]*(?: {_WORD}){{0,3}}?))"
    r" (?P<verb>have|has|gets?|receives?|takes?|lasts|costs?|needs?|contains?|includes?|earns?|uses?)"
    r" (?:(?:up to|at least|at most|about|around|over|only|more than|exactly) )?"
    rf"(?:{_NUMBER}) (?P<unit>(?:[a-z-]+ )?[a-z]{{3,}}s)\b.*"
)
_FIGURE = re.compile(rf"\b(?:{_NUMBER})\b", re.IGNORECASE)
_POINTERS = frozenset(
    """all also although an and anyone another any as at because before but by can could each either every everyone everything few for
    from he her here his how i if in it its many may might most much must my neither no none not nothing of on one only or other our she
    should since so some such that their there these they this those to under until we what when where which while who why will with
    would you your""".split()  # noqa: SIM905 - words, read as words
)
"""What neither begins nor ends a name of a thing."""
_LONGEST_ANSWER = 400
"""Characters of what follows a heading that count as its answer, in whole sentences."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question that ``quote`` of the document is taken to answer. ``about`` is what it asks about."""

    question: str
    about: str
    kind: Kind
    document: Document
    quote: str
    section: str
    passage: str
    """The text of the passage it stands in."""

    @property
    def read(self) -> str:
        """All that the passage is found by."""
        return f"{self.document.title}\n{self.section}\n{self.passage}"


def candidates(
    document: Document, stored: DocumentText, passages: Sequence[tuple[int, int, str]]
) -> Iterator[Candidate]:
    """What the rules make of a document, in its order."""
    text, blocks = stored.text, stored.blocks
    starts = [start for start, _, _ in passages]

    def candidate(kind: Kind, question: str, about: str, start: int, end: int) -> Candidate | None:
        place = bisect_right(starts, start) - 1
        if place < 0 or start >= passages[place][1]:
            return None
        begin, stop, section = passages[place]
        return Candidate(question, about, kind, document, text[start:end], section, text[begin:stop])

    for number, block in enumerate(blocks):
        if block.kind == "heading" and number + 1 < len(blocks):
            found = [_headed(text, block, blocks[number + 1])]
        elif block.kind in ("paragraph", "list"):
            spans = sentences(text[block.start : block.end])
            found = [each for a, b in spans for each in _said(text, block.start + a, block.start + b)]
        else:
            continue
        for made in filter(None, found):
            if (complete := candidate(*made)) is not None:
                yield complete


def answers(candidate: Candidate, hit: Hit) -> bool:
    """Whether another passage answers the question too, by the words of it: the same thing defined, counted, or written about."""
    about = candidate.about.casefold()
    match candidate.kind:
        case "heading":
            named = analyze(f"{hit.title} {hit.section}")
            return set(analyze(candidate.about)) <= set(named)
        case "identifier":
            return next(occurrences(hit.text, candidate.about), None) is not None
    for start, end in sentences(hit.text):
        sentence = " ".join(hit.text[start:end].split())
        if candidate.kind == "definition":
            if (match := _DEFINITION.fullmatch(sentence)) and match["term"].casefold() == about:
                return True
        elif _FIGURE.search(sentence) and set(analyze(candidate.about)) <= set(analyze(sentence)):
            return True
    return False


_Made = tuple[Kind, str, str, int, int]


def _headed(text: str, heading: Block, below: Block) -> _Made | None:
    words = text[heading.start : heading.end].strip(" :*_.").split()
    if below.kind not in ("paragraph", "list") or not 2 <= len(words) <= 6 or words[-1].endswith("?"):
        return None
    name = " ".join(words)
    if not analyze(name) or any(map(str.isdigit, name)):
        return None
    ends = [below.start + end for _, end in sentences(text[below.start : below.end])]
    end = max([end for end in ends if end - below.start <= _LONGEST_ANSWER], default=0) or min(ends, default=below.end)
    return "heading", f"What is said about {name}?", name, below.start, end


def _said(text: str, start: int, end: int) -> Iterator[_Made]:
    """What one sentence answers."""
    sentence = " ".join(text[start:end].split())
    if (match := _DEFINITION.fullmatch(sentence)) and _names(match["term"], bound=match["article"] == "The "):
        term = match["term"] if match["article"] else _lowered(match["term"], text)
        article = (match["article"] or "").lower()
        verb = match["verb"]
        asked = (
            f"What {verb} {article}{term}?" if verb in ("is", "are") else f"What does {article}{term} {_base(verb)}?"
        )
        yield "definition", asked, match["term"], start, end
    elif (match := _QUANTITY.fullmatch(sentence)) and _names(match["name"]):
        verb, subject = match["verb"], _lowered(match["subject"], text)
        does = "do" if verb == _base(verb) else "does"
        asked = f"How many {match['unit']} {does} {subject} {_base(verb)}?"
        yield "quantity", asked, f"{match['name']} {match['unit']}", start, end
    for each in exacts(sentence):
        if not each.quoted and "@" not in each.text and "/" not in each.text:
            yield "identifier", f"What is said about {each.text}?", each.text, start, end
            return


def _names(term: str, *, bound: bool = False) -> bool:
    """Whether it is a name that means the same outside of its text; ``bound``: after "the", where a common word like "name" does not."""
    words = term.split()
    if bound and len(words) == 1 and words[0].islower():
        return False
    return words[0].casefold() not in _POINTERS and words[-1].casefold() not in _POINTERS and bool(analyze(term))


def _lowered(term: str, text: str) -> str:
    """Without the capital of a sentence's beginning, unless the word is written so elsewhere too."""
    first = term.split(maxsplit=1)[0]
    named = (
        not first[1:].islower()
        or term[len(first) :] != term[len(first) :].lower()
        or re.search(rf"(?<=[a-z,;] ){re.escape(first)}\b", text)
    )
    return term if named else term[0].lower() + term[1:]


def _base(verb: str) -> str:
    head, _, tail = verb.partition(" ")
    base = {"has": "have", "means": "mean", "refers": "refer", "stands": "stand"}.get(head, head.removesuffix("s"))
    return f"{base} {tail}".strip()
