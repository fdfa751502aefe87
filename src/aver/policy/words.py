"""What a person's words say: the phrases, numbers, days and names in them, and which effects they ask for.

English. What is not understood is not asked for, and points at nothing, so that policy asks the person.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any

from aver.policy.kinds import canonical, kind_of, kinds_in
from aver.policy.matching import occurs
from aver.policy.types import Effect

__all__ = ["Words", "days", "stems", "subjects", "terms"]

_TERM = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"(?<![\w.])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\w)|(?<![\w.])\d+(?:\.\d+)?(?!\w)", re.ASCII)
_MONTHS = "january february march april may june july august september october november december".split()  # noqa: SIM905
_MONTH = "|".join(rf"{name[:3]}(?:{name[3:]})?" for name in _MONTHS)
_DAY = re.compile(
    rf"\b(?P<y>\d{{4}})-(?P<m>\d\d)-(?P<d>\d\d)"
    rf"|\b(?P<month>{_MONTH})\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<year>\d{{4}}))?"
    rf"|\b(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<month2>{_MONTH})\b\.?(?:,?\s+(?P<year2>\d{{4}}))?",
    re.IGNORECASE,
)
_FILE = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")
_COMMON = frozenset(
    """a about after all also an and any are as at be been before by can could did do does each every for from get give has have he her
    him his how i if in into is it its just let like make may me more most my new no not now of off on once one only or other our out
    over please she should so some than that the their them then there they this to too two under up us was we were what when where
    which who will with would yes you your""".split()  # noqa: SIM905 - words read better as words
)
"""Words that point at nothing."""

_VERBS: Mapping[Effect, str] = {
    Effect.WRITE: "add adjust amend append apply arrange assign attach backup book change convert copy create draft edit enable "
    "disable enter extend fill fix generate increase invite log mark merge modify move note organise organize plan postpone prepare "
    "produce put raise lower reduce record register rename replace reschedule reserve reset revise rewrite save schedule set setup sign "
    "store swap tag turn update upload write block pin archive import complete finish",
    Effect.SEND: "answer ask alert cc circulate contact distribute email e-mail forward inform invite mail message notify "
    "announce apologise apologize broadcast congratulate deliver greet introduce nudge ping post publish remind reply respond send share submit tell text thank transmit tweet upload warn welcome wish write",
    Effect.SPEND: "book buy charge donate fund hire order pay purchase refund reimburse rent repay reserve return send settle "
    "spend subscribe tip top transfer wire withdraw invest",
    Effect.DELETE: "cancel clear close delete disable discard dismiss drop empty erase expel kick purge remove revoke trash uninstall "
    "uninvite unsubscribe wipe withdraw terminate ban",
}
_SETS = {effect: frozenset(verbs.split()) for effect, verbs in _VERBS.items()}
_NOUNS_TOO = frozenset(
    """answer backup book block charge contact copy draft email e-mail fund log lower mail message mark note order plan post record refund
    rent return schedule set share sign store tag text tip top transfer turn update wire reset cancel close complete finish ask""".split()  # noqa: SIM905
)
"""Verbs that are as often something else: they count only where a verb stands."""
_BEFORE_VERB = frozenset(
    """please to and then also or can could would should must just you will i'll kindly now finally don't not let's next
    afterwards""".split()  # noqa: SIM905
)
_PHRASES: tuple[tuple[Effect, re.Pattern[str]], ...] = tuple(
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
_ALIKE = tuple(
    frozenset(group.split())
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
    )
)
"""Words for the same kind of thing."""
_DELEGATES = re.compile(
    r"\b(?:follow|do|perform|execute|carry out|complete|implement|handle|take care of|act on|work through|go through with|obey)\b"
    r"[^.?!]{0,40}?\b(?:instructions?|actions?|tasks?|steps?|to-?dos?|requests?|orders?|errands?|what (?:it|he|she|they|\w+) (?:says?|asks?))\b"
    r"(?! (?:in the|below|as))",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*|[.!?:;,\n]|\d+\.")
_FOR_ME = re.compile(r"\s+(?:me|us)\b(?!\s+(?:an?|the)\s+(?:e-?mail|message|invitation|reminder)\b)", re.IGNORECASE)
_CHUNK = re.compile(r"\S+")
_PUNCTUATION = ".,;:!?()[]{}\"'`\u2018\u2019\u201c\u201d"
_LOOKING = frozenset(
    """analyse analyze check compare consult count find get give go how list look open read retrieve review scan search see show summarise
    summarize take visit view what when where which who whose""".split()  # noqa: SIM905
)
"""Verbs and questions that only look."""
_WHENCE = frozenset(
    """according based by described found from given listed mentioned posted received sent shared specified that where which who whom
    whose wrote written""".split()  # noqa: SIM905
)
"""After these stands where something is or comes from."""
_PRONOUNS = frozenset("them him her they".split())  # noqa: SIM905
_ADDRESSEE = re.compile(
    r"\b(?:to|with|invite|message|e-?mail|tell|ask|notify|add|remove|inform|remind|dm|text|contact|and)\s+@?([A-Z][^\W\d_]+)"
)


def terms(text: str) -> tuple[str, ...]:
    """The words and numbers of a text, in lower case; ``camelCase`` and ``snake_case`` are several."""
    return tuple(_TERM.findall(text.lower()))


def stems(words: Iterable[str]) -> frozenset[str]:
    """Words without their plural, long enough to mean something."""
    return frozenset(
        (word[:-1] if word.endswith("s") and not word.endswith("ss") else word)
        for word in words
        if len(word) > 2 and word not in _COMMON
    )


def days(text: str) -> frozenset[str]:
    """The days named, ``2024-05-15``; ``05-15`` where no year is."""
    found = set()
    for match in _DAY.finditer(text):
        part = match.groupdict()
        if part["y"]:
            found.add(f"{part['y']}-{part['m']}-{part['d']}")
            continue
        month = part["month"] or part["month2"]
        number = next(at for at, name in enumerate(_MONTHS, 1) if name.startswith(month[:3].lower()))
        day, year = int(part["day"] or part["day2"]), part["year"] or part["year2"]
        found.add(f"{year}-{number:02}-{day:02}" if year else f"{number:02}-{day:02}")
    return frozenset(found)


def subjects(tool: str) -> frozenset[str]:
    """What a tool is about, by its name: its nouns, and the words people use for them."""
    found = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", tool).replace("_", " ")
    nouns = stems(
        word
        for at, word in enumerate(terms(found))
        if not any(word in verbs for verbs in _SETS.values()) or (at and word in _NOUNS_TOO)
    )
    return nouns.union(*(group for group in _ALIKE if group & nouns))


class Words:
    """What somebody said, any number of texts."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = tuple(texts)

    def says(self, value: Any) -> bool:
        """Whether the very value is said, character for character but for ASCII case and white space."""
        return any(_says(value, text) for text in self.texts)

    def means(self, value: Any) -> bool:
        """Whether a value of a record is spoken of: a title or a file's name however it is joined, a number, a day."""
        if isinstance(value, bool) or value is None:
            return False
        if isinstance(value, int | float):
            return Decimal(str(value)) in self._numbers and value not in range(10)
        if not isinstance(value, str) or not value.strip() or len(value) > 200:
            return False
        if (found := days(value)) and len(value) <= 25:
            return any(day in self._days or day[5:] in self._days for day in found)
        wanted = terms(_FILE.sub("", value.strip()))
        if not wanted or all(word in _COMMON or len(word) < 3 for word in wanted):
            return False
        joined = f" {' '.join(wanted)} "
        return any(joined in each for each in self._joined)

    @cached_property
    def stems(self) -> frozenset[str]:
        return stems(word for text in self.texts for word in terms(text))

    @cached_property
    def names(self) -> frozenset[str]:
        """Words written as names are, in lower case."""
        return frozenset(
            word.lower()
            for text in self.texts
            for word in re.findall(r"[^\W\d_]{3,}", text)
            if word[0].isupper() and word.lower() not in _COMMON
        )

    @cached_property
    def asked(self) -> frozenset[Effect]:
        """The effects that are asked for, by verbs that stand where one does."""
        found = {effect for effect, phrase in _PHRASES for text in self.texts if phrase.search(text)}
        return frozenset(found.union(*(effects for text in self.texts for _, effects in _asking(text))))

    def aims(self, value: Any) -> bool:
        """Whether they say the value as something to act on or towards, and not only as where to look (*the note from Ann*)."""
        if self.delegates:
            return self.says(value)
        return any(_says(value, text) for text in self._aimed)

    @cached_property
    def addressees(self) -> frozenset[str]:
        """Names that something is to be sent to, in lower case."""
        return frozenset(
            name.lower() for text in self._aimed for name in _ADDRESSEE.findall(text) if name.lower() not in _COMMON
        )

    @cached_property
    def _aimed(self) -> tuple[str, ...]:
        return tuple(_aimed(text) for text in self.texts)

    @property
    def delegates(self) -> bool:
        """Whether they tell to do what some text says."""
        return any(_DELEGATES.search(text) for text in self.texts)

    @cached_property
    def _joined(self) -> tuple[str, ...]:
        return tuple(f" {' '.join(terms(text))} " for text in self.texts)

    @cached_property
    def _days(self) -> frozenset[str]:
        return frozenset(day for text in self.texts for day in days(text))

    @cached_property
    def _numbers(self) -> frozenset[Decimal]:
        found = set()
        for text in self.texts:
            for each in _NUMBER.findall(text):
                try:
                    found.add(Decimal(each.replace(",", "")))
                except InvalidOperation:
                    continue
        return frozenset(found)


