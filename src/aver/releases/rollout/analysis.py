"""What the figures of a rollout say: each metric's finding, and the verdict over all of them. Pure.

A metric that compares has two questions. Is the arm certainly worse than the control? Is it certainly no worse than what is allowed? The second goes
first: an arm that is worse by less than the margin passes. The first is asked of every metric, and answered yes by mistake in ``alpha`` of rollouts at
most, which metrics share by their weights (Bonferroni). The second has to be yes for all, so each may be wrong in ``proof`` of rollouts (an
intersection-union test: Berger, "Multiparameter hypothesis testing and acceptance sampling", 1982). Both hold at any number of looks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from aver.releases.rollout.assignment import expected
from aver.releases.rollout.measures import MEASURES, Measure
from aver.releases.rollout.observed import COUNT, Observed
from aver.releases.rollout.plan import Metric
from aver.releases.rollout.sequences import Estimate, compare, imbalance, level
from aver.releases.rollout.state import Rollout, Variant

__all__ = ["SPIKE_SHARE", "Analysis", "Finding", "Verdict", "analyse"]

Outcome = Literal["pass", "fail", "inconclusive"]
Verdict = Literal["success", "fail", "inconclusive"]
SPIKE_SHARE = 0.2
"""The part of ``alpha`` that is left to the detection of spikes."""
_MISMATCH = 0.001
"""The chance that a rollout whose arms are divided as they should be is ever said not to be."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one metric says of one variant. ``change``, ``low`` and ``high`` are as people say them: of shares a difference, of money, tokens and time a
    part of the control's; of a bound on the mean itself they are that mean. The two ends hold with errors of their own."""

    metric: str
    variant: str
    outcome: Outcome
    bound: str
    change: float | None
    low: float | None
    high: float | None
    control: float | None
    treated: float | None
    n: tuple[int, int]
    """Readings of the control and of the variant."""
    needed: int | None
    """Readings of the variant that would decide, at about this estimate, where it is inconclusive and that can be told."""
    explained: float
    turns: tuple[str, ...]
    """Those of the variant that weighed most against it."""
    said: str

    def record(self) -> dict[str, Any]:
        """For the evidence, JSON."""
        return {
            "metric": self.metric,
            "variant": self.variant,
            "outcome": self.outcome,
            "bound": self.bound,
            "change": self.change,
            "interval": [self.low, self.high],
            "control": self.control,
            "treated": self.treated,
            "n": list(self.n),
            "needed": self.needed,
            "turns": list(self.turns),
            "said": self.said,
        }


@dataclass(frozen=True, slots=True)
class Analysis:
    """``failed`` are variants that a metric speaks against. ``reasons`` say why the verdict is no success, the most important first."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    reasons: tuple[str, ...]
    failed: Mapping[str, str]
    """By variant, why."""
    turns: Mapping[str, int]
    """By arm, of the stage."""
    mismatch: Mapping[str, float]
    """By variant, the chi-square statistic of its part of the traffic, where that is not what it should be."""

    def record(self) -> dict[str, Any]:
        """For the evidence, JSON."""
        return {
            "verdict": self.verdict,
            "turns": dict(self.turns),
            "mismatch": dict(self.mismatch),
            "findings": [each.record() for each in self.findings],
        }


def analyse(rollout: Rollout, observed: Observed) -> Analysis:
    """What is known of the variants that are still tried, at the rollout's stage."""
    live = [variant for variant in rollout.variants if not variant.stopped]
    here = observed.turns[rollout.stage].sum(axis=1)
    turns = {arm: int(here[number]) for number, arm in enumerate(observed.arms)}
    mismatch = _mismatches(rollout, observed, live)
    findings = [
        _found(rollout, observed, variant, metric, balanced=not mismatch)
        for variant in live
        for metric in rollout.plan.metrics
    ]
    failed: dict[str, str] = {}
    for finding in findings:
        if finding.outcome == "fail":
            failed.setdefault(finding.variant, finding.said)
    reasons = [*failed.values(), *_invalid(mismatch), *_lacking(rollout, live, turns, findings)]
    if rollout.now.requires == "proven":
        reasons += [each.said for each in findings if each.outcome == "inconclusive" and not _absent(rollout, each)]
    verdict: Verdict = "success" if not reasons else "inconclusive"
    if live and len(failed) == len(live):
        verdict = "fail"
    return Analysis(verdict, tuple(findings), tuple(dict.fromkeys(reasons)), failed, turns, mismatch)


