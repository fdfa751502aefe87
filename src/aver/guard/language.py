# ruff: noqa: RUF001 - words of many languages are what this file is about
"""In which language a text is written, from its script and its commonest words.

Cavnar and Trenkle showed that a language gives itself away by very little (https://www.let.rug.nl/vannoord/TextCat/textcat.pdf); in sentences
the small words alone are enough. Short or mixed texts stay undecided rather than guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from aver.core.errors import InvalidInput
from aver.core.sentences import sentences
from aver.guard.plain import plain
from aver.guard.types import Finding, Place, Verdict

__all__ = ["KNOWN", "Language", "language"]

# The commonest words that few neighbours share, by ISO 639-1 code.
_COMMON = {
    "en": "the of and to in is that it for was on are as with his they at be this from have or by one had not but what all were when we there can an your which their said if do will each about how up out them then she many some so these would other into has more her two like him see time could no make than first been its who now people my made over did down only way find use may water long little very after words called just where most know",
    "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur bis mehr durch man sein wurde sei ich wir ihr kann wenn was bitte alle diese keine mein",
    "fr": "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec ou son aux cette mais comme nous vous ont été ses leur sans on être tout fait je elle si même deux aussi peut où quel votre",
    "es": "de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha me si sin sobre este ya entre cuando todo esta ser son dos también fue había era muy años hasta desde está mi porque qué sólo han yo hay cuál cómo usted",
    "it": "di che e la il un a per in una mi sono ho ma lo ha le si ti i con cosa se io come da ci no questo qui hai sei del bene tu sì me più al mio perché lei della nel gli alla dei anche delle essere questa quando qual suo",
    "pt": "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à seu sua ou ser quando muito há nos já está eu também só pelo pela até isso ela entre era depois sem mesmo aos ter seus quem nas me esse eles você qual",
    "nl": "de van een het en in is dat op te zijn met voor niet aan er om ook als dan maar bij door of wordt uit nog naar heeft hebben je ik wat deze over ze zo kan geen hij tot wel mijn moet waar werd worden was",
    "sv": "och att det i en jag hon som han på den med var sig för så till är men ett om hade de av icke mig du henne då sin nu har inte hans honom skulle hennes där min man ej vid kunde något från ut när efter upp vi dem vara vad över",
    "da": "og i jeg det at en den til er som på de med han af for ikke der var mig sig men et har om vi min havde ham hun nu over da fra du ud sin dem os op man hans hvor eller hvad skal selv her alle vil blev kunne",
    "no": "og i jeg det at en et den til er som på de med han av ikke der så var meg seg men har om vi min hadde ham hun nå over da ved fra du ut sin dem oss opp man hans hvor eller hva skal selv her alle vil ble kunne bare mitt ikkje",
    "fi": "ja on ei se että hän oli ovat mutta kun niin kuin myös tai joka sen mitä minä sinä ole olen jos vain nyt tämä sitä mikä hänen sekä jotka voi olla ollut kanssa mukaan",
    "pl": "i w na z do nie się że to jest o jak po co za od przez ale są dla czy tym jego tego przy może tylko oraz już było był która który ich go pan jak bardzo mnie można",
    "cs": "a v se na je že s z do o to i ve k za jsem si jako by po jsou pro ale od jeho byl co která který však tak při až nebo podle také před ještě být bylo",
    "tr": "bir ve bu da de için ile o ne çok ama gibi daha var olarak en kadar sonra ben mi ki değil her olan şey ya veya nasıl tüm ise hangi",
    "ro": "de și în a la cu nu pe să din este că un o mai pentru care se au sunt ce dar fi prin sau după ca lui am fost ei ale cum",
    "hu": "a az és hogy nem is egy ez de meg csak van volt azt mint már ha kell lesz el még minden ki vagy mert sem én ezt után fel be nagy",
    "id": "yang dan di itu dengan untuk tidak ini dari dalam akan pada juga saya ke karena ada mereka bisa adalah atau kita sudah oleh apa anda seperti lebih telah",
    "vi": "và của là có cho không được trong một người các với những này để đã khi về tôi cũng từ như đến nào ra",
    "ru": "и в не на я что он с как это по но они мы все она так его за был от то же вы бы у о из для ты к если или быть есть когда где какой уже только очень мне",
    "uk": "і в не на я що він з як це по але вони ми все вона так його за був від та ви б у про із для ти до якщо або бути є коли де який вже тільки дуже",
    "bg": "и в не на аз че той с как това по но те ние всички тя така за бил от то вие би у из ти до ако или да е са когато къде кой вече само много се",
}
_OF_SCRIPT = {
    "GREEK": "el",
    "HEBREW": "he",
    "ARABIC": "ar",
    "DEVANAGARI": "hi",
    "BENGALI": "bn",
    "TAMIL": "ta",
    "THAI": "th",
    "HANGUL": "ko",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "CJK": "zh",
    "GEORGIAN": "ka",
    "ARMENIAN": "hy",
}
KNOWN = frozenset(_COMMON) | frozenset(_OF_SCRIPT.values())
"""ISO 639-1 codes. Languages of one script that are not told apart share the commonest: Persian is ``ar``, Marathi ``hi``."""

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]{1,200}`|https?://\S+", re.DOTALL)
_SURE = 0.5


def _weights() -> dict[str, dict[str, float]]:
    shared = Counter(word for words in _COMMON.values() for word in set(words.split()))
    weights: dict[str, dict[str, float]] = {}
    for code, words in _COMMON.items():
        for word in set(words.split()):
            weights.setdefault(word, {})[code] = 1 / shared[word]
    return weights


_WEIGHTS = _weights()


def language(text: str) -> tuple[str, float]:
    """The code of the language, and how sure that is from 0 to 1; ``("", 0.0)`` for what has no words. Reads its first 20,000 characters."""
    read = plain(_CODE.sub(" ", text[:20_000])).text
    scripts = Counter(script for char in read if (script := _script(char)))
    if not scripts:
        return "", 0.0
    total = sum(scripts.values())
    foreign = {script: count for script, count in scripts.items() if script in _OF_SCRIPT}
    if sum(foreign.values()) > total / 2:
        # Japanese mixes its own letters with Chinese ones; Chinese has none of those.
        own = scripts["HIRAGANA"] + scripts["KATAKANA"]
        code = "ja" if own > scripts["CJK"] / 10 and own else _OF_SCRIPT[max(foreign, key=foreign.__getitem__)]
        return code, sum(foreign.values()) / total
    return _by_words(_WORD.findall(read.lower()))


def _by_words(words: Sequence[str]) -> tuple[str, float]:
    points: dict[str, float] = {}
    for word in words:
        for code, weight in _WEIGHTS.get(word, {}).items():
            points[code] = points.get(code, 0.0) + weight
    if not points:
        return "", 0.0
    (best, first), *rest = sorted(points.items(), key=lambda each: -each[1])[:2]
    second = rest[0][1] if rest else 0
    # Sure by being ahead, and by how many of the words are known at all: names and code are of no language.
    known = min(1.0, first / (0.12 * len(words) + 0.5))
    return best, known * (first - second) / (first + 0.3)


@lru_cache(16_384)
def _script(char: str) -> str:
    if not char.isalpha():
        return ""
    return unicodedata.name(char, "").partition(" ")[0]


class Language:
    """A :class:`~aver.guard.types.Check`: flags a text with sentences in other languages than ``allowed``, at those sentences. What is too short
    to tell passes.

    Raises :class:`~aver.core.errors.InvalidInput` for a language that it does not know.
    """

    name = "language"

    def __init__(self, allowed: Sequence[str]) -> None:
        if unknown := sorted(set(allowed) - KNOWN):
            raise InvalidInput(
                f"The language {unknown[0]!r} is not known", f"Use ISO 639-1 codes: {', '.join(sorted(KNOWN))}."
            )
        if not allowed:
            raise InvalidInput("No language is allowed", "Name at least one.")
        self._allowed = frozenset(allowed)

    async def check(self, text: str, place: Place) -> Verdict:  # noqa: ARG002 - a language is the same everywhere
        found: list[Finding] = []
        for start, end in _passages(text):
            code, sure = language(text[start:end])
            if code and code not in self._allowed and sure >= _SURE:
                found.append(Finding(code, start, end, sure))
        if not found:
            return Verdict(self.name, "pass")
        return Verdict(self.name, "flag", found, "written in " + ", ".join(sorted({each.kind for each in found})))


def _passages(text: str) -> list[tuple[int, int]]:
    """Sentences, with short ones joined to those before them: a few words say too little by themselves."""
    parts: list[tuple[int, int]] = []
    for start, end in sentences(text):
        if parts and (parts[-1][1] - parts[-1][0] < 60 or end - start < 30) and end - parts[-1][0] < 400:
            parts[-1] = parts[-1][0], end
        else:
            parts.append((start, end))
    return parts