def _says(value: Any, text: str) -> bool:
    """Whether a text says the value, an address of the web with its scheme or without."""
    kind = kind_of(value)
    return occurs(value, text) or (kind == "url" and canonical(str(value), kind) in kinds_in(text, kind))


def _asking(text: str) -> Iterator[tuple[re.Match[str], frozenset[Effect]]]:
    """The verbs that ask for an effect, and which."""
    before = "."
    for match in _TOKEN.finditer(text):
        token = match.group()
        word = token.lower()
        begins = not before[0].isalpha() or before.lower() in _BEFORE_VERB
        before = token
        if word in _NOUNS_TOO and not begins:
            continue
        effects = frozenset(effect for effect, verbs in _SETS.items() if word in verbs)
        # "Tell me" asks for an answer.
        if effects and not _FOR_ME.match(text, match.end()):
            yield match, effects


def _aimed(text: str) -> str:
    """``text`` without what it names only as a place to look, as in *the note from Ann* or *read what Ben posted*."""
    asking = {match.start() for match, _ in _asking(text)}
    kept: list[str] = []
    aims = acting = True
    stands_for = False
    sentence: list[str] = []
    before = "."
    for chunk in _CHUNK.finditer(text):
        shown = chunk.group()
        word = shown.strip(_PUNCTUATION).lower()
        start = chunk.start() + len(shown) - len(shown.lstrip(_PUNCTUATION))
        if start in asking:
            aims = acting = True
        elif word in _LOOKING and (not before[-1].isalnum() or before.strip(_PUNCTUATION).lower() in _BEFORE_VERB):
            aims = acting = False
        elif word in _WHENCE:
            aims = False
        elif word in ("to", "with") and acting:
            aims = True
        kept.append(shown if aims else "\n|\n")
        if aims and acting:
            sentence.append(shown)
        if shown[-1] in ".!?;:" or text[chunk.end() : chunk.end() + 1] == "\n":
            stands_for = stands_for or _refers(sentence)
            aims, acting, sentence = True, True, []
        before = shown
    return text if stands_for or _refers(sentence) else " ".join(kept)


def _refers(sentence: Sequence[str]) -> bool:
    """Whether a sentence acts towards somebody it does not name, but who was named before."""
    words = [each.strip(_PUNCTUATION) for each in sentence]
    return any(word.lower() in _PRONOUNS for word in words) and not any(
        word and (word[0].isupper() or "@" in word or word[0].isdigit()) for word in words[1:]
    )
