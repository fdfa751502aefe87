"""In which language a text is written, told by its commonest words. What they do not tell is not guessed.

Nine languages of one script are told apart; docs/quality.md says how well that was measured to work. Of no other language anything is
said, nor of a text of too few words; one of two languages has that which more of it is in, or none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

__all__ = ["Language", "language_of", "words_of"]

Language = Literal["", "de", "en", "es", "fr", "it", "nl", "pl", "pt", "sv"]
"""Codes of ISO 639-1; empty for what is not told."""

_COMMON: dict[Language, str] = {
    "de": """der die das den dem des ein eine einen einem einer und oder aber nicht kein keine ist sind war waren wird werden wurde
        hat haben kann können muss müssen soll ich er sie es wir ihr sich auf aus bei mit nach von vom zu zum zur für über unter durch
        gegen ohne um wenn dass weil wie auch nur noch schon als bis diese dieser dieses""",
    "en": """the of and to a in is are was were be been it its this that these those for on with as at by from or an not but have has
        had you your we our they their he she his her which who what when where will would can could should may must there if than then
        so no do does into about any all""",
    "es": """el la los las un una unos unas de del y o pero no es son era fue ser está están ha han hay que se su sus lo le les por
        para con sin sobre entre desde hasta como más muy cuando donde si ya este esta estos estas ese esa al también puede debe""",
    "fr": """le la les un une des du de et ou mais ne pas est sont était être été a ont avait que qui dont où ce cette ces il elle nous
        vous ils elles se sa son ses leur leurs au aux dans par pour sur avec sans sous entre plus comme si aussi peut doit vers chez""",
    "it": """il lo la gli le un uno una di del dello della dei degli delle e o ma non è sono era essere stato ha hanno che chi cui si
        suo sua suoi loro a al alla ai alle da dal dalla in nel nella nei con su sul sulla per tra come più anche se quando dove questo
        questa questi può deve""",
    "nl": """de het een en of maar niet geen is zijn was waren wordt worden werd heeft hebben had kan kunnen moet moeten zal ik je hij
        zij we wij u hun zich van aan in op te met voor door bij uit naar over onder om tot als dat die deze dit dan ook nog wel er
        wanneer waar""",
    "pl": """i w we z ze na do od o po za przez dla przy nad pod bez nie tak jest są był była było być ma mają może można musi należy
        się ten ta to te tego tej tym który która które że jak gdy jeśli lub albo ale oraz czy więc jego jej ich już tylko także co""",
    "pt": """o a os as um uma uns umas de do da dos das e ou mas não é são era foi ser está estão tem têm há que se seu sua seus suas
        lhe por pelo pela para com sem sobre entre desde até como mais muito quando onde já este esta esse essa isso ao aos à também
        pode deve no na nos nas em""",
    "sv": """och eller men att det den de en ett är var vara blir blev har hade kan kunde ska skall måste inte ingen inget jag du han
        hon vi ni sig sin sitt sina på av till från med för om i vid under över efter utan mellan som när där hur vad vilken detta denna
        dessa också bara än så""",
}
_LEAST = 20
"""Words, below which chance decides."""
_SHARE = 0.16
"""Of the words that must be common ones of the language."""
_LEAD = 1.25
"""How many times as much weight the language must have as the next."""
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")  # noqa: RUF001 - both apostrophes are written
_LONGEST = 4000


def _weights() -> dict[str, dict[Language, float]]:
    """Of every common word the languages that it is common in; one that several share tells less of each."""
    shared = Counter(word for words in _COMMON.values() for word in set(words.split()))
    found: dict[str, dict[Language, float]] = {}
    for language, words in _COMMON.items():
        for word in set(words.split()):
            found.setdefault(word, {})[language] = 1 / shared[word]
    return found


_WEIGHTS = _weights()


def words_of(text: str) -> list[str]:
    """The words of a text in lower case: runs of letters, in any script."""
    return _WORD.findall(text.lower())


def language_of(words: Sequence[str]) -> Language:
    """The language of a text of these words, as :func:`words_of` gives them; the first four thousand are looked at."""
    looked_at = words[:_LONGEST]
    if len(looked_at) < _LEAST:
        return ""
    weight: Counter[Language] = Counter()
    hits: Counter[Language] = Counter()
    counted = Counter(looked_at)
    for word, languages in _WEIGHTS.items():
        if times := counted.get(word):
            for language, share in languages.items():
                weight[language] += times * share  # type: ignore[assignment]
                hits[language] += times
    ranked = [*weight.most_common(2), ("", 0.0), ("", 0.0)]
    (first, most), (_, next_most) = ranked[:2]
    if not first or hits[first] < _SHARE * len(looked_at) or most < _LEAD * next_most:
        return ""
    return first
