"""Inspect's datasets: samples as JSON, JSON Lines or CSV (https://inspect.aisi.org.uk/datasets.html)."""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aver.core.errors import InvalidInput
from aver.evals.datasets.conversations import asked
from aver.evals.datasets.importing import Gathered, Imported
from aver.evals.datasets.rows import is_table, parse_json, read_rows

__all__ = ["read"]

_KNOWN = ("input", "target", "choices", "id", "metadata")
_BESIDE = ("sandbox", "files", "setup")


def read(file: Path, columns: Mapping[str, str]) -> Imported:
    """Samples: the target becomes ``expected``, choices stand below the question as Inspect puts them there, other columns are metadata."""
    gathered, table = Gathered(), is_table(file)
    named = {name: columns.get(name, name) for name in _KNOWN}
    for place, value in read_rows(file):
        if not isinstance(value, Mapping) or named["input"] not in value:
            raise InvalidInput(
                f"{place}: a sample needs its {named['input']!r}", "Name its column: --column input=NAME."
            )
        sample = {name: value.get(column) for name, column in named.items()}
        if table:
            sample = {name: _cell(place, name, each) for name, each in sample.items()}
        gathered.add(place, _fields(place, sample, gathered) | {"metadata": _metadata(value, sample, named, gathered)})
    return gathered.imported(file)


def _fields(place: str, sample: Mapping[str, Any], gathered: Gathered) -> dict[str, Any]:
    given = sample["input"]
    question, history = given, list[dict[str, str]]()
    if isinstance(given, list):
        question, history, _ = asked(place, given, gathered.leave_out)
    if not isinstance(question, str):
        raise InvalidInput(f"{place}: input is neither text nor messages", "Correct it.")
    choices = sample["choices"]
    if choices:
        gathered.note("choices were put below the question, as A), B) and so on")
        listed = zip(string.ascii_uppercase, choices, strict=False)
        question = "\n".join([question, "", *(f"{letter}) {choice}" for letter, choice in listed)])
    target = sample["target"]
    if isinstance(target, list) and len(target) == 1:
        target = target[0]
    name = sample["id"]
    return {"id": "" if name is None else str(name), "question": question, "history": history, "expected": target}


def _metadata(
    value: Mapping[str, Any], sample: Mapping[str, Any], named: Mapping[str, str], gathered: Gathered
) -> dict[str, Any]:
    said = sample["metadata"] if isinstance(sample["metadata"], Mapping) else {}
    others = {name: each for name, each in value.items() if name not in named.values() and name not in _BESIDE}
    for name in _BESIDE:
        if value.get(name):
            gathered.leave_out(f"{name} of a sample")
    return {**others, **said, **({"choices": sample["choices"]} if sample["choices"] else {})}


def _cell(place: str, name: str, cell: Any) -> Any:
    """A cell as Inspect reads it: messages and metadata as JSON, choices as JSON or between commas."""
    if not isinstance(cell, str):
        return cell
    if name == "choices" and not cell.startswith("["):
        return [each.strip() for each in cell.split(",")]
    if name in ("choices", "metadata") or (name in ("input", "target") and cell.lstrip().startswith("[")):
        try:
            return parse_json(f"{place}: {name}", cell)
        except InvalidInput:
            if name in ("input", "target"):  # a text that begins with a bracket
                return cell
            raise
    return cell
