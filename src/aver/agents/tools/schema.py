"""JSON Schema as tools need it: values checked within bounds of time, whoever wrote the schema and whoever wrote the value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Annotated, Any

from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.validators import extend
from pydantic import StringConstraints, TypeAdapter
from pydantic import ValidationError as Mismatch
from pydantic_core import SchemaError as PatternError
from referencing import Registry
from referencing.exceptions import Unresolvable

from aver.core import canonical_json
from aver.core.errors import SettingsError

__all__ = ["Schema", "paths", "resolved"]

_LARGEST = 2**18
"""Bytes of a schema. What is larger costs a model more to read than the tool is worth."""
_MOST_PROBLEMS = 5
_DEEPEST = 12
"""Levels of nesting that :func:`paths` follows."""


class Schema:
    """``rules``, JSON Schema of draft 2020-12, called ``what`` in errors. References lead within it and are never fetched; its patterns are
    matched in time linear in the text, so that neither hostile rules nor a hostile value keep the process busy.

    Raises :class:`~aver.core.errors.SettingsError` for what is no schema.
    """

    def __init__(self, rules: Mapping[str, Any], what: str) -> None:
        self.rules = rules
        try:
            size = len(canonical_json(rules))
            Draft202012Validator.check_schema(rules)
        except SchemaError as error:
            raise SettingsError(f"{what} is no JSON Schema: {_short(error.message)}", "Correct it there.") from None
        except (ValueError, TypeError, RecursionError) as error:
            raise SettingsError(f"{what} is no JSON Schema: {_short(str(error))}", "Correct it there.") from None
        if size > _LARGEST:
            said = f"{what} has {size:,} bytes, and at most {_LARGEST:,} are read"
            raise SettingsError(said, "Divide what it describes.")
        _check_references(rules, rules, what)
        self._validator = _Linear(rules, registry=Registry())

    def problems(self, value: Any) -> list[str]:
        """What is wrong with ``value``, the first few things, each with where it is; nothing when it fits."""
        try:
            return [_said(error) for error in islice(self._validator.iter_errors(value), _MOST_PROBLEMS)]
        except RecursionError:
            return ["it is nested too deeply to be checked"]
        except Unresolvable as error:  # by a reference that only this value leads to, such as a dynamic one
            return [f"a rule for it refers to {_short(str(error.ref))!r}, which is not in the schema"]


def paths(rules: Mapping[str, Any]) -> list[str]:
    """The names that a value of these rules has, as annotations write them: ``to``, ``event.participants``. The items of a list bear
    the list's name."""
    found: dict[str, None] = {}
    _walk(rules, rules, "", found, ())
    return [*found]


def resolved(rules: Any, root: Mapping[str, Any]) -> Any:
    """``rules``, or what their reference leads to within ``root``; an empty mapping where it leads nowhere or in circles."""
    seen = set()
    while isinstance(rules, Mapping) and isinstance(reference := rules.get("$ref"), str):
        if reference in seen:
            return {}
        seen.add(reference)
        rules = _pointed(reference, root)
    return rules


def _walk(rules: Any, root: Mapping[str, Any], at: str, found: dict[str, None], within: Sequence[int]) -> None:
    rules = resolved(rules, root)
    if not isinstance(rules, Mapping) or id(rules) in within or len(within) > _DEEPEST:
        return
    within = (*within, id(rules))
    for name, inner in _mapping(rules.get("properties")).items():
        path = f"{at}.{name}" if at else name
        found[path] = None
        _walk(inner, root, path, found, within)
    if isinstance(items := rules.get("items"), Mapping):
        _walk(items, root, at, found, within)
    for word in ("anyOf", "oneOf", "allOf"):
        for each in rules[word] if isinstance(rules.get(word), list) else ():
            _walk(each, root, at, found, within)


def _pointed(reference: str, root: Mapping[str, Any]) -> Any:
    """What a JSON pointer (RFC 6901) after ``#`` leads to; an empty mapping where it is something else or leads nowhere."""
    if not reference.startswith("#"):
        return {}
    place: Any = root
    for step in filter(None, reference[1:].split("/")):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(place, list) and name.isdecimal() and int(name) < len(place):
            place = place[int(name)]
        elif isinstance(place, Mapping) and name in place:
            place = place[name]
        else:
            return {}
    return place


def _check_references(rules: Any, root: Mapping[str, Any], what: str) -> None:
    pending, words = [rules], set[str]()
    while pending:
        place = pending.pop()
        if isinstance(place, Mapping):
            words.update(place)
            reference = place.get("$ref")
            if isinstance(reference, str) and not reference.startswith("#"):
                raise SettingsError(
                    f"{what} refers to {_short(reference)!r}, outside of it", "Put what it refers to under $defs."
                )
            if isinstance(reference, str) and reference.startswith("#/") and _pointed(reference, root) == {}:
                raise SettingsError(f"{what} refers to {_short(reference)!r}, which is not there", "Correct it there.")
            pending += place.values()
        elif isinstance(place, list):
            pending += place
    if {
        "patternProperties",
        "unevaluatedProperties",
    } <= words:  # the library's own rule matches patterns in unbounded time
        raise SettingsError(f"{what} has patternProperties beside unevaluatedProperties", "Write additionalProperties.")


@lru_cache(maxsize=1024)
def _matcher(pattern: str) -> TypeAdapter[str] | None:
    """``pattern`` for pydantic's regular expressions, which are Rust's and linear; ``None`` for what they do not have, such as looking
    ahead."""
    try:
        return TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)])
    except PatternError:
        return None


def _matches(pattern: str, text: str) -> bool:
    matcher = _matcher(pattern)
    if matcher is None:
        return True
    try:
        matcher.validate_python(text)
    except Mismatch:
        return False
    return True


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not _matches(pattern, value):
        yield ValidationError(f"{_short(value)!r} does not match {_short(pattern)!r}")


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], value: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(value, Mapping):
        for pattern, rules in patterns.items():
            for name, inner in value.items():
                if _matches(pattern, name):
                    yield from validator.descend(inner, rules, path=name, schema_path=pattern)


def _additional(validator: Any, rules: Any, value: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    if not isinstance(value, Mapping):
        return
    named, patterns = _mapping(schema.get("properties")), _mapping(schema.get("patternProperties"))
    for name, inner in value.items():
        if name in named or any(_matches(pattern, name) for pattern in patterns):
            continue
        if rules is False:
            yield ValidationError(f"there is no {_short(name)!r}; it has {', '.join(named) or 'no names'}"[:400])
        elif isinstance(rules, Mapping):
            yield from validator.descend(inner, rules, path=name)


_Linear = extend(
    Draft202012Validator,
    {"pattern": _pattern, "patternProperties": _pattern_properties, "additionalProperties": _additional},
)


def _said(error: ValidationError) -> str:
    where = ".".join(str(step) for step in error.absolute_path)
    return f"{_short(where)}: {_short(error.message)}" if where else _short(error.message)


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}…"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
