"""Every scorer by name, and the shape of what is declared of one: its name, or its name with settings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from aver.core.errors import InvalidInput
from aver.core.yaml import YamlValue, nearest
from aver.evals.scorers.answers import ANSWERS
from aver.evals.scorers.citations import CITATIONS
from aver.evals.scorers.contains import CONTAINS
from aver.evals.scorers.exact import EXACT
from aver.evals.scorers.function import FUNCTION
from aver.evals.scorers.groundedness import GROUNDEDNESS
from aver.evals.scorers.json_schema import JSON_SCHEMA
from aver.evals.scorers.kinds import Kind, Means
from aver.evals.scorers.numeric import NUMERIC
from aver.evals.scorers.overlap import ROUGE, TOKEN_F1
from aver.evals.scorers.refusal import REFUSAL
from aver.evals.scorers.regex import REGEX
from aver.evals.scorers.retrieval import RETRIEVAL
from aver.evals.scorers.safety import LEAKS, POLICY
from aver.evals.scorers.task import TASK
from aver.evals.scorers.tool_calls import END_STATE, TOOL_CALLS
from aver.evals.types import USED, Scorer
from aver.gateway.config.shapes import Schema, keyed
from aver.gateway.config.words import NAME

__all__ = ["JUDGE", "SCORERS", "STANDARD", "Declared", "DeclaredScorer", "require_measured", "scorers_of", "silent"]

JUDGE = Kind(
    "rubric",
    "a model judge of the bundle, by its name under evals: judges:",
    ("...",),
    lambda name, means: means.judge(name),
    NAME,
    needed=True,
)
SCORERS = {
    each.name: each
    for each in (
        ANSWERS,
        CITATIONS,
        CONTAINS,
        END_STATE,
        EXACT,
        FUNCTION,
        GROUNDEDNESS,
        JSON_SCHEMA,
        JUDGE,
        LEAKS,
        NUMERIC,
        POLICY,
        REFUSAL,
        REGEX,
        RETRIEVAL,
        ROUGE,
        TASK,
        TOKEN_F1,
        TOOL_CALLS,
    )
}


@dataclass(frozen=True, slots=True)
class Declared:
    """A scorer and its settings, ``None`` for those it has by itself."""

    kind: str
    settings: Any = None


STANDARD = tuple(map(Declared, ("retrieval", "answers", "citations", "groundedness", "refusal")))
"""What is measured where nothing is declared: each says something of the cases that have its labels."""


class DeclaredScorer:
    """``exact``, or ``{exact: {normalised: true}}``."""

    def read(self, value: YamlValue) -> Declared:
        if isinstance(value.node, yaml.ScalarNode):
            return self._named(value, value)
        pairs = keyed(value)
        if len(pairs) != 1:
            raise value.error("expected one scorer with its settings", "Write NAME, or NAME: {...}, one a line.")
        (place, settings), kind = pairs[0], self._kind(pairs[0][0])
        if settings.is_null:
            return self._named(place, place)
        if kind.settings is None:
            raise settings.error(f"the scorer {kind.name!r} has no settings", f"Write {kind.name}.")
        return Declared(kind.name, kind.settings.read(settings))

    def _named(self, value: YamlValue, place: YamlValue) -> Declared:
        kind = self._kind(value)
        if kind.needed:
            raise place.error(
                f"the scorer {kind.name!r} needs to be told more", f"Write {kind.name}: ...: {kind.about}"
            )
        return Declared(kind.name)

    @staticmethod
    def _kind(value: YamlValue) -> Kind:
        name = value.text()
        if name not in SCORERS:
            raise value.error(f"{name[:60]!r} is no scorer", nearest(name, SCORERS))
        return SCORERS[name]

    def write(self, value: Declared) -> Any:
        shape = SCORERS[value.kind].settings
        return value.kind if value.settings is None or shape is None else {value.kind: shape.write(value.settings)}

    def schema(self) -> Schema:
        alone = [kind.name for kind in SCORERS.values() if not kind.needed]
        whole = [
            {
                "type": "object",
                "properties": {kind.name: {"description": kind.about, **kind.settings.schema()}},
                "required": [kind.name],
                "additionalProperties": False,
            }
            for kind in SCORERS.values()
            if kind.settings is not None
        ]
        return {"oneOf": [{"enum": alone}, *whole]}


def silent(declared: Sequence[Declared], measures: Iterable[str]) -> list[str]:
    """The scorers of which there is no measure: no case has what they read."""
    found = list(measures)
    return [each.kind for each in declared if not any(_may_measure(each.kind, name) for name in found)]


def require_measured(measure: str, declared: Sequence[Declared]) -> None:
    """Raises :class:`~aver.core.errors.InvalidInput` for a measure that none of these scorers has. What functions and judges measure is not known before
    they do."""
    if measure not in USED and not any(_may_measure(each.kind, measure) for each in declared):
        known = [name for each in declared for name in SCORERS[each.kind].measures]
        raise InvalidInput(f"No scorer of the suite measures {measure[:60]!r}", nearest(measure, known))


def _may_measure(kind: str, measure: str) -> bool:
    return any(
        re.fullmatch(re.escape(name).replace("@k", r"@\d+").replace(r"\.\.\.", ".+"), measure)
        for name in SCORERS[kind].measures
    )


def scorers_of(declared: Sequence[Declared], means: Means) -> list[Scorer]:
    """Raises :class:`~aver.core.errors.InvalidInput` for two of one name, and as :meth:`Kind.scorer`."""
    made: list[Scorer] = []
    for each in declared:
        kind = SCORERS[each.kind]
        made.append(kind.scorer(kind.standard if each.settings is None else each.settings, means))
    names = [each.name for each in made]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidInput(f"Two scorers are called {twice!r}", "Keep one: their figures could not be told apart.")
    return made
