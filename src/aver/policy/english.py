"""English as requests are made in it: which verbs ask for which effect, and what points at nothing. Tables alone."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aver.policy.kinds import Kind
from aver.policy.types import Effect

__all__ = [
    "ADDRESSEE",
    "ALIKE",
    "BEFORE_VERB",
    "COMMON",
    "DELEGATES",
    "DETAILS",
    "EVERY",
    "FOR_ME",
    "LOOKING",
    "NOUNS_TOO",
    "PAST",
    "PHRASES",
    "POSSESSIVES",
    "PRONOUNS",
    "READING",
    "REFERRING",
    "SPOKEN_OF",
    "SUPERLATIVES",
    "VERBS",
    "WHENCE",
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


COMMON = _words(
    "a about after all also an and any are as at be been before by can could did do does each every for from get give has have he her "
    "him his how i if in into is it its just let like make may me more most my new no not now of off on once one only or other our out "
    "over please she should so some than that the their them then there they this to too two under up us was we were what when where "
    "which who will with would yes you your"
)
"""Words that point at nothing."""

VERBS: Mapping[Effect, frozenset[str]] = {
    Effect.WRITE: _words(
        "add adjust amend append apply archive arrange assign attach backup block book change close comment complete convert copy create draft edit "
        "enable disable enter extend fill finish fix generate import increase invite log lower mark merge modify move note organise "
        "organize pin plan postpone prepare produce put raise record reduce register rename reopen replace reschedule reserve reset resolve revise "
        "rewrite save schedule set setup sign store swap tag turn update upload write"
    ),
    Effect.SEND: _words(
        "alert announce answer apologise apologize ask broadcast cc circulate congratulate contact deliver distribute dm e-mail email "
        "forward greet inform introduce invite mail message notify nudge ping post publish remind reply respond send share submit tell "
        "text thank transmit tweet upload warn welcome wish write"
    ),
    Effect.SPEND: _words(
        "book buy charge donate fund hire invest order pay purchase refund reimburse rent repay reserve return send settle spend "
        "subscribe tip top transfer wire withdraw"
    ),
    Effect.DELETE: _words(
        "ban cancel clear close delete disable discard dismiss drop empty erase expel kick purge remove revoke terminate trash uninstall "
        "uninvite unsubscribe wipe withdraw"
    ),
}
NOUNS_TOO = _words(
    "answer ask backup block book cancel charge close comment complete contact copy dm draft e-mail email finish fund log lower mail message "
    "note mark order plan post record refund rent reset return schedule set share sign store tag text tip top transfer turn update wire"
)
"""Verbs that are as often something else: they count only where a verb stands."""
BEFORE_VERB = _words(
    "please to and then also or can could would should must just you will i'll kindly now finally don't not let's next afterwards"
)
"""Words after which a verb stands, where there is one."""
PAST = _words("did didn't does doesn't")
"""Whose verb tells, and does not ask (*what did Ben write*)."""
PHRASES: tuple[tuple[Effect, re.Pattern[str]], ...] = tuple(
    (effect, re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE))
    for effect, pattern in (
        (Effect.SPEND, r"make (?:an? |the |my |\w+ )?(?:reservation|booking|payment)s?"),
        (
            Effect.WRITE,
            r"make (?:an? |the |my |\w+ )?(?:reservation|booking|appointment|entry|note|copy|change|list)s?|set up|sign up",
        ),
        (Effect.SEND, r"let (?!me|us)\w+ know|get back to|reach out to|drop \w+ a (?:line|note)|invitation"),
        (Effect.DELETE, r"get rid of|take (?:\w+ ){1,3}off|call off"),
    )
)
FOR_ME = re.compile(r"\s+(?:me|us)\b(?!\s+(?:an?|the)\s+(?:e-?mail|message|invitation|reminder)\b)", re.IGNORECASE)
"""After a verb: what is told or sent to the user alone is an answer (*tell me*)."""
LOOKING = _words(
    "analyse analyze check compare consult count find get give go how list look open read retrieve review scan search see show summarise "
    "summarize take visit view what when where which who whose"
)
"""Verbs and questions that only look."""
WHENCE = _words(
    "according based by described found from given listed mentioned posted received sent shared specified that what where which who "
    "whom whose wrote written"
)
"""After these stands where something is or comes from."""
POSSESSIVES = _words("her his their")
PRONOUNS = _words("them him her they")
EVERY = _words("each every everybody everyone")
"""What is said of a whole list."""
ADDRESSEE = re.compile(
    r"\b(?:to|with|invite|message|e-?mail|tell|ask|notify|add|remove|inform|remind|dm|text|contact|and)\s+@?([A-Z][^\W\d_]+)"
)
DELEGATES = re.compile(
    r"\b(?:follow|do|perform|execute|carry out|complete|implement|handle|take care of|act on|work through|go through with|obey)\b"
    r"[^.?!]{0,40}?\b(?:instructions?|actions?|tasks?|steps?|to-?dos?|requests?|orders?|errands?|what (?:it|he|she|they|\w+) (?:says?|asks?))\b"
    r"(?! (?:in the|below|as))",
    re.IGNORECASE,
)
"""The user tells to do what some text says."""
DETAILS = re.compile(
    r"\b(?:details?|particulars|specifics|info(?:rmation)?|data|everything(?: else)?(?: you need)?|all (?:that )?you need|the rest)\b"
    r"(?: (?:is|are|stands?|can be found|you need|about \w+))* (?:in|on|from) (?:the|my|our|his|her|their|this|that|\w+'s) ",
    re.IGNORECASE,
)
"""The user says that the details of what they ask for stand in some text."""
REFERRING = re.compile(r"\b(?:at|for|from|in|into|on|to|with)\s+(?:that|this|those|these)\s+([^\W\d_]+)", re.IGNORECASE)
"""After these stands what is acted on, by a word that refers to it."""

ALIKE = tuple(
    _words(group)
    for group in (
        "event appointment meeting calendar invitation reminder lunch dinner session",
        "file document doc sheet spreadsheet list note folder report presentation",
        "email mail message inbox",
        "user account profile info information detail data address setting contact",
        "transaction payment transfer money bill invoice order rent",
        "page webpage website site web article blog",
        "channel group room thread",
        "password passcode pin credential passphrase",
        "ticket issue case task todo request incident",
        "hotel room stay accommodation",
        "restaurant table dinner lunch",
        "car rental vehicle",
        "flight ticket",
        "remember memorise memorize",
    )
)
"""Words for the same kind of thing."""
READING = _words("get list read search find fetch show check look retrieve view all by for in the of query recent most")
"""In a tool's name: what it does, and not what it is about."""
SPOKEN_OF: Mapping[Kind, frozenset[str]] = {
    "email": _words("address contact email invite mail"),
    "account": _words("account bank bill iban invoice pay payment recipient transfer"),
    "url": _words("address article blog link page site url webpage website"),
}
"""Words by which people speak of a value of a kind without saying it."""

_SIZE = "size|length|bytes|amount|duration|count|weight"
_TIME = "date|time|created|modified|day|sent"
_PRICE = "price|cost|amount|fee|rate"
_GRADE = "rating|score|stars|grade|rank"
SUPERLATIVES: tuple[tuple[re.Pattern[str], bool, re.Pattern[str]], ...] = tuple(
    (re.compile(rf"\b(?:{words})\b", re.IGNORECASE), highest, re.compile(fields, re.IGNORECASE))
    for words, highest, fields in (
        ("largest|biggest|longest|heaviest|most", True, _SIZE),
        ("smallest|shortest|lightest|fewest", False, _SIZE),
        ("newest|latest|most recent|last|youngest", True, _TIME),
        ("oldest|earliest|first|soonest|next", False, _TIME),
        ("most expensive|priciest|dearest|highest price", True, _PRICE),
        ("cheapest|least expensive|lowest price|most affordable", False, _PRICE),
        ("best|highest|top|best-rated|most popular", True, _GRADE),
        ("worst|lowest|worst-rated", False, _GRADE),
    )
)
"""A superlative, whether it means the highest, and the fields that it may be about."""
