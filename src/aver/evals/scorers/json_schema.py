"""Whether a response is JSON of the right form. Looked at in a process of its own: a schema may have patterns, and those may hang."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aver.core.errors import InvalidInput, NotFound
from aver.core.yaml import YamlValue
from aver.evals.scorers.kinds import Judge, Kind, Means, Score, rate
from aver.evals.types import Case, Response
from aver.gateway.config.shapes import Field, Schema
from aver.gateway.config.words import INSIDE, record

__all__ = ["JSON_SCHEMA", "mistake"]


class _Plain:
    """Any mapping."""

    def read(self, value: YamlValue) -> Any:
        value.fields(value.plain()) if isinstance(value.plain(), dict) else value.fields(())
        return value.plain()

    def write(self, value: Any) -> Any:
        return value

    def schema(self) -> Schema:
        return {"type": "object"}


@dataclass(frozen=True, slots=True)
class JsonSchema:
    file: str = ""
    schema: Any = None


def mistake(schema: Any, text: str, value: Any) -> str:
    """What is wrong with a response; empty for nothing. References of the schema lead nowhere but into it."""
    import jsonschema
    from referencing import Registry

    if value is None:
        try:
            value = json.loads(_unfenced(text))
        except ValueError as error:
            return f"is no JSON: {error}"
    kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
    kind.check_schema(schema)
    wrong = next(kind(schema, registry=Registry()).iter_errors(value), None)
    return "" if wrong is None else f"{wrong.json_path}: {wrong.message}"[:300]


def _unfenced(text: str) -> str:
    """A model's habit of putting JSON into a block of code is no mistake of form."""
    lines = text.strip().splitlines()
    return "\n".join(lines[1:-1]) if len(lines) > 2 and lines[0].startswith("```") and lines[-1] == "```" else text


def _make(settings: JsonSchema, means: Means) -> Judge:
    functions = means.function(f"{__name__}:mistake")
    common = _read(means, settings.file) if settings.file else settings.schema

    async def judge(case: Case, response: Response) -> Score:
        schema = case.metadata.get("schema", common)
        if schema is None:
            return {}, ""
        why = await functions.call(schema, response.text, response.value)
        return {"json_schema": rate(not why)}, why

    return judge


def _read(means: Means, name: str) -> Any:
    path = means.folder / name
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotFound(f"{str(path)!r} cannot be read: {error.strerror}", "Check the path.") from None
    except ValueError as error:
        raise InvalidInput(f"{path}: this is no JSON: {error}", "Write a JSON Schema.") from None


JSON_SCHEMA = Kind(
    "json_schema",
    "the response is JSON that a schema describes: that of the settings, or the case's metadata.schema",
    ("json_schema",),
    _make,
    record(
        JsonSchema,
        file=Field(INSIDE, "A file of the bundle with the JSON Schema."),
        schema=Field(_Plain(), "The JSON Schema itself."),
    ),
    JsonSchema(),
)
