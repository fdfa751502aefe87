"""Questions that nothing answers, made from those that something does: about a thing nobody has written of."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence

from aver.core.sentences import sentences
from aver.evals.drafting.rules import Candidate
from aver.evals.labels import occurrences
from aver.knowledge.lexical import analyze
from aver.knowledge.types import Hit

__all__ = ["absent", "swapped"]

_DIGIT = re.compile(r"\d")


def swapped(made: Sequence[Candidate], chance: random.Random) -> Iterator[tuple[Candidate, str, str]]:
    """Of each candidate, in random order: itself, the question about something else, and what that is.

    An identifier gets other digits. A name of several words gets its last word from another name of its kind: "travel card" and "annual
    leave" make "travel leave".
    """
    several = [each for each in made if each.kind in ("definition", "heading") and len(each.about.split()) > 1]
    for each in chance.sample(list(made), len(made)):
        if each.kind == "identifier":
            other = _DIGIT.sub(lambda _: str(chance.randint(0, 9)), each.about)
        elif each in several and len(several) > 1:
            donor = chance.choice(several)
            other = " ".join([*each.about.split()[:-1], donor.about.split()[-1]])
        else:
            continue
        question = re.sub(re.escape(each.about), other.replace("\\", r"\\"), each.question, flags=re.IGNORECASE)
        if other.casefold() != each.about.casefold() and question != each.question:
            yield each, question, other


def absent(thing: str, search: Callable[[str], Sequence[Hit]]) -> bool:
    """Whether ``thing`` stands nowhere: not to the letter, which ``search`` finds where it is quoted, and not as its words in one
    sentence or heading of what is most like it."""
    terms = set(analyze(thing))
    for hit in (*search(f'"{thing}"'), *search(thing)):
        lines = [hit.title, hit.section, *(hit.text[start:end] for start, end in sentences(hit.text))]
        if any(terms <= set(analyze(line)) for line in lines):
            return False
        if next(occurrences(f"{hit.title}\n{hit.section}\n{hit.text}", thing), None) is not None:
            return False
    return bool(terms)
