"""Whether a value is what a JSON Schema describes, and in which words it is not."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from aver.core.errors import InvalidInput

__all__ = ["check_schema", "problems"]

_MOST = 5
_LONGEST = 200


def problems(schema: Mapping[str, Any], value: Any) -> list[str]:
    """What is wrong with ``value`` by JSON Schema 2020-12, at most five sentences; nothing when all is well. References lead within the
    schema alone: nothing is ever fetched. Raises :class:`InvalidInput` for a schema that is none."""
    from jsonschema.exceptions import SchemaError, _WrappedReferencingError

    try:
        found = list(islice(_validator(schema).iter_errors(value), _MOST))
    except (SchemaError, _WrappedReferencingError, RecursionError) as error:
        raise _no_schema(error) from None
    return [_told(each) for each in found]


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raises :class:`InvalidInput` for a schema that is none."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except (SchemaError, RecursionError) as error:
        raise _no_schema(error) from None


def _validator(schema: Mapping[str, Any]) -> Any:
    from jsonschema import Draft202012Validator
    from referencing import Registry

    return Draft202012Validator(schema, registry=Registry())  # an empty registry: the default one fetches


def _told(error: Any) -> str:
    where = error.json_path.removeprefix("$").lstrip(".")
    message = error.message if len(error.message) <= _LONGEST else f"{error.message[:_LONGEST]}…"
    return f"{where}: {message}" if where else message


def _no_schema(error: Exception) -> InvalidInput:
    reason = getattr(error, "message", None) or type(error).__name__
    return InvalidInput(f"This is no JSON Schema: {str(reason)[:_LONGEST]}", "Correct the schema.")
