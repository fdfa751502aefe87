"""What a question asks, as a form that two questions share only when they ask the same thing in almost the same words.

The form is a tuple of words in order. Nothing that may change an answer is left out: names, numbers, units, signs, negation, question
words, tense, modality, quantifiers, comparatives, prepositions, who does what to whom. What goes is spelling, inflection, articles,
words of emphasis, a few synonyms, and who asks how something is done ("How can I …", "How do you …", "How to …"). English.
"""

from __future__ import annotations

import re
import threading

import Stemmer

__all__ = ["form", "inflected", "plain"]

# A word, with an inner apostrophe or ampersand (AT&T) and a closing single letter (INTP-A) or sign (C++, C#); else a sign that is not
# punctuation (~, %, $). A hyphen otherwise divides words.
_TOKEN = re.compile(
    r"[^\W_]+(?:['&][^\W_]+)*(?:\.\d+)*(?:-[^\W_](?![^\W_]))?(?:\+\+|#)?|[^\w\s.,?!'\"()\[\]{}:;\-–—…“”/`*\\]"  # noqa: RUF001
)
_GROUPED = re.compile(r"(?<=\d),(?=\d{2,3}\b)")
_ABBREVIATED = re.compile(r"\b([A-Za-z])\.(?=[A-Za-z]\b)")
_SPOKEN = {
    "can't": "can not", "cannot": "can not", "cant": "can not", "won't": "will not", "shan't": "shall not", "ain't": "is not",
    "i'm": "i am", "im": "i am", "ive": "i have", "let's": "let us", "dont": "do not", "doesnt": "does not", "didnt": "did not",
    "isnt": "is not", "wont": "will not", "whats": "what is", "hows": "how is", "gonna": "going to", "wanna": "want to",
    "what's": "what is", "who's": "who is", "how's": "how is", "where's": "where is", "when's": "when is", "why's": "why is",
    "it's": "it is", "that's": "that is", "there's": "there is", "he's": "he is", "she's": "she is", "here's": "here is",
}  # fmt: skip
_ENDINGS = (("n't", "not"), ("'re", "are"), ("'ve", "have"), ("'ll", "will"), ("'d", "would"), ("'m", "am"), ("'s", ""))
_NUMBERS = {
    word: str(number)
    for number, word in enumerate("zero _ two three four five six seven eight nine ten eleven twelve".split())  # noqa: SIM905
}
_ACRONYMS = frozenset("IT WHO OR IS AM NO ME SO AS AT DO GO CAN AIDS ACT SAT MAT HE".split())  # noqa: SIM905
"""Acronyms that are another word in small letters."""
_NATIONS = {"US": "usa", "USA": "usa", "UK": "britain", "UAE": "emirates"}
_SAME = {
    word: line.split()[0]
    for line in """
    fast quick quickly rapidly rapid
    start begin began begun started beginning
    buy purchase bought
    big large huge
    biggest largest
    movie film movies films
    photo picture pic photos pictures pics
    usually typically
    usa america
    rupee rs inr rupees
    website site websites sites
    favorite favourite
    color colour
    behavior behaviour
    organization organisation
    program programme
    person somebody someone
    mean meant
    is are am
    do does
    have has
    was were
    and &
    man men
    woman women
    child children kid kids
    foot feet
    tooth teeth
    life lives
    wife wives
    """.strip().splitlines()
    for word in line.split()
}
_EMPTY = frozenset(
    "a an the really actually exactly ever please basically".split()  # noqa: SIM905
)
_MODAL = "(?:can|could|do|should|must)"
_ANYBODY = "(?:i|you|we|one|a person|person)"
_WAY = "(?:way|ways|method|methods)"
_HOW = (
    re.compile(rf"(?:how to|how {_MODAL} (?P<who>{_ANYBODY}))(?= )"),
    re.compile(
        rf"(?:what|which) (?:is|are|will be|would be) (?:(?:the|a|an|some|your|of|very|most|absolute|possible) )*"
        rf"(?:(?:best|good|better|right|proper|great|effective|efficient) )*"
        rf"{_WAY} (?:to|of|for|(?P<who>{_ANYBODY}) (?:can|could|should))(?= )"
    ),
)
_LIKE = re.compile(r"(?:what (?:does|do) it feel like|how (?:does|do) it feel|what is it like)(?= to\b)")
_MEANING = (
    re.compile(
        r"what (?:(?:is|are) (?:the )?(?:exact |actual |real )?meaning of|(?:is|are) meant by|do you mean by) (?P<what>.+)$"
    ),
    re.compile(r"what does (?P<what>.+) mean$"),
)
_SOME = re.compile(r"\b(?P<before>(?:what|which|there) (?:is|are)|(?:is|are) there) (?:some|any)(?: of)?(?= )")
_DIFFERENCE = re.compile(r"(?P<before>.*\bdifferences? between) (?P<one>.+) and (?P<other>.+)$")
_WHY = re.compile(r"\b(?:and|or) why$")
_AUXILIARY = re.compile(r"(?P<ask>(?:what|which|why|where|when|who|how|how much|how many)) (?:do|does)(?= )")
_MINE = {
    "i": frozenset(("i", "me", "my", "mine", "myself")),
    "we": frozenset(("we", "us", "our", "ours", "ourselves")),
    "you": frozenset(("you", "your", "yours", "yourself")),
    "one": frozenset(("one", "oneself")),
}
_ANY_ASKER = _MINE["i"] | _MINE["we"] | _MINE["you"]
_OWN = frozenset(("my", "mine", "our", "ours", "your", "yours"))
_LONGEST = 300
"""Characters of a question."""
_NOT_PROSE = re.compile(r"[`{}\[\]<>=|\\^_@*]|[-\u2212/:]\s*\d|\d\s*[/:]|\w\(|https?:|\w/\w")
_ESES = ("sses", "shes", "ches", "xes", "zes")
_stemmers = threading.local()


