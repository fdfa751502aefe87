"""What kind of answer a question asks for, and whether a sentence holds one."""

from __future__ import annotations

import re

__all__ = ["answer_type", "holds"]

_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")
_ASKS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("time", r"\b(?:when|(?:what|which) (?:year|date|day|month|time|century|decade)|since when|until when)\b"),
        (
            "number",
            (
                r"\bhow (?:many|much|long|often|far|tall|high|large|big|old|fast|deep|soon|late|early)\b|\bpercentage\b"
                r"|\bwhat (?:percent\w*|number|amount|proportion|share|fraction|rate)\b"
                r"|\bwhat (?:is|are|was|were) the (?:limit|maximum|minimum|cost|price|rate|number|population|deadline)\b"
            ),
        ),
        ("person", r"\b(?:who|whom|whose)\b"),
        ("place", r"\bwhere\b|\b(?:what|which) (?:city|country|state|place|location|continent|town|river)\b"),
        ("reason", r"\bwhy\b|\bwhat (?:caused|causes|led|(?:is|was) the (?:reason|purpose))\b"),
        ("way", r"\bhow (?:do|does|did|can|could|should|to|is|are|was|were|would|will)\b"),
    )
)
_NUMBER_WORD = (
    r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty|ninety|hundred"
    r"|thousand|million|billion|half|third|quarter|dozen|once|twice|hourly|daily|weekly|biweekly|monthly|quarterly|yearly"
    r"|annually|every|percent|unlimited|several"
)
_MONTH = r"january|february|march|april|june|july|august|september|october|november|december"
_DAY = r"monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_SIGNS = {
    "time": re.compile(
        rf"\b(?:1\d{{3}}|20\d\d|\d{{1,2}}(?:st|nd|rd|th)|\d{{1,2}}[:.]\d\d|\d{{1,2}} ?[ap]\.?m|{_MONTH}|{_DAY}|century|decade"
        r"|\d{2,4}s|spring|summer|autumn|fall|winter|noon|midnight|hours?|days?|weeks?|months?|years?|before|after|until)\b"
        r"|\b(?-i:May)\b",
        re.IGNORECASE,
    ),
    "number": re.compile(rf"\d|\b(?:{_NUMBER_WORD})\b", re.IGNORECASE),
    "reason": re.compile(
        r"\b(?:because|since|due to|so that|in order to|to (?:avoid|ensure|prevent|make|help|protect|keep|allow|reduce)"
        r"|as a result|therefore|thus|caused?|led to|reasons?|purpose)\b",
        re.IGNORECASE,
    ),
    "way": re.compile(
        r"\b(?:by|using|through|via|must|should|can|may|need to|follow|use|submit|send|ask|contact|open|go to|fill|request)\b",
        re.IGNORECASE,
    ),
}
_NAME = re.compile(r"\b[A-Z][\w\u2019'-]*")
_ROLE = re.compile(
    r"\b(?:manager|lead|leader|director|supervisor|team|office|officer|staff|employees?|members?|department|desk|committee"
    r"|chair|head|president|owner|author|everyone|anyone|people|partners?|contractors?)\b",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"\b(?:in|at|on|near|from|to|into|between|across|inside|outside|under|behind)\s+(?:the\s+|an?\s+|your\s+|our\s+)?\w",
    re.IGNORECASE,
)


def answer_type(question: str) -> str | None:
    """``time``, ``number``, ``person``, ``place``, ``reason`` or ``way``; ``None`` when the question does not say. English."""
    return next((kind for kind, pattern in _ASKS if pattern.search(question)), None)


def holds(kind: str, sentence: str, asked: frozenset[str]) -> bool:
    """Whether ``sentence`` holds an answer of ``kind`` that is not among the question's own (lower-case) words, ``asked``."""
    new = " ".join(word for word in sentence.split() if word.strip(".,;:()\"'?!").lower() not in asked)
    if kind in _SIGNS:
        return _SIGNS[kind].search(new) is not None
    names = [name for name in _NAME.findall(sentence) if name.lower() not in asked]
    # The word that opens a sentence is capital whatever it means.
    named = bool(names) and (len(names) > 1 or not sentence.startswith(names[0]))
    if kind == "person":
        return named or _ROLE.search(new) is not None
    return named or _PLACE.search(sentence) is not None
