"""Cases, responses and results as JSON, and back: on disk, and between processes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import orjson

from aver.evals.types import Called, Case, Cited, Message, Quote, Response, Result, RunHeader

__all__ = [
    "asked",
    "asked_digest",
    "case_of",
    "decode_case",
    "decode_header",
    "decode_response",
    "decode_result",
    "encode",
    "encode_result",
    "response_of",
]

_CITED = ("ranking", "looked", "citations")
_RESULT = ("tags", "cluster", "error", "said", "notes")
_ASKED = ("user", "groups", "history", "variables", "metadata")


def encode(record: Case | Response | RunHeader) -> bytes:
    """One line of JSON, without its end. Raises :class:`TypeError` for what JSON cannot say. Numbers that are not finite become null."""
    return orjson.dumps(record, default=_plain, option=orjson.OPT_NON_STR_KEYS)


def encode_result(result: Result, kept: str = "") -> bytes:
    """A result as a line of a run. Its response is not part of it; ``kept`` is the key that it is kept under, if it is."""
    line: dict[str, Any] = {"case": result.case, "repeat": result.repeat, "values": result.values}
    line |= {name: found for name in _RESULT if (found := getattr(result, name))}
    if kept:
        line["kept"] = kept
    try:
        return orjson.dumps(line, default=_plain)
    except TypeError:
        # Half a character, as an error's message may quote it, is no reason to lose a result.
        return orjson.dumps(orjson.loads(json.dumps(line, default=_plain, ensure_ascii=False).encode(errors="replace")))


def decode_result(line: Mapping[str, Any], response: Response | None = None) -> Result:
    """``line`` as orjson reads it. Raises :class:`KeyError`, :class:`TypeError` or :class:`ValueError` for anything that is no result."""
    return Result(
        case=line["case"],
        repeat=line["repeat"],
        # Floats as they are: there may be millions of them, and JSON has none that is not finite.
        values={
            name: (
                above if type(above) is float else _number(above),
                below if type(below) is float else _number(below),
            )
            for name, (above, below) in line["values"].items()
        },
        tags=tuple(line.get("tags", ())),
        cluster=line.get("cluster", ""),
        error=line.get("error", ""),
        said=line.get("said", ""),
        notes=line.get("notes", {}),
        response=response,
    )


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r:.40} is no number")
    return float(value)


def decode_header(written: Mapping[str, Any]) -> RunHeader:
    """Raises :class:`TypeError` for anything that is no header."""
    known = {each.name for each in fields(RunHeader)}
    found = {name: value for name, value in written.items() if name in known}
    return RunHeader(**{**found, "stop_early": tuple(found.get("stop_early", ()))})


def decode_response(line: bytes) -> Response:
    """Raises :class:`ValueError`, :class:`TypeError` or :class:`AttributeError` for anything that is no response."""
    return response_of(orjson.loads(line))


def response_of(written: Mapping[str, Any]) -> Response:
    """As :func:`decode_response`, of what JSON has said already."""
    found = dict(written)
    for name in _CITED:
        if found.get(name) is not None:
            found[name] = tuple(Cited(**each) for each in found[name])
    if found.get("calls") is not None:
        found["calls"] = tuple(Called(**each) for each in found["calls"])
    if found.get("supported") is not None:
        found["supported"] = tuple(found["supported"])
    found["verdicts"] = tuple(found.get("verdicts", ()))
    return Response(**found)


def decode_case(line: bytes) -> Case:
    """Raises as :func:`decode_response`."""
    return case_of(orjson.loads(line))


def case_of(written: Mapping[str, Any]) -> Case:
    """As :func:`decode_case`, of what JSON has said already."""
    found = dict(written)
    for name in ("groups", "documents", "answers", "tags"):
        found[name] = tuple(found.get(name, ()))
    for name, of in (("passages", Quote), ("history", Message)):
        found[name] = tuple(of(**each) for each in found.get(name, ()))
    if found.get("calls") is not None:
        found["calls"] = tuple(Called(**each) for each in found["calls"])
    return Case(**found)


def asked(case: Case) -> Case:
    """The case as it is put to somebody: without its labels, and where it stands."""
    return Case(case.id, case.question, **{name: getattr(case, name) for name in _ASKED})


def asked_digest(case: Case) -> str:
    """Of what is asked, by whom; SHA-256, hexadecimal. Labels may be mended without asking again."""
    said = {"id": case.id, "question": case.question} | {name: getattr(case, name) for name in _ASKED}
    text = orjson.dumps(said, default=_plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return hashlib.sha256(text).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is nothing that JSON can say")
