"""What the tagger learns from: labelled texts whose values are drawn anew each time, so that contexts are learned and not values.

Contexts are the templates of the public set, templates of our own and sentences without anything personal.
"""

from __future__ import annotations

import random
import re
import string
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from scaffold.tagging.values import Values

__all__ = ["Labelled", "cased", "common_words", "negatives", "own", "refilled"]

HERE = Path(__file__).parent
_NAMES = frozenset({"PERSON", "ORGANIZATION", "GPE", "NRP"})
SLOT = re.compile(r"\{([A-Z_]+)\}")


class Labelled(NamedTuple):
    text: str
    spans: tuple[tuple[int, int, str], ...]


def refilled(document: dict[str, Any], values: Values, share: float) -> Labelled:
    """A document of the public set with ``share`` of its values drawn anew."""
    text, parts, spans, at, length = document["full_text"], [], [], 0, 0
    for span in sorted(document["spans"], key=lambda each: each["start_position"]):
        start, end, kind = span["start_position"], span["end_position"], span["entity_type"]
        value = text[start:end]
        if values.random.random() < share:
            value = _like(value, kind, values)
        parts += (text[at:start], value)
        length += start - at
        spans.append((length, length + len(value), kind))
        length += len(value)
        at = end
    return Labelled("".join([*parts, text[at:]]), tuple(spans))


def _like(value: str, kind: str, values: Values) -> str:  # noqa: PLR0911 - one for each form
    """Another value in the same role: half an address stays half an address, a form of address one."""
    if kind == "STREET_ADDRESS":
        number = re.fullmatch(r"[\d -]+", value)
        unit = re.fullmatch(r"(\w+\.?) \d+", value)
        if number:
            return "".join(values.random.choice(string.digits) if each.isdigit() else each for each in value)
        if unit and unit[1].lower().rstrip(".") in {"apt", "suite", "unit", "flat"}:
            return f"{unit[1]} {values.random.randint(1, 999)}"
        if len(value) < 30 and "\n" not in value:
            return values.street() + values.random.choice(["", f" {values.random.randint(1, 300)}"])
    if kind == "TITLE":
        return values.title_prefix() if len(value) < 6 else values.title()
    if kind == "PERSON" and " " not in value:
        return values.random.choice((values.fake().first_name, values.fake().last_name))()
    if kind == "DATE_TIME":
        if re.fullmatch(r"\d{4}", value):
            return str(values.random.randint(1930, 2026))
        if value.endswith("day"):
            return values.random.choice(["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"])
    return values.draw(kind)


def own(values: Values, share: float = 0.0) -> Iterator[Labelled]:
    """Each template of our own once, with ``share`` of the places for names filled by common words, which are nothing."""
    for line in (HERE / "templates.txt").read_text(encoding="utf-8").splitlines():
        template, parts, spans, at, length = line.replace("\\n", "\n"), [], [], 0, 0
        for slot in SLOT.finditer(template):
            kind = "TITLE" if slot[1] == "TITLE_PREFIX" else slot[1]
            plain = kind in _NAMES and values.random.random() < share
            value = values.common() if plain else values.draw(slot[1])
            parts += (template[at : slot.start()], value)
            length += slot.start() - at
            if not plain:
                spans.append((length, length + len(value), kind))
            length += len(value)
            at = slot.end()
        yield Labelled("".join([*parts, template[at:]]), tuple(spans))


def negatives(handbook: Path, most: int) -> list[Labelled]:
    """Sentences with nothing personal in them: our own, and those of a handbook whose capitals all stand on words that it also writes small."""
    lines = (HERE / "negatives.txt").read_text(encoding="utf-8").splitlines()
    pages = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(handbook.rglob("*.md"))]
    small = Counter(word for page in pages for word in re.findall(r"\b[a-z]+\b", page))
    for page in pages:
        for line in page.splitlines():
            clean = re.sub(r"[#*`>\[\]|]", " ", line).strip()
            capitals = re.findall(r"\b[A-Z][a-z]+\b", clean)
            odd = re.search(r"\d|https?:|@|[A-Z]{2}|[a-z][A-Z]", clean)
            if 15 < len(clean) < 300 and not odd and all(small[word.lower()] >= 5 for word in capitals):
                lines.append(clean)
    random.Random(1).shuffle(lines)
    return [Labelled(line, ()) for line in lines[:most]]


def common_words(handbook: Path) -> list[str]:
    """Words that a handbook writes small at least thirty times."""
    counts: Counter[str] = Counter()
    for path in sorted(handbook.rglob("*.md")):
        counts.update(re.findall(r"\b[a-z]{4,11}\b", path.read_text(encoding="utf-8", errors="replace")))
    return sorted(word for word, count in counts.items() if count >= 30)


def cased(given: Labelled, chance: random.Random) -> Labelled:
    """Now and then all in small letters, or in capitals, as people write too."""
    draw = chance.random()
    change: Callable[[str], str] = str.lower if draw < 0.06 else str.upper if draw < 0.08 else str
    text = change(given.text)
    return Labelled(text, given.spans) if len(text) == len(given.text) else given
