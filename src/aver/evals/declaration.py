"""The section ``evals`` of a bundle, said once: what reads it, writes it and makes its schema::

evals:
  suites:
    handbook:
      cases: [evals/handbook.jsonl]
      target: assistant
      user: evaluation
      groups: [staff]
      scorers: [retrieval, answers, {exact: {normalised: true}}, {function: evals/mine.py:score}]
      repeats: 3
  endpoints:
    other: {url: "https://example.com/v1/chat/completions", model: m, credential: env:OTHER_KEY}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aver.core.yaml import YamlValue, nearest
from aver.evals.datasets.declaration import FLOWS, Flow
from aver.evals.gates.declaration import GATE
from aver.evals.gates.types import Condition
from aver.evals.judges.declaration import JUDGES, JudgeDeclared
from aver.evals.redteam.types import SUITE as REDTEAM
from aver.evals.scorers.registry import STANDARD, Declared, DeclaredScorer
from aver.evals.targets.asking import ASKER
from aver.evals.targets.endpoint import Endpoint
from aver.gateway.config.shapes import Boolean, Field, ListOf, MapOf, Schema, Text, Whole, keyed
from aver.gateway.config.words import CREDENTIAL, INSIDE, NAME, NAMES, TEXT, URL, record

__all__ = ["EVALS", "TARGET", "Evals", "Suite", "read_evals"]

TARGET = Text(
    r"^(assistant|search|turns|(agent|model|endpoint):\S(.*\S)?|function:[^:\s]+\.py:[A-Za-z_]\w*|responses:\S(.*\S)?)$",
    "assistant, search, turns, agent:NAME, model:NAME, endpoint:NAME, function:FILE.py:NAME or responses:FILE",
    "Write one of these.",
)


@dataclass(frozen=True, slots=True)
class Suite:
    """A labelled set with what is asked and how it is judged. Files are named from the bundle's folder."""

    name: str
    cases: tuple[str, ...]
    target: str = "assistant"
    user: str = ASKER
    """Who asks where a case names nobody, in ``groups``."""
    groups: tuple[str, ...] = ()
    scorers: tuple[Declared, ...] = STANDARD
    repeats: int = 1
    stop_early: bool = False
    """Whether its run is left as soon as the gate's verdict on it is certain."""
    version: str = ""
    """For a function: what tells it from what it was before; see :class:`~aver.evals.targets.function.Function`."""


@dataclass(frozen=True, slots=True)
class Evals:
    """Everything declared."""

    suites: Mapping[str, Suite] = field(default_factory=dict)
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    judges: Mapping[str, JudgeDeclared] = field(default_factory=dict)
    flows: Mapping[str, Flow] = field(default_factory=dict)
    gate: tuple[Condition, ...] = ()


class _Body:
    """Any JSON mapping."""

    def read(self, value: YamlValue) -> dict[str, Any]:
        return {name.text(): inner.plain() for name, inner in keyed(value)}

    def write(self, value: Any) -> Any:
        return value

    def schema(self) -> Schema:
        return {"type": "object"}


_POINTER = Text(r"^(/[^/]*)+$", "a JSON Pointer such as /data/text")
_SUITE = record(
    Suite,
    cases=Field(ListOf(INSIDE, least=1), "Files of cases: JSON Lines, YAML or CSV.", required=True),
    target=Field(TARGET, "What is asked."),
    user=Field(NAME, "Who asks where a case names nobody."),
    groups=Field(NAMES, "The groups that user is in."),
    scorers=Field(ListOf(DeclaredScorer(), least=1), "How responses are judged."),
    repeats=Field(Whole(1, 100), "How often each case is asked."),
    stop_early=Field(Boolean(), "Whether the rest is left once the gate's verdict on it is certain."),
    version=Field(
        TEXT, "Of a function: what tells it from what it was before, so that its responses can be used again."
    ),
)
_ENDPOINT = record(
    Endpoint,
    url=Field(URL, "Where it is.", required=True),
    model=Field(TEXT, "The model's name there."),
    credential=Field(CREDENTIAL, "Where its key is."),
    body=Field(
        _Body(), "What is sent in place of a chat completion; {question} and the like stand for what the case says."
    ),
    answer=Field(_POINTER, "Where in the reply the answer is."),
    looked=Field(_POINTER, "Where in the reply a list of texts is that the answer was made from."),
    version=Field(TEXT, "What tells it from what it was before, so that its responses can be used again."),
)


EVALS = record(
    Evals,
    suites=Field(MapOf(NAME, _SUITE), "Labelled sets, what is asked of them and how it is judged.", optional=True),
    endpoints=Field(MapOf(NAME, _ENDPOINT), "Endpoints that suites may ask.", optional=True),
    judges=Field(JUDGES, "Models that judge, and what people said in their place.", optional=True),
    flows=Field(FLOWS, "What must not break, and how many cases each has.", optional=True),
    gate=Field(GATE, "What has to hold before a release is let through.", optional=True),
)


def read_evals(section: YamlValue) -> Evals:
    """Raises :class:`~aver.core.errors.SettingsError` with the line of what is misspelt or unknown. Files are looked for when they are needed."""
    if section.is_null:
        return Evals()
    evals: Evals = EVALS.read(section)
    named = {name.text(): inner for name, inner in keyed(section)}
    for place, suite in keyed(named["suites"]) if "suites" in named and not named["suites"].is_null else ():
        kind, _, name = evals.suites[place.text()].target.partition(":")
        if kind == "endpoint" and name not in evals.endpoints:
            target = next(inner for key, inner in keyed(suite) if key.text() == "target")
            raise target.error(f"there is no endpoint {name!r}", nearest(name, evals.endpoints))
    for place, flow in keyed(named["flows"]) if evals.flows else ():
        for wanted in evals.flows[place.text()].suites:
            _known(flow, wanted, evals)
    for place, condition in zip(named["gate"].items(), evals.gate, strict=True) if evals.gate else ():
        if condition.suite and condition.suite != REDTEAM:
            _known(place, condition.suite, evals)
    return evals


def _known(place: YamlValue, suite: str, evals: Evals) -> None:
    if suite not in evals.suites:
        advice = nearest(suite, evals.suites) if evals.suites else "Declare it under suites."
        raise place.error(f"there is no suite {suite!r}", advice)
