"""A case as JSON: what each field may say, and what is wrong with one that says something else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast, get_args

from aver.core import Principal, canonical_json
from aver.core.errors import AverError, InvalidInput
from aver.core.yaml import nearest
from aver.evals.types import Called, Case, Message, Origin, Quote

__all__ = ["FIELDS", "LISTS", "VALUES", "case_of", "fields_of", "is_labelled"]

FIELDS = (
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
    "history",
    "variables",
    "expected",
    "calls",
    "state",
    "refuse",
    "split",
    "cluster",
    "flow",
    "origin",
    "metadata",
)
LISTS = ("groups", "documents", "answers", "tags")
"""Fields that are lists of texts."""
VALUES = ("expected", "state")
"""Fields that are anything that JSON can say."""
_RETRIEVAL = ("documents", "answers", "passages")
_DECISIONS = ("allow", "deny", "ask")
_ROLES = ("system", "user", "assistant")


def case_of(place: str, value: Any, *, needs_label: bool = True) -> Case:
    """The case that ``value`` says. One without an ``id`` gets one of what is asked, and by whom.

    Something must say what is right, for else nobody could measure it: a label of retrieval, ``unanswerable``, ``expected``, ``calls``,
    ``state`` or ``refuse``. Not of a case with ``variables`` and no question, of an attack, of a draft from production, which waits for its labels,
    and of none where ``needs_label`` is false, as for a set that a rubric or a function alone judges.

    Raises :class:`~aver.core.errors.InvalidInput`, which begins with ``place``.
    """
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{place}: expected a question with its labels", 'Write {"question": ..., ...}.')
    unknown = [name for name in value if name not in FIELDS]
    if unknown:
        raise InvalidInput(f"{place}: {str(unknown[0])!r} is not known here", nearest(str(unknown[0]), FIELDS))
    user, groups = _text(place, value, "user"), _texts(place, value, "groups")
    if groups and not user:
        raise InvalidInput(f"{place}: groups without the user who is in them", "Add user: NAME.")
    if user:
        _checked(place, lambda: Principal("tenant", user, frozenset(groups)))
    question, variables = _text(place, value, "question"), _object(place, value, "variables")
    if not question and not variables:
        raise InvalidInput(f"{place}: there is no question", "Add it: question: ..., or variables: {...}.")
    history = _history(place, value.get("history", []))
    case = Case(
        id=_text(place, value, "id") or _identity(question, user, groups, variables, history),
        question=question,
        place=place,
        user=user,
        groups=groups,
        documents=_texts(place, value, "documents"),
        answers=_texts(place, value, "answers"),
        passages=_passages(place, value.get("passages", [])),
        unanswerable=_flag(place, value, "unanswerable"),
        tags=tuple(dict.fromkeys(_texts(place, value, "tags"))),
        status=_word(place, value, "status", ("draft", "confirmed"), "confirmed"),
        history=history,
        variables=variables,
        expected=_json(place, "expected", value.get("expected")),
        calls=_calls(place, value.get("calls")),
        state=_json(place, "state", value.get("state")),
        refuse=_flag(place, value, "refuse"),
        split=_text(place, value, "split"),
        cluster=_text(place, value, "cluster"),
        flow=_text(place, value, "flow"),
        origin=_word(place, value, "origin", get_args(Origin), "person"),
        metadata=_object(place, value, "metadata"),
    )
    _agree(place, case)
    if needs_label and question and not is_labelled(case) and not _waits(case):
        raise InvalidInput(
            f"{place}: nothing says what answers the question",
            "Add documents, answers or passages, or unanswerable: true; or expected, calls, state, refuse: true.",
        )
    return case


def is_labelled(case: Case) -> bool:
    """Whether anything says what is right."""
    retrieval = case.documents or case.answers or case.passages or case.unanswerable
    return bool(retrieval or case.refuse) or not case.expected is case.calls is case.state is None


def fields_of(case: Case) -> dict[str, Any]:
    """What a case says as JSON, without what is as by default; what :func:`case_of` reads."""
    found: dict[str, Any] = {}
    for name in FIELDS:
        value = getattr(case, name)
        if value if name not in ("calls", *VALUES) else value is not None:
            found[name] = list(value) if isinstance(value, tuple) else value
    if case.status == "confirmed":
        del found["status"]
    if case.origin == "person":
        del found["origin"]
    if case.passages:
        found["passages"] = [{"document": each.document, "quote": each.quote} for each in case.passages]
    if case.history:
        found["history"] = [{"role": each.role, "content": each.content} for each in case.history]
    if case.calls is not None:
        found["calls"] = [_call_fields(each) for each in case.calls]
    return found


def _waits(case: Case) -> bool:
    return case.origin == "attack" or (case.origin == "production" and case.status == "draft")


def _agree(place: str, case: Case) -> None:
    """Refuse labels that contradict each other."""
    retrieval = [name for name in _RETRIEVAL if getattr(case, name)]
    if case.unanswerable and retrieval:
        raise InvalidInput(f"{place}: an unanswerable question has {retrieval[0]}", "Keep one of the two.")
    if case.refuse and (retrieval or case.unanswerable):
        other = retrieval[0] if retrieval else "unanswerable"
        raise InvalidInput(f"{place}: a question to be refused for what it asks has {other}", "Keep one of the two.")


def _identity(
    question: str, user: str, groups: Sequence[str], variables: Mapping[str, Any], history: Sequence[Message]
) -> str:
    asked = [question, user, *sorted(groups)]
    if variables or history:
        asked.append(canonical_json([variables, [[each.role, each.content] for each in history]]).decode())
    return hashlib.sha256("\0".join(asked).encode()).hexdigest()[:16]


def _checked(place: str, make: Callable[[], object]) -> None:
    try:
        make()
    except AverError as error:
        raise InvalidInput(f"{place}: {error.cause}", error.next_step) from None


def _text(place: str, value: Mapping[str, Any], name: str) -> str:
    found = value.get(name, "")
    if not isinstance(found, str):
        raise InvalidInput(f"{place}: {name} is not text", "Put it in quotes.")
    _encodable(place, name, found)
    return found.strip()


def _encodable(place: str, name: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput(f"{place}: {name} is not text", "Remove half of a surrogate pair.") from None


def _texts(place: str, value: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = value.get(name, [])
    found = [found] if isinstance(found, str) else found
    if not isinstance(found, list):
        raise InvalidInput(f"{place}: {name} is not a list of texts", f"Write {name}: [...], each in quotes.")
    texts = tuple(_text(place, {name: each}, name) for each in found)
    if not all(texts):
        raise InvalidInput(f"{place}: one of {name} is empty", "Remove it.")
    return texts


def _flag(place: str, value: Mapping[str, Any], name: str) -> bool:
    found = value.get(name, False)
    if not isinstance(found, bool):
        raise InvalidInput(f"{place}: {name} is neither true nor false", "Write one of the two.")
    return found


def _word(place: str, value: Mapping[str, Any], name: str, words: Sequence[str], default: str) -> Any:
    found = value.get(name, default)
    if found not in words:
        listed = " or ".join([", ".join(words[:-1]), words[-1]])
        raise InvalidInput(f"{place}: the {name} is {found!r}", f"Write {listed}.")
    return found


def _json(place: str, name: str, value: Any) -> Any:
    if value is not None:
        try:
            said = json.dumps(value, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidInput(f"{place}: {name} is not JSON: {error}", "Write what JSON can say.") from None
        _encodable(place, name, said)
    return value


def _object(place: str, value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name, {})
    if not isinstance(found, Mapping):
        raise InvalidInput(f"{place}: {name} is not a mapping of names to values", f"Write {name}: {{NAME: ...}}.")
    return cast("Mapping[str, Any]", _json(place, name, dict(found)))


def _items(place: str, value: Any, name: str, allowed: Sequence[str], shape: str) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise InvalidInput(f"{place}: {name} is not a list", f"Write {name}: [{shape}].")
    for each in value:
        for word in each:
            if word not in allowed:
                one = name.removesuffix("s") if name != "history" else "message"
                raise InvalidInput(f"{place}: {str(word)!r} is not known in a {one}", nearest(str(word), allowed))
    return value


def _passages(place: str, value: Any) -> tuple[Quote, ...]:
    found = []
    for each in _items(place, value, "passages", ("document", "quote"), '{"document": ..., "quote": ...}'):
        quote = Quote(_text(place, each, "document"), _text(place, each, "quote"))
        if not quote.document or not quote.quote:
            raise InvalidInput(f"{place}: a passage needs its document and its quote", "Add both.")
        found.append(quote)
    return tuple(found)


def _history(place: str, value: Any) -> tuple[Message, ...]:
    found = []
    for each in _items(place, value, "history", ("role", "content"), '{"role": ..., "content": ...}'):
        content = _text(place, each, "content")
        if not content:
            raise InvalidInput(f"{place}: a message of the history says nothing", "Add its content.")
        found.append(Message(_word(place, each, "role", _ROLES, "user"), content))
    return tuple(found)


def _calls(place: str, value: Any) -> tuple[Called, ...] | None:
    if value is None:
        return None
    found = []
    shape = '{"tool": ..., "arguments": {...}}'
    for each in _items(place, value, "calls", ("tool", "arguments", "decision", "done"), shape):
        tool = _text(place, each, "tool")
        if not tool:
            raise InvalidInput(f"{place}: a call does not say of which tool", "Add it: tool: NAME.")
        decision = _word(place, each, "decision", _DECISIONS, "allow")
        done = each.get("done", True)
        found.append(Called(tool, _object(place, each, "arguments"), decision, _flag(place, {"done": done}, "done")))
    return tuple(found)


def _call_fields(call: Called) -> dict[str, Any]:
    found: dict[str, Any] = {"tool": call.tool}
    if call.arguments:
        found["arguments"] = dict(call.arguments)
    if call.decision != "allow":
        found["decision"] = call.decision
    if not call.done:
        found["done"] = False
    return found
