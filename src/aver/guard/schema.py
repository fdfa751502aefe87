"""An answer that must be JSON of a declared shape."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from typing import Annotated, Any

from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.validators import extend
from pydantic import StringConstraints, TypeAdapter
from pydantic_core import SchemaError as PatternError
from pydantic_core import ValidationError as Mismatch
from referencing import Registry
from referencing.exceptions import Unresolvable

from aver.core.errors import InvalidInput
from aver.guard.threads import in_thread
from aver.guard.types import Finding, Place, Verdict

__all__ = ["OutputSchema"]

_LONGEST = 2_000_000
"""Characters of an answer that are read at all."""
_DEEPEST = 100


@lru_cache(256)
def _pattern(pattern: str) -> TypeAdapter[str]:
    """Matched in time linear in the text, which Python's own expressions are not."""
    return TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)])


def _matches(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(value, str):
        try:
            _pattern(pattern).validate_python(value)
        except Mismatch:
            yield ValidationError("does not match")


_Validator = extend(Draft202012Validator, {"pattern": _matches})


class OutputSchema:
    """A :class:`~aver.guard.types.Check`: blocks what is not JSON (RFC 8259) of ``schema`` (JSON Schema 2020-12). References lead within the
    schema and are never fetched.

    Raises :class:`~aver.core.errors.InvalidInput` for a schema that is none.
    """

    name = "schema"

    def __init__(self, schema: Mapping[str, Any]) -> None:
        try:
            Draft202012Validator.check_schema(schema)
            for pattern in _patterns(schema):
                _pattern(pattern)
        except SchemaError as error:
            raise InvalidInput(f"The output schema is none: {error.message}", "Write JSON Schema 2020-12.") from error
        except PatternError as error:
            said = "A pattern of the output schema cannot be matched in linear time"
            raise InvalidInput(said, "Write it without look-around and back references.") from error
        self._validator = _Validator(schema, registry=Registry())

    async def check(self, text: str, place: Place) -> Verdict:  # noqa: ARG002 - a shape is the same everywhere
        if len(text) <= 20_000:
            return self._judged(text)
        return await in_thread(partial(self._judged, text))

    def _judged(self, text: str) -> Verdict:
        if len(text) > _LONGEST or _depth(text) > _DEEPEST:
            said = f"it is longer than {_LONGEST:,} characters, or nested more than {_DEEPEST} deep"
            return self._refused(text, 0, said)
        try:
            value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_object)
        except json.JSONDecodeError as error:
            return self._refused(text, error.pos, f"it is not JSON at line {error.lineno}, column {error.colno}")
        except ValueError as error:
            return self._refused(text, 0, str(error))
        try:
            errors = sorted(self._validator.iter_errors(value), key=lambda each: -len(each.absolute_path))
        except (Unresolvable, RecursionError):
            return self._refused(text, 0, "its schema refers to what is not in it, or to itself without end")
        if errors:
            # Of several errors the deepest says most; its message would quote the text, so only its place and rule are told.
            path = "/".join(str(part) if isinstance(part, int) else "*" for part in errors[0].absolute_path)
            return self._refused(text, 0, f"at /{path} it fails {errors[0].validator!r} of its schema")
        return Verdict(self.name, "pass")

    def _refused(self, text: str, start: int, reason: str) -> Verdict:
        start = min(start, max(0, len(text) - 1))
        findings = (Finding("schema", start, len(text), 1.0),) if text else ()
        return Verdict(self.name, "block", findings, reason)


def _patterns(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        if isinstance(pattern := schema.get("pattern"), str):
            yield pattern
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from _patterns(part)


def _depth(text: str) -> int:
    """How deep brackets are nested at most, those in strings included: a bound, without a parser that recurses."""
    depth = deepest = 0
    for char in text:
        if char in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "]}":
            depth -= 1
    return deepest


def _no_constant(name: str) -> None:
    raise ValueError(f"it has {name}, which JSON has not")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("an object has the same name twice")
    return value
