"""Whether what a set asks has been seen before: in a prompt, among its examples, in what a model was trained on, in another split.

Overlap is counted in stretches of eight words, as for PaLM (Chowdhery et al., 2022, section 8): a question is taken for seen where four fifths of its
stretches stand in one text. What is shorter is one stretch; what is shorter than four words must be all that a line says.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from aver.core.errors import AverError, NotFound
from aver.evals.datasets.rows import is_table, read_rows
from aver.evals.datasets.similarity import alike, form
from aver.evals.types import Case

__all__ = ["Leak", "Overlap", "Seen", "leaks", "texts_of", "twins"]

Part = Literal["question", "answer", "expected"]
_STRETCH, _SHORT = 8, 4
"""Words of a stretch, and those below which a text is looked for as a whole line."""
_LEAST = 0.8
_ANSWER = 6
"""Words from which an answer tells of its question: "ten days" stands in many prompts."""
_READ = frozenset(
    [".csv", ".json", ".jsonl", ".md", ".ndjson", ".prompt", ".py", ".rst", ".toml", ".tsv", ".txt", ".yaml", ".yml"]
)
_LARGEST = 2**28


@dataclass(frozen=True, slots=True)
class Overlap:
    """``share`` of the stretches of a part of a case stand in the text at ``place``."""

    case: Case
    part: Part
    place: str
    share: float


@dataclass(frozen=True, slots=True)
class Leak:
    """Two cases in different parts of a set that know of each other: of one cluster, from one passage, or nearly the same question."""

    one: Case
    other: Case
    why: Literal["cluster", "passage", "question"]


class Seen:
    """Looks for the cases of a set in texts, which stream by."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self._parts: list[tuple[Case, Part, int]] = []
        self._stretches: defaultdict[int, defaultdict[tuple[str, ...], list[int]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self._lines: defaultdict[str, list[int]] = defaultdict(list)
        for case in cases:
            for part, text in _parts(case):
                self._add(case, part, form(text).split())

    def find(self, texts: Iterable[tuple[str, str]]) -> Iterator[Overlap]:
        """What of the cases stands in the texts, each given with its place; each case, part and text once."""
        for place, text in texts:
            hits: defaultdict[int, set[tuple[str, ...]]] = defaultdict(set)
            words = form(text).split()
            for size, stretches in self._stretches.items():
                for stretch in zip(*(words[at:] for at in range(size)), strict=False):
                    for part in stretches.get(stretch, ()):
                        hits[part].add(stretch)
            for line in text.split("\n") if self._lines else ():
                for part in self._lines.get(form(line), ()):
                    hits[part].add((line,))
            for number, found in sorted(hits.items()):
                case, part_name, count = self._parts[number]
                if len(found) >= _LEAST * count:
                    yield Overlap(case, part_name, place, min(1.0, len(found) / count))

    def _add(self, case: Case, part: Part, words: list[str]) -> None:
        number = len(self._parts)
        if len(words) < _SHORT:
            self._lines[" ".join(words)].append(number)
            self._parts.append((case, part, 1))
            return
        size = min(_STRETCH, len(words))
        stretches = set(zip(*(words[at:] for at in range(size)), strict=False))
        self._parts.append((case, part, len(stretches)))
        for stretch in stretches:
            self._stretches[size][stretch].append(number)


def leaks(cases: Sequence[Case]) -> Iterator[Leak]:
    """What stands in two parts of a set though it belongs together; each pair once, under the strongest reason."""
    seen: set[tuple[int, int]] = set()
    for why, pairs in (
        ("cluster", _apart(cases, lambda case: [case.cluster] if case.cluster else [])),
        ("passage", _apart(cases, lambda case: [f"{each.document}\0{form(each.quote)}" for each in case.passages])),
        ("question", ((pair.one, pair.other) for pair in alike([case.question for case in cases]))),
    ):
        for one, other in pairs:
            parts = cases[one].split, cases[other].split
            if all(parts) and parts[0] != parts[1] and (one, other) not in seen:
                seen.add((one, other))
                yield Leak(cases[one], cases[other], why)  # type: ignore[arg-type]


def twins(cases: Sequence[Case], others: Sequence[Case]) -> Iterator[tuple[Case, Case, float]]:
    """Cases of one set with nearly the same question as one of another, and how near."""
    for pair in alike([case.question for case in (*cases, *others)]):
        if pair.one < len(cases) <= pair.other:
            yield cases[pair.one], others[pair.other - len(cases)], pair.share


def texts_of(paths: Iterable[Path], without: Iterable[Path] = ()) -> Iterator[tuple[str, str]]:
    """The texts of files, and of all files of text below folders, each with where it begins: a row of JSON Lines, of a JSON list or of CSV, a paragraph
    of anything else. ``without`` are files to pass over: the set itself. Raises :class:`~aver.core.errors.NotFound` for a path that is not there."""
    left_out = {each.resolve() for each in without}
    for path in paths:
        if not path.exists():
            raise NotFound(f"{str(path)!r} does not exist", "Check the path.")
        for file in _files(path):
            if file.resolve() not in left_out:
                yield from _texts(file)


def _parts(case: Case) -> Iterator[tuple[Part, str]]:
    if form(case.question):
        yield "question", case.question
    named: tuple[tuple[Part, Any], ...] = (*(("answer", each) for each in case.answers), ("expected", case.expected))
    for part, text in named:
        if isinstance(text, str) and len(form(text).split()) >= _ANSWER:
            yield part, text


def _apart(cases: Sequence[Case], keys: Callable[[Case], Sequence[str]]) -> Iterator[tuple[int, int]]:
    """For each key the first of each part, with the first of each other."""
    holders: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for place, case in enumerate(cases):
        for key in keys(case):
            holders[key].setdefault(case.split, place)
    for parts in holders.values():
        first, *rest = parts.values()
        yield from ((first, other) for other in rest)


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(folder, name)
            if file.suffix.lower() in _READ and file.stat().st_size <= _LARGEST:
                yield file


def _texts(file: Path) -> Iterator[tuple[str, str]]:
    if is_table(file) or file.suffix.lower() in (".jsonl", ".ndjson", ".json"):
        try:
            for place, value in read_rows(file):
                yield place, "\n".join(_strings(value))
        except AverError:  # no rows: a text like any other
            pass
        else:
            return
    yield from _paragraphs(file)


def _paragraphs(file: Path) -> Iterator[tuple[str, str]]:
    text = file.read_text(encoding="utf-8", errors="replace")
    began, lines = 1, list[str]()
    for number, line in enumerate([*text.split("\n"), ""], 1):
        if line.strip():
            began = number if not lines else began
            lines.append(line)
        elif lines:
            yield f"{file}:{began}", "\n".join(lines)
            lines = []


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
