"""What a person's words say: the phrases, numbers, days and names in them, and which effects they ask for.

English. What is not understood is not asked for, and points at nothing, so that policy asks the person.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from aver.policy.english import (
    ADDRESSEE,
    ALIKE,
    BEFORE_VERB,
    COMMON,
    DELEGATES,
    DETAILS,
    EVERY,
    FOR_ME,
    LOOKING,
    NOUNS_TOO,
    PAST,
    PHRASES,
    POSSESSIVES,
    PRONOUNS,
    REFERRING,
    VERBS,
    WHENCE,
)
from aver.policy.matching import Text, number, says
from aver.policy.types import Effect

__all__ = ["Words", "days", "stems", "subjects", "terms"]

_TERM = re.compile(r"[^\W_]+")
_MONTHS = tuple(
    "january|february|march|april|may|june|july|august|september|october|november|december".split("|")  # noqa: SIM905
)
_MONTH = "|".join(rf"{name[:3]}(?:{name[3:]})?" for name in _MONTHS)
_DAY = re.compile(
    rf"\b(?P<y>\d{{4}})-(?P<m>\d\d)-(?P<d>\d\d)"
    rf"|\b(?P<month>{_MONTH})\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<year>\d{{4}}))?"
    rf"|\b(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<month2>{_MONTH})\b\.?(?:,?\s+(?P<year2>\d{{4}}))?",
    re.IGNORECASE,
)
_FILE = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")
_TOKEN = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*|[.!?:;,\n]|\d+\.")
_RUN_ON = re.compile(r"(?<=[a-z0-9)])([.!?])(?=[A-Z][a-z]+\s)")
"""The end of a sentence without the space that belongs there. Addresses and names of files go on in small letters, or not at all."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_CHUNK = re.compile(r"\S+")
_PUNCTUATION = ".,;:!?()[]{}\"'`\u2018\u2019\u201c\u201d"
_LONGEST = 200
"""Characters of a value that can be spoken of; longer ones are prose."""


def terms(text: str) -> tuple[str, ...]:
    """The words and numbers of a text, in lower case; ``snake_case`` is several."""
    return tuple(_TERM.findall(text.lower()))


def stems(words: Iterable[str]) -> frozenset[str]:
    """Words without their plural, long enough to mean something."""
    return frozenset(_stem(word) for word in words if len(word) > 2 and word not in COMMON)


