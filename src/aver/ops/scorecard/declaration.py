"""The section ``scorecard`` of ``aver.yaml``: what is asked of figures, in their units.

::

    scorecard:
      targets:
        task_success_rate: 0.9
        model_spend: 500        # US dollars in 30 days
        p95_latency: 4          # seconds
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aver.core.yaml import YamlValue
from aver.gateway.config.shapes import Field, Number, Record
from aver.gateway.config.words import record
from aver.ops.scorecard.definitions import KPIS
from aver.ops.scorecard.types import Kpi

__all__ = ["SCORECARD", "ScorecardConfig", "read_scorecard"]


@dataclass(frozen=True, slots=True)
class ScorecardConfig:
    """The section ``scorecard`` of a bundle. ``targets`` by the key of their KPI, in its unit."""

    targets: Mapping[str, float] = field(default_factory=dict)

    def target(self, kpi: Kpi) -> float | None:
        """What is asked of it."""
        return self.targets.get(kpi.key, kpi.target)


def _target(kpi: Kpi) -> Field:
    most = 1.0 if kpi.unit == "share" else 1e12
    asked = "no more than this" if kpi.better == "less" else "this, or more"
    unit = "a share" if kpi.unit == "share" else f"{kpi.unit}{', of 30 days' if kpi.monthly else ''}"
    return Field(Number(0, most), f"{kpi.about} It is to be {asked}: {unit}.")


def _targets(**given: float) -> Mapping[str, float]:
    return given


def _written(targets: Mapping[str, float]) -> Mapping[str, Any]:
    return targets


_TARGETS = Record(_targets, {kpi.key: _target(kpi) for kpi in KPIS}, _written)
SCORECARD = record(ScorecardConfig, targets=Field(_TARGETS, "What is asked of figures; each has its own, if left out."))


def read_scorecard(section: YamlValue) -> ScorecardConfig:
    """The section, checked. Raises :class:`~aver.core.errors.SettingsError` with the line of what is misspelt or out of bounds."""
    if section.is_null:
        return ScorecardConfig()
    config: ScorecardConfig = SCORECARD.read(section)
    return config