def _mismatches(rollout: Rollout, observed: Observed, live: list[Variant]) -> dict[str, float]:
    stages = range(rollout.stage + 1)
    parts = [expected(rollout, stage) for stage in stages]
    found = {}
    for variant in live:
        shares = np.array([part[variant.name] for part in parts])
        arm = observed.arms.index(variant.name)
        statistic, beyond = imbalance(observed.turns[: len(shares)], arm, shares, _MISMATCH / len(live))
        if beyond:
            found[variant.name] = round(statistic, 1)
    return found


def _invalid(mismatch: Mapping[str, float]) -> list[str]:
    said = []
    for name, statistic in mismatch.items():
        said.append(
            f"the arms are not divided as declared (sample ratio mismatch, {name}: chi-square {statistic:g}), so nothing may be concluded from "
            "comparing them"
        )
    return said


def _lacking(rollout: Rollout, live: list[Variant], turns: Mapping[str, int], findings: list[Finding]) -> list[str]:
    """What there is too little of. A control is only missed where the stage leaves one."""
    stage, said = rollout.now, []
    parts = expected(rollout, rollout.stage)
    for arm in (*(variant.name for variant in live), "control"):
        part = parts.get(arm, 1 - sum(parts.values()))
        if part < 1e-9:
            continue
        if turns[arm] == 0:
            said.append(f"{arm} has had no turn in this stage")
        elif turns[arm] < stage.samples:
            said.append(f"{arm} has had {turns[arm]} of {stage.samples} turns in this stage")
    for metric in rollout.plan.metrics:
        for finding in findings:
            if finding.metric != metric.metric or metric.optional:
                continue
            fewest = min(finding.n) if metric.compares else finding.n[1]
            if fewest == 0 and finding.change is None:
                said.append(f"there is no reading of {metric.metric}")
            elif metric.samples and fewest < metric.samples:
                said.append(f"there are {fewest} of {metric.samples} readings of {metric.metric}")
    return said


def _absent(rollout: Rollout, finding: Finding) -> bool:
    """Whether a finding is of an optional metric that has no readings."""
    optional = any(each.metric == finding.metric and each.optional for each in rollout.plan.metrics)
    return finding.change is None and optional


def _found(rollout: Rollout, observed: Observed, variant: Variant, metric: Metric, *, balanced: bool) -> Finding:
    plan, measure = rollout.plan, MEASURES[metric.metric]
    number, arm = observed.metrics.index(metric.metric), observed.arms.index(variant.name)
    weights = sum(each.weight for each in plan.metrics)
    harm = plan.alpha * (1 - SPIKE_SHARE) * metric.weight / weights / len(rollout.variants)
    # The bound for what is worse has the error of harm, the one for what is good enough that of proof; which is which end follows the measure.
    errors = (plan.proof, harm) if measure.sign > 0 else (harm, plan.proof)
    share = measure.scale == "share"
    if metric.compares:
        estimate = (
            compare(observed.sums[: observed.stages, :, :, number], arm, *errors, share=share) if balanced else None
        )
        return _compared(metric, variant, measure, estimate, observed, balanced=balanced)
    estimate = level(observed.sums[:, arm, :, number], *errors, share=share)
    return _levelled(metric, variant, measure, estimate, observed)


