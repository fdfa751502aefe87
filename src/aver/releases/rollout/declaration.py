"""The section ``rollout`` of ``aver.yaml``, said once: reader, writer and schema follow it.

::

    rollout:
      unit: user
      stages:
        - {groups: [pilots], percent: 100, least: 1d}
        - {percent: 5, least: 1h, samples: 50}
        - {percent: 25, least: 6h, samples: 200}
        - {percent: 50, samples: 500, requires: proven}
      metrics:
        - {metric: groundedness, no_worse_by: 0.03, weight: 3}
        - {metric: failed, at_most: 0.02}
        - {metric: cost_usd, no_worse_by: 0.2}
        - {metric: feedback, no_worse_by: 0.05, optional: true}
      shadow: {percent: 10, usd: 5}
      holdout: {percent: 2, lasting: 30d}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from aver.core.canonical import canonical_json, sha256_hex
from aver.core.yaml import YamlValue
from aver.gateway.config.quantities import Duration
from aver.gateway.config.shapes import Boolean, Choice, Field, ListOf, Number, Record, Whole, keyed
from aver.gateway.config.words import NAMES, parts, record
from aver.releases.rollout.measures import MEASURES
from aver.releases.rollout.plan import Holdout, Metric, Plan, Requirement, Shadow, Spikes, Stage, UnitKind

__all__ = ["METRIC", "ROLLOUT", "plan_digest", "read_plan", "written"]

_MOST_STAGES = 20
_MOSTMETRICS = 16
_DURATION = Duration()
_BOUNDS = ("no_worse_by", "better_by", "at_least", "at_most")

_STAGE = record(
    Stage,
    percent=Field(Number(0, 100, above=True), "How many of those who match get the candidate.", required=True),
    tenants=Field(NAMES, "Only these tenants match."),
    users=Field(NAMES, "Only these users match, as NAME or TENANT/NAME."),
    groups=Field(NAMES, "Only users in one of these groups match."),
    least=Field(_DURATION, "How long the stage lasts at least."),
    samples=Field(Whole(1), "How many turns each arm has in it at least."),
    requires=Field(Choice("end of a stage", get_args(Requirement)), "What ends the stage well."),
)
METRIC = record(
    Metric,
    metric=Field(Choice("metric", tuple(MEASURES)), "What is measured of turns.", required=True),
    no_worse_by=Field(Number(0, 10), "By how much the candidate may be worse than the control."),
    better_by=Field(Number(0, 10), "By how much the candidate has to be better than the control."),
    at_least=Field(Number(), "What the candidate's own mean has to reach."),
    at_most=Field(Number(), "What the candidate's own mean may come to."),
    weight=Field(Number(0, 100, above=True), "Its part of alpha, beside those of the others."),
    samples=Field(Whole(0), "How many readings each arm needs."),
    optional=Field(Boolean(), "Whether it may go without readings."),
)
_SHADOW = record(
    Shadow,
    percent=Field(
        Number(0, 100, above=True), "How many of the control's turns the candidate answers too.", required=True
    ),
    usd=Field(Number(0, 1e6), "What that may cost in all.", required=True),
    at_once=Field(Whole(1, 64), "How many of them run at once, in one process."),
)
_HOLDOUT = record(
    Holdout,
    percent=Field(Number(0, 50, above=True), "How many keep the old release.", required=True),
    lasting=Field(_DURATION, "How long beyond the promotion."),
)
_SPIKES = record(Spikes, times=Field(Number(1.2, 100), "How many times the tokens are a spike."))


class _Spikes:
    """``off`` for none, else its fields."""

    def read(self, value: YamlValue) -> Spikes | None:
        if value.node.value == "off":
            return None
        read: Spikes = _SPIKES.read(value)
        return read

    def write(self, value: Spikes | None) -> Any:
        return "off" if value is None else _SPIKES.write(value)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"const": "off"}, _SPIKES.schema()]}


ROLLOUT = Record(
    Plan,
    {
        "stages": Field(ListOf(_STAGE, least=1), "Who gets the candidate, step by step.", required=True),
        "metrics": Field(ListOf(METRIC, least=1), "What is watched, and what it may come to.", required=True),
        "unit": Field(Choice("unit", get_args(UnitKind)), "What gets one arm and keeps it."),
        "alpha": Field(
            Number(0, 0.5, above=True), "The chance that a candidate that is no worse is rolled back, at most."
        ),
        "proof": Field(
            Number(0, 0.5, above=True), "The chance that one that is worse than allowed is promoted, at most."
        ),
        "shadow": Field(_SHADOW, "Turns that the candidate answers too, unseen.", optional=True),
        "holdout": Field(_HOLDOUT, "Who keeps the old release beyond the promotion.", optional=True),
        "spikes": Field(_Spikes(), "When a sudden rise of tokens ends it; off for never."),
    },
    parts,
)


def read_plan(section: YamlValue) -> Plan:
    """The section ``rollout`` of a bundle. Raises :class:`~aver.core.errors.SettingsError` with the line of what is misspelt, unknown or
    contradictory."""
    plan: Plan = ROLLOUT.read(section)
    places = {name.text(): value for name, value in keyed(section)}
    if len(plan.stages) > _MOST_STAGES or len(plan.metrics) > _MOSTMETRICS:
        cause = f"there are {len(plan.stages)} stages and {len(plan.metrics)} metrics"
        raise section.error(cause, f"Declare at most {_MOST_STAGES} stages and {_MOSTMETRICS} metrics.")
    _check_stages(plan, places["stages"].items())
    _check_metrics(plan, places["metrics"].items())
    return plan


def written(plan: Plan) -> Mapping[str, Any]:
    """The plan as :func:`read_plan` reads it back, JSON."""
    return ROLLOUT.write(plan)


def plan_digest(plan: Plan) -> str:
    """SHA-256 of what is declared, hexadecimal: a rollout goes by the plan that it began with, whatever becomes of the bundle's."""
    return sha256_hex(canonical_json(dict(written(plan))))


