"""What people said of responses, that a judge is held against: JSON Lines, one thing judged a line.

::

    {"id": "leave-1", "question": "...", "response": "...", "labels": {"anna": 4, "ben": 5}}
    {"id": "pair-7", "question": "...", "first": "...", "second": "...", "labels": {"anna": "first", "ben": "tie"}}

``judge`` is what the judge said, where it was asked already, ``null`` where it said nothing of use; ``swapped`` the same of a pair shown the other way about. ``author``,
or ``authors`` of a pair, are the models that wrote the responses; ``cluster`` names what belongs together.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from aver.core.errors import InvalidInput, NotFound
from aver.core.yaml import nearest
from aver.evals.judges.types import Choice

__all__ = ["Labelled", "Labels", "Rating", "read_labels"]

Rating = int | str
"""A grade, or which of two is better."""

_FIELDS = (
    "id",
    "question",
    "response",
    "first",
    "second",
    "reference",
    "labels",
    "judge",
    "swapped",
    "author",
    "authors",
    "cluster",
)


@dataclass(frozen=True, slots=True)
class Labelled:
    """One thing that people judged: ``texts`` is a response, or two. ``judge`` is nothing where the judge was not asked or ``failed`` to say anything
    of use."""

    id: str
    question: str
    texts: tuple[str, ...]
    labels: Mapping[str, Rating]
    judge: Rating | None = None
    swapped: Rating | None = None
    failed: bool = False
    authors: tuple[str, ...] = ()
    reference: str = ""
    cluster: str = ""

    @property
    def paired(self) -> bool:
        return len(self.texts) == 2

    @property
    def verdict(self) -> Rating | None:
        """What the judge said; of a pair shown in both orders, a tie where the order decided."""
        return "tie" if self.swapped is not None and self.swapped != self.judge else self.judge

    @property
    def consensus(self) -> Rating:
        """What most said. Without a majority, the middle grade, the lower of two; of a pair, a tie."""
        counts = Counter(self.labels.values()).most_common()
        if 2 * counts[0][1] > len(self.labels) or (len(counts) > 1 and counts[0][1] > counts[1][1]):
            return counts[0][0]
        return "tie" if self.paired else sorted(self.labels.values(), key=int)[(len(self.labels) - 1) // 2]


@dataclass(frozen=True, slots=True)
class Labels:
    """A file of them, all single or all pairs. ``digest`` is SHA-256 of what people said of what, hexadecimal; what a judge said is no part of it."""

    items: Sequence[Labelled]
    digest: str
    raters: Sequence[str] = field(default_factory=tuple)

    @property
    def paired(self) -> bool:
        return self.items[0].paired


def read_labels(file: Path) -> Labels:
    """Raises :class:`~aver.core.errors.InvalidInput` with file and line, and :class:`~aver.core.errors.NotFound` for a file that cannot be read."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise NotFound(f"{str(file)!r} cannot be read: {error.strerror}", "Check the path.") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{str(file)!r} is not UTF-8 text", "Save it as UTF-8.") from None
    items: dict[str, Labelled] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        place = f"{file}:{number}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            raise InvalidInput(f"{place}: this is not JSON", "Write one object a line.") from None
        item = _item(place, value, str(number))
        if item.id in items:
            raise InvalidInput(f"{place}: the id {item.id!r:.60} is given twice", "Keep one, or give each an id.")
        if items and next(iter(items.values())).paired != item.paired:
            raise InvalidInput(f"{place}: some lines are pairs, others single responses", "Put them into two files.")
        items[item.id] = item
    if not items:
        raise InvalidInput(
            f"{file} holds no label", 'Write one a line: {"question": ..., "response": ..., "labels": {...}}.'
        )
    raters = dict.fromkeys(rater for item in items.values() for rater in item.labels)
    return Labels(tuple(items.values()), _digest(items.values()), tuple(raters))


def _digest(items: Any) -> str:
    found = hashlib.sha256()
    for item in items:
        said = [item.id, item.question, item.reference, item.texts, sorted(item.labels.items())]
        found.update(json.dumps(said, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    return found.hexdigest()


def _item(place: str, value: Any, number: str) -> Labelled:
    if not isinstance(value, dict):
        raise InvalidInput(f"{place}: expected an object", "Write one object a line.")
    for name in value:
        if name not in _FIELDS:
            raise InvalidInput(f"{place}: {name!r:.60} is not known here", nearest(name, _FIELDS))
    paired = "first" in value or "second" in value
    names = ("first", "second") if paired else ("response",)
    texts = tuple(_text(place, value, name) for name in names)
    labels = value.get("labels")
    if not isinstance(labels, dict) or not labels:
        raise InvalidInput(f"{place}: 'labels' is missing", 'Add it: "labels": {"anna": ...}.')
    authors = value.get("authors", [value["author"]] if "author" in value else [])
    if not isinstance(authors, list) or (authors and len(authors) != len(texts)):
        raise InvalidInput(f"{place}: 'authors' names the author of each response", "Name one for each.")
    return Labelled(
        id=str(value.get("id", number)),
        question=_text(place, value, "question"),
        texts=texts,
        labels={rater: _rating(place, said, paired) for rater, said in labels.items()},
        judge=None if value.get("judge") is None else _rating(place, value["judge"], paired),
        swapped=None if value.get("swapped") is None else _rating(place, value["swapped"], paired),
        failed="judge" in value and value["judge"] is None,
        authors=tuple(map(str, authors)),
        reference=str(value.get("reference", "")),
        cluster=str(value.get("cluster", "")),
    )


def _text(place: str, value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    if not isinstance(found, str):
        raise InvalidInput(f"{place}: {name!r} is missing, or no text", f'Add it: "{name}": "...".')
    return found


def _rating(place: str, said: Any, paired: bool) -> Rating:
    if paired and said in get_args(Choice):
        return str(said)
    if not paired and isinstance(said, int) and not isinstance(said, bool):
        return said
    wanted = "first, second or tie" if paired else "a whole grade"
    raise InvalidInput(f"{place}: {said!r:.40} is no rating", f"Write {wanted}.")
