"""Words that turn a sentence round: a claim with one of a pair is not supported by a text with the other."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from aver.knowledge.lexical import analyze

__all__ = ["FOLDED", "FORBIDDING", "NEGATORS", "fold_phrases", "opposed"]

NEGATORS = frozenset(
    """
    not no never cannot without neither nor none nobody nothing nowhere hardly scarcely non lack lacks lacking fail
    fails failed
    """.split()  # noqa: SIM905 - words read better as words
)
FORBIDDING = frozenset(
    """
    forbid forbids forbidden prohibit prohibits prohibited ban bans banned disallow disallowed refuse refuses refused deny denies
    denied unable avoid prevent prevents prevented except unless optional
    """.split()  # noqa: SIM905 - words read better as words
)
"""What a denial may be worded with, besides a negator."""

# Each phrase becomes one token, so that it can stand in a pair.
_PHRASES = (
    (r"\bno (?:more|later|longer|greater|higher) than\b|\bat (?:the )?(?:most|latest)\b|\bup to\b|\bnot exceed(?:ing)?\b", "atmost"),
    (r"\bno (?:less|fewer|earlier|lower) than\b|\bat (?:the )?(?:least|earliest)\b", "atleast"),
    (r"\b(?:more|greater|higher|longer|later) than\b|\bin excess of\b", "morethan"),
    (r"\b(?:less|fewer|lower|shorter|smaller|earlier) than\b", "lessthan"),
    (r"\b(?:do|does|did) not (?:need|have) to\b|\bneed not\b", "optional"),
    (r"\b(?:is|are|was|were) not (?:required|obliged|mandatory|necessary)\b", "optional"),
    (r"\b(?:have|has|had|need|needs|needed) to\b", "must"),
    (r"\b(?:is|are|was|were) (?:able|allowed|permitted|free) to\b", "may"),
    (r"\bas soon as\b", "soon"),
)  # fmt: skip
_FOLDS = tuple((re.compile(pattern), token) for pattern, token in _PHRASES)
FOLDED = frozenset(token for _, token in _PHRASES)
_CONTRACTION = re.compile(r"\b([a-z]+)n't\b")
_QUOTES = str.maketrans("\u2018\u2019", "''")

# Sides are word lists; the sides of a line exclude each other.
_PAIRS = """
increase increases increased raise raises raised rise rises rose grow grew gain gained | decrease decreases decreased reduce reduced lower lowered fall fell drop dropped decline declined shrink shrank cut lose lost
before prior | after following
atleast minimum min morethan exceed exceeds exceeding | atmost maximum max lessthan
above over | below under
must shall required requires require mandatory compulsory obliged | may might can could optional optionally voluntary
allow allows allowed permit permits permitted may can | forbid forbids forbidden prohibit prohibits prohibited ban banned disallow disallowed
always every all each | sometimes some occasionally few rarely
include includes included including | exclude excludes excluded excluding
accept accepts accepted approve approves approved grant granted | reject rejects rejected deny denies denied refuse refused decline declined
early earlier earliest | late later latest
first | last final
internal internally | external externally
public publicly | private privately confidential
permanent permanently | temporary temporarily
open opens opened | close closes closed shut
start starts started begin begins began starting | end ends ended finish finishes finished stop stops stopped
enable enables enabled activate | disable disables disabled deactivate
succeed succeeds succeeded success successful | fail fails failed failure unsuccessful
high higher highest | low lower lowest
long longer longest | short shorter shortest
large larger largest big bigger biggest | small smaller smallest little
win wins won | lose loses lost
buy buys bought purchase purchased | sell sells sold
hire hires hired | fire fires fired dismiss dismissed
add adds added | remove removes removed delete deleted
same identical | different differs
with | without
employee employees | employer employers
better best improve improves improved | worse worst worsen worsened
easy easier easily | hard harder difficult
strong stronger | weak weaker
fast faster quickly | slow slower slowly
cheap cheaper | expensive dearer
legal legally lawful | illegal illegally unlawful
safe safely | dangerous unsafe
married | single unmarried divorced
male man men boy | female woman women girl
father son brother husband | mother daughter sister wife
north northern | south southern
east eastern | west western
left | right
monthly | weekly daily annually yearly quarterly
weekly | daily annually yearly quarterly monthly
annually yearly annual | quarterly monthly weekly daily
agree agrees agreed | disagree disagrees disagreed
love loves loved like likes liked | hate hates hated dislike dislikes disliked
send sends sent give gives gave | receive receives received
borrow borrows borrowed | lend lends lent
arrive arrives arrived | leave leaves left depart departed
remember remembers remembered | forget forgets forgot
inside indoors | outside outdoors
online remote remotely | offline onsite
supervised | unsupervised
simple simpler | complex complicated
local locally | global globally
positive positively | negative negatively
many numerous several | few
upper top | bottom
advantage advantages benefit benefits | disadvantage disadvantages drawback drawbacks
morning | evening afternoon night
today | tomorrow yesterday
tomorrow | yesterday
"""
_SIDES = tuple(
    (frozenset(left.split()), frozenset(right.split()))
    for line in _PAIRS.strip().splitlines()
    for left, _, right in [line.partition("|")]
)
_PREFIXES = ("un", "in", "im", "ir", "il", "dis", "non", "mis")


def fold_phrases(text: str) -> str:
    """Lower-case ``text`` with contractions opened and phrases that limit, oblige or allow as one word each."""
    text = _CONTRACTION.sub(
        lambda match: ("can" if match[1] == "ca" else match[1]) + " not", text.lower().translate(_QUOTES)
    )
    for pattern, token in _FOLDS:
        text = pattern.sub(token, text)
    return text


def opposed(claim: Set[str], source: Set[str]) -> str:
    """The word of ``claim`` (a set of lower-case words) whose opposite, and not itself, is in ``source``; ``""`` if none."""
    for left, right in _SIDES:
        for here, there in ((left, right), (right, left)):
            if claim & here and source & there and not source & here and not claim & there:
                return min(claim & here)
    for word in sorted(word for word in claim - source if len(word) > 3):
        for prefix in _PREFIXES:
            if prefix + word in source:
                return word
            base = word.removeprefix(prefix)
            if base != word and len(base) > 3 and base in source and not _has(source, analyze(word)):
                return word
    return ""


def _has(words: Set[str], terms: Sequence[str]) -> bool:
    return not {term for word in words for term in analyze(word)}.isdisjoint(terms)