def _check_stages(plan: Plan, places: list[YamlValue]) -> None:
    widest = 0.0
    for stage, place in zip(plan.stages, places, strict=True):
        if not stage.targeted and stage.percent < widest:
            cause = f"this stage has {stage.percent:g} percent, and one before it {widest:g}"
            raise place.error(cause, "Let the percent grow: whoever got the candidate keeps it.")
        widest = widest if stage.targeted else max(widest, stage.percent)


def _check_metrics(plan: Plan, places: list[YamlValue]) -> None:
    seen: set[str] = set()
    for metric, place in zip(plan.metrics, places, strict=True):
        bounds = [name for name in _BOUNDS if getattr(metric, name) is not None]
        if len(bounds) != 1:
            found = " and ".join(bounds) or "none"
            raise place.error(
                f"the metric {metric.metric!r} needs one bound, and has {found}", f"Give one of {', '.join(_BOUNDS)}."
            )
        bound, measure = getattr(metric, bounds[0]), MEASURES[metric.metric]
        wrong = "at_most" if measure.better == "more" else "at_least"
        if bounds[0] == wrong:
            right = "at_least" if measure.better == "more" else "at_most"
            raise place.error(f"of {metric.metric!r}, {measure.better} is better", f"Write {right}.")
        if measure.scale == "share" and bound > 1:
            raise place.error(f"{metric.metric!r} is a share, and {bound:g} is above 1", "Write 0.03 for three points.")
        if metric.no_worse_by == 0:
            cause = f"that {metric.metric!r} is no worse by exactly nothing can never be proven"
            raise place.error(cause, "Say by how much it may be worse, or better_by: 0 for an improvement.")
        key = f"{metric.metric} {bounds[0]}"
        if key in seen:
            raise place.error(f"{metric.metric!r} has this bound twice", "Keep one of the two.")
        seen.add(key)
