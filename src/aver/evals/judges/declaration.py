"""Judges as a bundle declares them, under ``evals: judges:``::

helpful: {rubric: evals/helpful.md, model: judge, scale: [1, 5], calibration: evals/helpful.labels.jsonl, least_kappa: 0.6}
better: {rubric: evals/better.md, model: judge, pairwise: true, calibration: evals/pairs.jsonl}
panel: {rubric: evals/helpful.md, model: [judge-a, judge-b, judge-c], calibration: evals/helpful.labels.jsonl}
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from aver.core.yaml import YamlValue
from aver.evals.judges.calibration import LEAST_KAPPA
from aver.gateway.config.shapes import Boolean, Field, ListOf, MapOf, Schema
from aver.gateway.config.words import INSIDE, NAME, SHARE, record

__all__ = ["JUDGES", "JudgeDeclared"]


@dataclass(frozen=True, slots=True)
class JudgeDeclared:
    """``models`` are models or routes of the bundle; several make a panel. Paths are relative to the bundle; ``calibration`` is the file of people's labels.
    ``author`` is the judge's own model as the labels name authors."""

    name: str
    rubric: str
    model: tuple[str, ...]
    scale: tuple[int, int] | None = None
    calibration: str = ""
    least_kappa: float = LEAST_KAPPA
    pairwise: bool = False
    author: str = ""


class _Models:
    """A name, or a list of them."""

    def read(self, value: YamlValue) -> tuple[str, ...]:
        if isinstance(value.node, yaml.SequenceNode):
            names: tuple[str, ...] = _SEVERAL.read(value)
            return names
        return (NAME.read(value),)

    def write(self, value: tuple[str, ...]) -> Any:
        return value[0] if len(value) == 1 else list(value)

    def schema(self) -> Schema:
        return {"anyOf": [NAME.schema(), _SEVERAL.schema()]}


class _Scale:
    """``[LEAST, MOST]``, whole grades."""

    def read(self, value: YamlValue) -> tuple[int, int]:
        ends = [each.integer() for each in value.items()]
        if len(ends) != 2 or not ends[0] < ends[1] <= ends[0] + 100:
            raise value.error("a scale goes from one whole grade up to another", "Write it as [1, 5].")
        return ends[0], ends[1]

    def write(self, value: tuple[int, int]) -> list[int]:
        return list(value)

    def schema(self) -> Schema:
        return {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}


_SEVERAL = ListOf(NAME, least=1)
JUDGES = MapOf(
    NAME,
    record(
        JudgeDeclared,
        rubric=Field(INSIDE, "The file that says what is judged.", required=True),
        model=Field(_Models(), "The model or route that judges; several make a panel.", required=True),
        scale=Field(_Scale(), "Its least and its best grade."),
        calibration=Field(INSIDE, "People's labels that it is held against. Without them it cannot gate."),
        least_kappa=Field(SHARE, "The agreement with people, beyond chance, that it needs to gate."),
        pairwise=Field(Boolean(), "Whether it says which of two responses is better, rather than grade one."),
        author=Field(NAME, "The judge's own model, as the labels name the authors of responses."),
    ),
)