def _compared(
    metric: Metric, variant: Variant, measure: Measure, estimate: Estimate | None, observed: Observed, *, balanced: bool
) -> Finding:
    wanted = metric.better_by if metric.better_by is not None else -(metric.no_worse_by or 0.0)
    verb = f"better by {wanted:g}" if metric.better_by is not None else f"no worse by {-wanted:g}"
    line = math.copysign(measure.margin(abs(wanted)), wanted) if wanted else 0.0
    if estimate is None:
        said = (
            f"{metric.metric} of {variant.name} cannot be compared yet" if balanced else "the arms may not be compared"
        )
        return _empty(metric, variant, verb, _readings(observed, metric, variant), said)
    good = estimate if measure.sign > 0 else _mirrored(estimate)
    outcome: Outcome = "pass" if good.low > line else "fail" if good.high < 0 else "inconclusive"
    missing = _needed(good.value, line, good) if outcome == "inconclusive" else None
    change, low, high = (measure.change(each) for each in (estimate.value, estimate.low, estimate.high))
    said = _sentence(metric, variant, outcome, verb, change, (low, high), measure)
    control, treated = measure.plain(estimate.control), measure.plain(estimate.treated)
    turns = observed.worst(variant.name, metric.metric)
    return Finding(
        metric.metric,
        variant.name,
        outcome,
        verb,
        change,
        low,
        high,
        control,
        treated,
        estimate.n,
        missing,
        estimate.explained,
        turns,
        said,
    )


def _levelled(
    metric: Metric, variant: Variant, measure: Measure, estimate: Estimate | None, observed: Observed
) -> Finding:
    bound = metric.at_least if metric.at_least is not None else metric.at_most
    assert bound is not None, "a metric has one bound"
    verb = f"at {'least' if measure.sign > 0 else 'most'} {bound:g}"
    if estimate is None:
        said = f"{metric.metric} of {variant.name} is not known yet"
        return _empty(metric, variant, verb, _readings(observed, metric, variant), said)
    good = estimate if measure.sign > 0 else _mirrored(estimate)
    line = measure.sign * measure.scaled(bound)
    outcome: Outcome = "pass" if good.low >= line else "fail" if good.high < line else "inconclusive"
    missing = _needed(good.value, line, good) if outcome == "inconclusive" else None
    value, low, high = (measure.plain(each) for each in (estimate.value, estimate.low, estimate.high))
    if measure.scale == "share":
        low, high = max(low, 0.0), min(high, 1.0)
    ends = {"pass": "is", "fail": "is not", "inconclusive": "may or may not be"}[outcome]
    said = f"{metric.metric} of {variant.name} {ends} {verb}: {value:.4g} [{low:.4g}, {high:.4g}]"
    turns = observed.worst(variant.name, metric.metric)
    return Finding(
        metric.metric, variant.name, outcome, verb, value, low, high, None, value, estimate.n, missing, 0.0, turns, said
    )


def _empty(metric: Metric, variant: Variant, verb: str, n: tuple[int, int], said: str) -> Finding:
    blank = (None, None, None, None, None)
    return Finding(metric.metric, variant.name, "inconclusive", verb, *blank, n, None, 0.0, (), said)


def _readings(observed: Observed, metric: Metric, variant: Variant) -> tuple[int, int]:
    number, arm = observed.metrics.index(metric.metric), observed.arms.index(variant.name)
    counts = observed.sums[: observed.stages + 1, :, :, number, COUNT].sum(axis=(0, 2))
    return int(counts[0]), int(counts[arm])


def _mirrored(estimate: Estimate) -> Estimate:
    """So that more is better."""
    return Estimate(
        -estimate.value, -estimate.high, -estimate.low, estimate.information, estimate.deviation, n=estimate.n
    )


def _needed(value: float, line: float, estimate: Estimate) -> int | None:
    """Readings of the variant at which the bound would meet the line, were the estimate the truth. ``None`` where it lies on the line, or nearly."""
    distance = abs(value - line)
    reached = abs(estimate.value - (estimate.low if value > line else estimate.high))
    if distance <= 0.02 * reached or reached == 0:
        return None
    return math.ceil(estimate.n[1] * (reached / distance) ** 2)


def _sentence(
    metric: Metric,
    variant: Variant,
    outcome: Outcome,
    verb: str,
    change: float,
    ends: tuple[float, float],
    measure: Measure,
) -> str:
    unit, times = (" points", 100) if measure.scale == "share" else (" %", 100)
    ends_with = {"pass": "is", "fail": "is certainly worse, not", "inconclusive": "may or may not be"}[outcome]
    if outcome == "pass" and metric.better_by is None:
        ends_with = "is certainly"
    low, high = ends
    return f"{metric.metric} of {variant.name} {ends_with} {verb}: {change * times:+.1f}{unit} [{low * times:+.1f}, {high * times:+.1f}]"
