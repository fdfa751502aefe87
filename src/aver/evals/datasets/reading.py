"""Labelled sets as files: JSON Lines, an object a line, or YAML, a list.

::

    {"question": "How many days of leave carry over?", "documents": ["leave.md"], "answers": ["ten days"], "tags": ["hr"]}
    {"question": "Who founded Atlantis?", "unanswerable": true}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aver.core import Principal
from aver.core.errors import AverError, InvalidInput, NotFound
from aver.core.yaml import nearest, parse_yaml
from aver.evals.types import Case, Dataset, Quote

__all__ = ["as_line", "read_dataset"]

_FIELDS = (
    "id",
    "question",
    "user",
    "groups",
    "documents",
    "answers",
    "passages",
    "unanswerable",
    "tags",
    "status",
)
_LABELS = ("documents", "answers", "passages")


def read_dataset(file: Path) -> Dataset:
    """The cases of a file, YAML by its ending, else JSON Lines. A case without an ``id`` gets one of what is asked, and by whom.

    Raises :class:`~aver.core.errors.InvalidInput` with file and line, and :class:`~aver.core.errors.NotFound` for a file that cannot
    be read.
    """
    try:
        data = file.read_bytes()
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput(f"{str(file)!r} is not UTF-8 text", "Save it as UTF-8.") from None
    except OSError as error:
        raise NotFound(f"{str(file)!r} cannot be read: {error.strerror}", "Check the path.") from None
    written = _yaml(text, file) if file.suffix.lower() in (".yaml", ".yml") else _lines(text, file)
    cases = [_case(place, value) for place, value in written]
    if not cases:
        raise InvalidInput(f"{file} holds no question", 'Write one a line: {"question": ..., "documents": [...]}.')
    places: dict[str, str] = {}
    for case in cases:
        if case.id in places:
            raise InvalidInput(
                f"{case.place}: the same question, or id {case.id!r}, stands in {places[case.id]} too",
                "Keep one, or give each an id.",
            )
        places[case.id] = case.place
    return Dataset(file.name, hashlib.sha256(data).hexdigest(), tuple(cases))


def as_line(case: Case) -> str:
    """A case as a line of JSON Lines, with the fields it has; what :func:`read_dataset` reads."""
    found: dict[str, Any] = {name: getattr(case, name) for name in _FIELDS if getattr(case, name)}
    if case.passages:
        found["passages"] = [{"document": each.document, "quote": each.quote} for each in case.passages]
    return json.dumps(found, ensure_ascii=False) + "\n"


def _lines(text: str, file: Path) -> Iterable[tuple[str, Any]]:
    # Not splitlines(): JSON may hold what that takes for the end of a line.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield f"{file}:{number}", json.loads(line)
        except ValueError as error:
            raise InvalidInput(
                f"{file}:{number}: this is no JSON: {error}", "Write one object a line; YAML files end in .yaml."
            ) from None


def _yaml(text: str, file: Path) -> Iterable[tuple[str, Any]]:
    root = parse_yaml(text, str(file))
    for item in [] if root.is_null else root.items():
        yield f"{file}:{item.line}", item.plain()


def _case(place: str, value: Any) -> Case:
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{place}: expected a question with its labels", 'Write {"question": ..., ...}.')
    unknown = [name for name in value if name not in _FIELDS]
    if unknown:
        raise InvalidInput(f"{place}: {str(unknown[0])!r} is not known here", nearest(str(unknown[0]), _FIELDS))
    question = _text(place, value, "question")
    if not question:
        raise InvalidInput(f"{place}: there is no question", "Add it: question: ...")
    unanswerable, status = value.get("unanswerable", False), value.get("status", "confirmed")
    if not isinstance(unanswerable, bool):
        raise InvalidInput(f"{place}: unanswerable is neither true nor false", "Write one of the two.")
    if status not in ("draft", "confirmed"):
        raise InvalidInput(f"{place}: the status is {status!r}", "Write draft or confirmed.")
    labelled = [name for name in _LABELS if value.get(name)]
    if unanswerable and labelled:
        raise InvalidInput(f"{place}: an unanswerable question has {labelled[0]}", "Keep one of the two.")
    if not unanswerable and not labelled:
        raise InvalidInput(
            f"{place}: nothing says what answers the question",
            "Add documents, answers or passages, or unanswerable: true.",
        )
    user, groups = _text(place, value, "user"), _texts(place, value, "groups")
    if groups and not user:
        raise InvalidInput(f"{place}: groups without the user who is in them", "Add user: NAME.")
    if user:
        _checked(place, lambda: Principal("tenant", user, frozenset(groups)))
    return Case(
        id=_text(place, value, "id") or _identity(question, user, groups),
        question=question,
        place=place,
        user=user,
        groups=groups,
        documents=_texts(place, value, "documents"),
        answers=_texts(place, value, "answers"),
        passages=_quotes(place, value.get("passages", [])),
        unanswerable=unanswerable,
        tags=tuple(dict.fromkeys(_texts(place, value, "tags"))),
        status=status,
    )


def _identity(question: str, user: str, groups: Sequence[str]) -> str:
    return hashlib.sha256("\0".join((question, user, *sorted(groups))).encode()).hexdigest()[:16]


def _checked(place: str, make: Callable[[], object]) -> None:
    try:
        make()
    except AverError as error:
        raise InvalidInput(f"{place}: {error.cause}", error.next_step) from None


def _text(place: str, value: Mapping[str, Any], name: str) -> str:
    found = value.get(name, "")
    if not isinstance(found, str):
        raise InvalidInput(f"{place}: {name} is not text", "Put it in quotes.")
    try:
        found.encode()
    except UnicodeEncodeError:
        raise InvalidInput(f"{place}: {name} is not text", "Remove half of a surrogate pair.") from None
    return found.strip()


def _texts(place: str, value: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = value.get(name, [])
    found = [found] if isinstance(found, str) else found
    if not isinstance(found, list):
        raise InvalidInput(f"{place}: {name} is not a list of texts", f"Write {name}: [...], each in quotes.")
    texts = tuple(_text(place, {name: each}, name) for each in found)
    if not all(texts):
        raise InvalidInput(f"{place}: one of {name} is empty", "Remove it.")
    return texts


def _quotes(place: str, value: Any) -> tuple[Quote, ...]:
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise InvalidInput(f"{place}: passages is not a list", 'Write passages: [{"document": ..., "quote": ...}].')
    found = []
    for each in value:
        unknown = [name for name in each if name not in ("document", "quote")]
        if unknown:
            raise InvalidInput(
                f"{place}: {str(unknown[0])!r} is not known in a passage",
                nearest(str(unknown[0]), ("document", "quote")),
            )
        quote = Quote(_text(place, each, "document"), _text(place, each, "quote"))
        if not quote.document or not quote.quote:
            raise InvalidInput(f"{place}: a passage needs its document and its quote", "Add both.")
        found.append(quote)
    return tuple(found)
