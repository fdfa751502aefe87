"""Ragas' datasets, by the names of its columns now (``user_input``, ``reference`` ...) and before version 0.2 (``question``, ``ground_truth`` ...)
(https://docs.ragas.io/en/stable/concepts/components/eval_sample/)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aver.core.errors import InvalidInput
from aver.evals.datasets.conversations import asked
from aver.evals.datasets.importing import Gathered, Imported
from aver.evals.datasets.rows import is_table, parse_json, read_rows

__all__ = ["read"]

_NAMES = {
    "input": ("user_input", "question"),
    "reference": ("reference", "ground_truth", "ground_truths"),
    "contexts": ("reference_contexts",),
    "calls": ("reference_tool_calls",),
}
_SAID = ("response", "multi_responses", "answer", "retrieved_contexts", "contexts")
"""What a system said or found: of a run, not of a case."""
_MADE = ("synthesizer_name", "evolution_type")
"""Columns of its generator of test sets."""


def read(file: Path, columns: Mapping[str, str]) -> Imported:
    """Samples: the reference becomes ``expected``, reference contexts are kept as metadata, since they name no document. What a generator made is
    synthetic and a draft."""
    gathered, table = Gathered(), is_table(file)
    for place, value in read_rows(file):
        if not isinstance(value, Mapping):
            raise InvalidInput(f"{place}: a sample is no mapping", "Export the samples as JSON Lines or CSV.")
        row = {name: _listed(place, each) if table else each for name, each in value.items()}
        found = {
            name: next(((each, row[each]) for each in (columns.get(name, ""), *names) if each in row), ("", None))
            for name, names in _NAMES.items()
        }
        given, reference = found["input"][1], found["reference"][1]
        if not given:
            raise InvalidInput(
                f"{place}: a sample needs user_input or question", "Name its column: --column input=NAME."
            )
        question, history, _ = (
            asked(place, given, gathered.leave_out) if isinstance(given, list) else (str(given), [], "")
        )
        if isinstance(reference, list) and len(reference) == 1:
            reference = reference[0]
        made = [name for name in _MADE if row.get(name)]
        metadata = _metadata(row, [name for name, _ in found.values()], gathered)
        if contexts := found["contexts"][1]:
            gathered.note(
                "reference contexts name no document, and are kept as metadata: write passages to measure retrieval"
            )
            metadata["reference_contexts"] = contexts
        gathered.add(
            place,
            {
                "question": question,
                "history": history,
                "expected": reference,
                "calls": _calls(found["calls"][1]),
                "metadata": metadata,
                **({"origin": "synthetic", "status": "draft"} if made else {}),
            },
        )
    return gathered.imported(file)


def _metadata(row: Mapping[str, Any], taken: list[str], gathered: Gathered) -> dict[str, Any]:
    for name in _SAID:
        if row.get(name) not in (None, "", []):
            gathered.leave_out(f"{name}, which a system gave")
    return {name: each for name, each in row.items() if name not in (*taken, *_SAID) and each not in (None, "", [], {})}


def _calls(value: Any) -> list[dict[str, Any]] | None:
    if not isinstance(value, list):
        return None
    named = [each for each in value if isinstance(each, Mapping) and each.get("name")]
    return [{"tool": str(each["name"]), "arguments": dict(each.get("args") or {})} for each in named] or None


def _listed(place: str, cell: Any) -> Any:
    text = cell.strip()
    try:
        return parse_json(place, text) if text[:1] in ("[", "{") else cell
    except InvalidInput:
        return cell