def _stem(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def days(text: str) -> frozenset[str]:
    """The days named, ``2024-05-15``; ``05-15`` where no year is."""
    found = set()
    for match in _DAY.finditer(text):
        part = match.groupdict()
        if part["y"]:
            found.add(f"{part['y']}-{part['m']}-{part['d']}")
            continue
        month = part["month"] or part["month2"]
        at = next(at for at, name in enumerate(_MONTHS, 1) if name.startswith(month[:3].lower()))
        day, year = int(part["day"] or part["day2"]), part["year"] or part["year2"]
        found.add(f"{year}-{at:02}-{day:02}" if year else f"{at:02}-{day:02}")
    return frozenset(found)


def subjects(tool: str) -> frozenset[str]:
    """What a tool is about, by its name: its nouns, and the words people use for them."""
    nouns = stems(
        word
        for at, word in enumerate(terms(_apart(tool)))
        if not any(word in verbs for verbs in VERBS.values()) or (at and word in NOUNS_TOO)
    )
    return nouns.union(*(group for group in ALIKE if group & nouns))


class Words:
    """What somebody said, any number of texts."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = tuple(_RUN_ON.sub(r"\1 ", text) for text in texts)

    def says(self, value: Text) -> bool:
        """Whether the very value is said, character for character but for ASCII case and white space."""
        return any(says(value, text) for text in self._all)

    def aims(self, value: Text) -> bool:
        """Whether they say the value as something to act on or towards, and not only as where to look (*the note from Ann*)."""
        return self.says(value) if self.delegates else any(says(value, text) for text in self._aimed)

    def means(self, value: Text) -> bool:
        """Whether a value of a record is spoken of: a title or a file's name however it is joined, a number, a day."""
        if value.is_number:
            said = any(number(value.raw) in text.numbers for text in self._all)
            return said and value.value not in range(10)
        if not value.strict or len(value.raw) > _LONGEST:
            return False
        if len(value.raw) <= 25 and (found := days(value.raw)):
            return any(day in self._days or day[5:] in self._days for day in found)
        wanted = terms(_FILE.sub("", value.raw.strip()))
        if all(word in COMMON or len(word) < 3 for word in wanted):
            return False
        joined = f" {' '.join(wanted)} "
        return any(joined in each for each in self._joined)

    def possesses(self, value: Text) -> bool:
        """Whether a sentence that says the value calls something somebody's (*on her page, dora.example*)."""
        said = (Text(sentence) for text in self.texts for sentence in _SENTENCE.split(text))
        return any(says(value, sentence) and not POSSESSIVES.isdisjoint(terms(sentence.raw)) for sentence in said)

    @property
    def delegates(self) -> bool:
        """Whether they tell to do what some text says."""
        return any(DELEGATES.search(text) for text in self.texts)

    @property
    def details(self) -> bool:
        """Whether they say that the details stand in some text."""
        return any(DETAILS.search(text) for text in self.texts)

    @cached_property
    def referring(self) -> frozenset[str]:
        """What they act on or towards without its name, but with a word that refers to it (*to that channel*), as stems."""
        return stems(word.lower() for text in self.texts for word in REFERRING.findall(text))

    @cached_property
    def everybody(self) -> bool:
        """Whether they speak of a whole list (*everyone in the channel*)."""
        return any(not EVERY.isdisjoint(terms(text)) for text in self.texts)

    @cached_property
    def asked(self) -> frozenset[Effect]:
        """The effects that are asked for, by verbs that stand where one does."""
        found = {effect for effect, phrase in PHRASES for text in self.texts if phrase.search(text)}
        return frozenset(found.union(*(effects for text in self.texts for _, effects in _asking(text))))

    def orders(self, tool: str) -> bool:
        """Whether they ask for a tool by the verb that it is named after (*remember that ...* of ``remember``)."""
        verb = terms(_apart(tool))[:1]
        alike = frozenset(verb).union(*(group for group in ALIKE if not group.isdisjoint(verb)))
        return not self._commands.isdisjoint(alike)

    @cached_property
    def stems(self) -> frozenset[str]:
        return stems(word for text in self.texts for word in terms(text))

    @cached_property
    def names(self) -> frozenset[str]:
        """Words written as names are, in lower case."""
        words = (word for text in self.texts for word in re.findall(r"[^\W\d_]{3,}", text))
        return frozenset(word.lower() for word in words if word[0].isupper() and word.lower() not in COMMON)

    @cached_property
    def addressees(self) -> frozenset[str]:
        """Names that something is to be sent to, in lower case."""
        found = (name.lower() for text in self._aimed for name in ADDRESSEE.findall(text.raw))
        return frozenset(name for name in found if name not in COMMON)

    @cached_property
    def _commands(self) -> frozenset[str]:
        """The words that stand where a verb does, and do not only look."""
        return frozenset(word for text in self.texts for word in _commands(text)) - LOOKING

    @cached_property
    def _all(self) -> tuple[Text, ...]:
        return tuple(Text(text) for text in self.texts)

    @cached_property
    def _aimed(self) -> tuple[Text, ...]:
        return tuple(Text(_aimed(text)) for text in self.texts)

    @cached_property
    def _joined(self) -> tuple[str, ...]:
        return tuple(f" {' '.join(terms(text))} " for text in self.texts)

    @cached_property
    def _days(self) -> frozenset[str]:
        return frozenset(day for text in self.texts for day in days(text))


def _apart(tool: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", tool)


def _commands(text: str) -> Iterator[str]:
    """The words that stand where a verb does; in *do you remember* they ask, and tell nobody to."""
    first, before = ".", "."
    for match in _TOKEN.finditer(text):
        word = match.group().lower()
        question = before == "you" and first in ("do", "have", *PAST)
        if word[0].isalpha() and not question and (not before[0].isalpha() or before in BEFORE_VERB):
            yield word
        first, before = before, word


def _asking(text: str) -> Iterator[tuple[re.Match[str], frozenset[Effect]]]:
    """The verbs that ask for an effect, and which."""
    before, asks = ".", True
    for match in _TOKEN.finditer(text):
        token = match.group()
        word = token.lower()
        begins = not before[0].isalpha() or before.lower() in BEFORE_VERB
        before = token
        if word in PAST or not token[0].isalpha():
            asks = word not in PAST
        if word in NOUNS_TOO and not begins:
            continue
        effects = frozenset(effect for effect, verbs in VERBS.items() if word in verbs)
        if effects and asks and not FOR_ME.match(text, match.end()):
            yield match, effects
        asks = asks or bool(effects)


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
        elif word in LOOKING and (not before[-1].isalnum() or before.strip(_PUNCTUATION).lower() in BEFORE_VERB):
            aims = acting = False
        elif word in WHENCE:
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
    return any(word.lower() in PRONOUNS for word in words) and not any(
        word and (word[0].isupper() or "@" in word or word[0].isdigit()) for word in words[1:]
    )
