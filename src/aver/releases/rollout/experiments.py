"""Experiments: several releases beside each other, on the machinery of rollouts. The section ``experiments`` of ``aver.yaml``::

    experiments:
      answer_length:
        variants: {short: {release: "tag:short", weight: 1}, long: {release: "tag:long"}}
        percent: 60          # of everybody, over all variants; the rest is control
        least: 7d
        samples: 500
        metrics:
          - {metric: feedback, better_by: 0}           # what it is made for
          - {metric: groundedness, no_worse_by: 0.02}  # guardrails
          - {metric: cost_usd, no_worse_by: 0.1}

An experiment promotes nobody: it ends with a result, or stops a variant that a guardrail speaks against.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

from aver.core.canonical import canonical_json
from aver.core.yaml import YamlValue, parse_yaml
from aver.gateway.config.quantities import Duration
from aver.gateway.config.shapes import Choice, Field, ListOf, MapOf, Number, Text, Whole, keyed
from aver.gateway.config.words import TEXT, record
from aver.releases.rollout.analysis import Analysis, Finding
from aver.releases.rollout.declaration import METRIC, read_plan, written
from aver.releases.rollout.plan import Metric, Plan, Stage, UnitKind
from aver.releases.rollout.state import Rollout

__all__ = ["EXPERIMENTS", "Experiment", "Tried", "read_experiments", "result"]

NAMED = Text(r"^[a-z][a-z0-9_-]{0,39}$", "a name of small letters, digits, dashes and underscores", longest=40)
"""Arms are named so that their names may stand in evidence."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A variant: a release by tag or digest."""

    name: str
    release: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Experiment:
    """As declared."""

    name: str
    variants: Mapping[str, Tried]
    metrics: tuple[Metric, ...]
    percent: float = 50.0
    least: float = 0.0
    samples: int = 100
    unit: UnitKind = "user"
    alpha: float = 0.05
    groups: tuple[str, ...] = field(default=())

    def plan(self) -> Plan:
        """One stage, which ends once every metric is certain."""
        stage = Stage(self.percent, groups=self.groups, least=self.least, samples=self.samples, requires="proven")
        return Plan((stage,), self.metrics, self.unit, self.alpha, self.alpha)

    def weights(self) -> dict[str, float]:
        return {name: each.weight for name, each in self.variants.items()}


_TRIED = record(
    Tried,
    release=Field(TEXT, "A release, by tag or digest.", required=True),
    weight=Field(Number(0, 1000, above=True), "Its part of what is not control, beside the others'."),
)
EXPERIMENT = record(
    Experiment,
    variants=Field(MapOf(NAMED, _TRIED), "What is tried beside what the environment serves.", required=True),
    metrics=Field(ListOf(METRIC, least=1), "What it is made for, and what it must not harm.", required=True),
    percent=Field(Number(0, 100, above=True, below=True), "How many get a variant, of any kind."),
    least=Field(Duration(), "How long it lasts at least."),
    samples=Field(Whole(1), "How many turns each arm has at least."),
    unit=Field(Choice("unit", get_args(UnitKind)), "What gets one arm and keeps it."),
    alpha=Field(Number(0, 0.5, above=True), "The chance of a wrong result, either way."),
    groups=Field(ListOf(TEXT), "Only users in one of these groups take part."),
)
EXPERIMENTS = MapOf(NAMED, EXPERIMENT)


def read_experiments(section: YamlValue) -> dict[str, Experiment]:
    """The section ``experiments`` of a bundle. Raises :class:`~aver.core.errors.SettingsError` with the line of what is misspelt, unknown or
    contradictory."""
    if section.is_null:
        return {}
    found: dict[str, Experiment] = EXPERIMENTS.read(section)
    for name, value in keyed(section):
        one = found[name.text()]
        if not one.variants:
            raise value.error(f"the experiment {one.name!r} tries nothing", "Name a variant and its release.")
        if {"control", "holdout"} & set(one.variants):
            raise value.error("a variant cannot be called control or holdout", "Choose another name.")
        # What holds for the metrics of a rollout holds for these.
        read_plan(parse_yaml(canonical_json(dict(written(one.plan()))).decode(), f"experiment {one.name}"))
    return found


def result(rollout: Rollout, analysis: Analysis) -> str:
    """What came of an experiment in a few sentences, for whoever decides: which variant is best, by how much, at what price, and what is not known."""
    said = []
    for variant in rollout.variants:
        mine = [each for each in analysis.findings if each.variant == variant.name]
        if variant.stopped:
            said.append(f"{variant.name} was stopped.")
            continue
        wanted = [each for each in mine if each.bound.startswith("better")]
        harmed = [each for each in mine if each.outcome == "fail"]
        open_ = [each for each in mine if each.outcome == "inconclusive"]
        if harmed:
            said.append(f"{variant.name} does harm: {'; '.join(each.said for each in harmed)}.")
        elif open_:
            said.append(f"{variant.name} is not decided: {'; '.join(each.said + _more(each) for each in open_)}.")
        elif wanted:
            said.append(f"{variant.name} is better: {'; '.join(each.said for each in wanted)}; nothing else is harmed.")
        else:
            said.append(f"{variant.name} does no harm beyond what is allowed.")
    turns = ", ".join(f"{count:,} of {arm}" for arm, count in analysis.turns.items())
    return " ".join([*said, f"Turns: {turns}."])


def _more(finding: Finding) -> str:
    return f" (about {finding.needed:,} readings would decide)" if finding.needed else ""