def plain(text: str) -> bool:
    """Whether ``text`` is one short line of prose, whose punctuation decides nothing: no code, no formula, no signed number."""
    return len(text) <= _LONGEST and text.isprintable() and not _NOT_PROSE.search(text)


def form(question: str) -> tuple[str, ...]:
    """The words that decide what ``question`` asks; about 20 µs."""
    frame, who, rest = _frame(_SOME.sub(r"\g<before>", _WHY.sub("", " ".join(_tokens(question)))))
    mine = _MINE.get(who, frozenset()) if who or frame != "HOW" else _ANY_ASKER
    words = [frame] if frame else []
    for word in rest.split():
        if word in _EMPTY:
            continue
        words.append(("OWN" if word in _OWN else "SELF") if word in mine else inflected(_SAME.get(word, word)))
    return tuple(words)


def _frame(spoken: str) -> tuple[str, str, str]:
    """How a question begins, where many beginnings mean one thing; who is said to do it; and what follows."""
    for pattern in _HOW:
        if match := pattern.match(spoken):
            return "HOW", match["who"] or "", spoken[match.end() :]
    if match := _LIKE.match(spoken):
        return "LIKE", "", spoken[match.end() :]
    for pattern in _MEANING:
        if match := pattern.match(spoken):
            return "MEANING", "", match["what"]
    if match := _DIFFERENCE.match(spoken):
        spoken = " and ".join(
            (f"{match['before']} {min(match['one'], match['other'])}", max(match["one"], match["other"]))
        )
    if match := _AUXILIARY.match(spoken):
        return "", "", match["ask"] + spoken[match.end() :]
    return "", "", spoken


def inflected(word: str) -> str:
    """``word`` without its plural, ``-ing`` or ``-ed``: less than a stemmer takes, which makes one of university and universe."""
    if len(word) < 4 or not word.isalpha():
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-1]
    elif word.endswith(_ESES):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if word.endswith("ie"):  # of movies and cities no plural says whether it was movie or city
        return word[:-2] + "y"
    if word.endswith(("ing", "ed", "e")) and len(word) > 4:
        word = _stemmer().stemWord(word)
    return word


def _tokens(text: str) -> list[str]:
    text = _ABBREVIATED.sub(r"\1", _GROUPED.sub("", text.replace("\u2019", "'").replace("\u2018", "'")))
    words: list[str] = []
    shouted = text.isupper()
    for raw in _TOKEN.findall(text):
        low = raw.lower()
        if raw in _NATIONS and not shouted:
            words.append(_NATIONS[raw])
        elif raw in _ACRONYMS and not shouted:
            words.append(raw)
        elif low in _SPOKEN:
            words += _SPOKEN[low].split()
        elif "'" in low:
            words += _without_ending(low)
        else:
            words.append(_NUMBERS.get(low, low))
    return words


def _without_ending(word: str) -> list[str]:
    for ending, meaning in _ENDINGS:
        if word.endswith(ending):
            return [word.removesuffix(ending), *([meaning] if meaning else [])]
    return [word.replace("'", "")]


def _stemmer() -> Stemmer.Stemmer:
    # A stemmer serves one thread at a time.
    found = getattr(_stemmers, "english", None)
    if found is None:
        found = _stemmers.english = Stemmer.Stemmer("english")
    return found
