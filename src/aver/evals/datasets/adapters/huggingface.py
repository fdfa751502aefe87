"""Rows as data sets are published on model hubs: JSON Lines or CSV, each with columns of its own.

Columns are named (``--column question=prompt``) or recognised by their usual names; what was chosen is told, and what was not is metadata.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aver.core.errors import InvalidInput
from aver.core.yaml import nearest
from aver.evals.datasets.conversations import asked
from aver.evals.datasets.importing import Gathered, Imported
from aver.evals.datasets.rows import read_rows

__all__ = ["read"]

_NAMES: Mapping[str, Sequence[str]] = {
    "id": ("id", "_id", "qid", "question_id", "uid", "idx"),
    "question": ("question", "query", "prompt", "instruction", "input", "user_input", "problem", "text", "sentence"),
    "messages": ("messages", "conversations", "conversation", "chat"),
    "answers": ("answers",),
    "expected": (
        "answer",
        "expected",
        "reference",
        "target",
        "output",
        "response",
        "completion",
        "gold",
        "solution",
        "label",
    ),
    "choices": ("choices", "options"),
    "key": ("answerKey", "answer_key", "answer_idx", "correct"),
    "tags": ("tags", "category", "subject", "topic", "type"),
    "split": ("split",),
    "documents": ("documents", "document", "doc_id"),
}
"""By what a column is for, its usual names, the likeliest first."""


def read(file: Path, columns: Mapping[str, str]) -> Imported:
    """Rows; columns are decided on the first."""
    gathered, chosen = Gathered(), dict[str, str]()
    for place, row in read_rows(file):
        if not isinstance(row, Mapping):
            raise InvalidInput(f"{place}: a row is no mapping", "Export it as JSON Lines.")
        if not chosen:
            chosen = _choose(place, row, columns)
            for name, column in chosen.items():
                gathered.note(f"{name} is the column {column!r}")
        gathered.add(place, _fields(place, row, chosen, gathered))
    return gathered.imported(file)


def _choose(place: str, row: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, str]:
    for name, column in columns.items():
        if name not in _NAMES:
            raise InvalidInput(f"{name!r} is no column of a case", nearest(name, _NAMES))
        if column not in row:
            raise InvalidInput(f"{place}: there is no column {column!r}", nearest(column, row))
    found: dict[str, str] = dict(columns)
    for name, usual in _NAMES.items():
        free = [each for each in usual if each in row and each not in found.values()]
        if name not in found and free:
            found[name] = free[0]
    if "messages" not in found and isinstance(row.get(found.get("question", "")), list):
        # A prompt of messages, as trainers of preferences have them.
        found["messages"] = found.pop("question")
    if "messages" in found and "question" not in columns:
        found.pop("question", None)
    if "question" not in found and "messages" not in found:
        raise InvalidInput(
            f"{place}: no column asks anything", f"Name it: --column question=NAME, of {', '.join(row)}."
        )
    return found


def _fields(place: str, row: Mapping[str, Any], chosen: Mapping[str, str], gathered: Gathered) -> dict[str, Any]:
    value = {name: row.get(column) for name, column in chosen.items()}
    rest = {name: each for name, each in row.items() if name not in chosen.values() and each not in (None, "", [], {})}
    question, history, answered = value.get("question"), list[dict[str, str]](), ""
    if "messages" in value and "question" not in value:
        question, history, answered = asked(place, value["messages"] or [], gathered.leave_out)
    if not isinstance(question, str):
        raise InvalidInput(
            f"{place}: {chosen['question']!r} is not text", "Name another column: --column question=NAME."
        )
    choices = _choices(value.get("choices"))
    if choices:
        gathered.note("choices were put below the question, as A), B) and so on")
        listed = zip(string.ascii_uppercase, choices, strict=False)
        question = "\n".join([question, "", *(f"{letter}) {choice}" for letter, choice in listed)])
        rest["choices"] = choices
    answers, unanswerable = _answers(value.get("answers"))
    if unanswerable:
        gathered.note("no answers at all was taken for unanswerable, as in SQuAD 2.0")
    expected = value.get("key") if value.get("key") is not None else value.get("expected")
    if type(expected) is int and str(expected) not in choices and expected in range(len(choices))[:26]:
        gathered.note("an answer that is a number was taken for its choice's place, from 0, and became its letter")
        expected = string.ascii_uppercase[expected]
    tags = value.get("tags")
    documents = value.get("documents")
    return {
        "id": "" if value.get("id") is None else str(value["id"]),
        "question": question,
        "history": history,
        "answers": answers,
        "unanswerable": unanswerable or None,
        "expected": expected if expected is not None else answered or None,
        "tags": [str(each) for each in (tags if isinstance(tags, list) else [tags]) if each not in (None, "")],
        "split": "" if value.get("split") is None else str(value["split"]),
        "documents": None if unanswerable else [documents] if isinstance(documents, str) else documents,
        "metadata": rest,
    }


def _choices(value: Any) -> list[str]:
    """A list, or lists of texts and labels beside each other (ARC), or texts by their letters (MedQA)."""
    if isinstance(value, Mapping):
        value = value["text"] if isinstance(value.get("text"), list) else list(value.values())
    return list(map(str, value)) if isinstance(value, list) else []


def _answers(value: Any) -> tuple[list[str], bool]:
    """Answers as a list, or as SQuAD has them, each once; and whether there are none because nothing answers."""
    texts = value.get("text") if isinstance(value, Mapping) else value
    if isinstance(texts, str):
        texts = [texts]
    if not isinstance(texts, list):
        return [], False
    found = [
        each if isinstance(each, str) else str(each.get("text", ""))
        for each in texts
        if isinstance(each, str | Mapping)
    ]
    return list(dict.fromkeys(each.strip() for each in found if each.strip())), not texts and isinstance(value, Mapping)
