"""Whether runs meet what is required of them.

A condition passes when all of its 95 % interval keeps to the bound, and fails when none of it does; between, and wherever something
keeps the run from being trusted, it is inconclusive, which is no pass.

A gate passes only if every condition does, so a release that breaks one of them gets through no more often than that one condition lets
it: nothing is corrected (Berger, "Multiparameter hypothesis testing and acceptance sampling", 1982). A failure is another claim. Of many
slices one falls below by luck, so a condition on each of them fails only where Holm's correction over the slices still says so ("A simple
sequentially rejective multiple test procedure", 1979).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from aver.core.errors import InvalidInput
from aver.core.yaml import nearest
from aver.evals.gates.estimating import change, factor, figure, tail
from aver.evals.gates.saying import amount, between, counted, moved
from aver.evals.gates.saying import share as said_share
from aver.evals.gates.sheet import Sheet, columns, measures, shown_value, slices
from aver.evals.gates.types import EACH, Condition, GateOutcome, Judged, Verdict, fewer_is_better
from aver.evals.statistics.intervals import CONFIDENCE, Interval, wilson
from aver.evals.statistics.judgement import judged as by_interval
from aver.evals.statistics.judgement import telling

__all__ = ["Trial", "check_required", "judge"]

_ERROR = (1 - CONFIDENCE) / 2
_NAMED = 200
"""Cases that a condition names at most."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A suite's run as it stands before the gate."""

    suite: str
    run: Sheet
    baseline: Sheet | None = None
    objections: tuple[str, ...] = ()
    """Why the run cannot pass, whatever its figures: :func:`~aver.evals.gates.admitting.objections`."""
    doubted: Mapping[str, str] = field(default_factory=dict)
    """By judge, why it may not decide; its measures begin with its name."""
    incomparable: tuple[str, ...] = ()
    """Why nothing can be held against the baseline."""


def judge(conditions: Sequence[Condition], trials: Sequence[Trial]) -> Verdict:
    """The gate's verdict on these suites.

    Raises :class:`~aver.core.errors.InvalidInput` for a suite without any condition, and for a condition on a suite, a measure or a slice
    that there is not.
    """
    check_required(conditions, [trial.suite for trial in trials])
    found: list[Judged] = []
    for trial in trials:
        for condition in conditions:
            if condition.suite in ("", trial.suite):
                found += _judged(condition, trial)
    return Verdict(_together(each.outcome for each in found), tuple(found), {t.suite: t.objections for t in trials})


def check_required(conditions: Sequence[Condition], suites: Sequence[str]) -> None:
    """Raises :class:`~aver.core.errors.InvalidInput` for a suite of which nothing is required, and for a condition on none of them."""
    for condition in conditions:
        if condition.suite and condition.suite not in suites:
            raise InvalidInput(
                f"{condition.text!r} is about a suite that has no run here", nearest(condition.suite, suites)
            )
    for suite in suites:
        if not any(each.suite in ("", suite) for each in conditions):
            raise InvalidInput(
                f"Nothing is required of the suite {suite!r}", "Declare it under evals: gate:, or give --require."
            )


def _together(outcomes: Iterable[GateOutcome]) -> GateOutcome:
    every = set(outcomes)
    return "fail" if "fail" in every else "inconclusive" if "inconclusive" in every else "pass"


def _judged(condition: Condition, trial: Trial) -> list[Judged]:
    """One, or one a slice. What the figures say first; then what keeps them from being relied on."""
    names = _slices(condition, trial)
    judged = [_of_slice(condition, trial, name) for name in names]
    if condition.slice == EACH:
        judged = _corrected(judged)
    return [_held(each, condition, trial) for each in judged]


def _slices(condition: Condition, trial: Trial) -> list[str]:
    known = slices(trial.run, condition.measure)
    measured = measures(trial.run.rows.values())
    if not measured:
        return [condition.slice]  # nothing was scored, which is for its errors to decide
    if condition.measure not in measured and trial.run.complete:
        raise InvalidInput(
            f"{condition.text!r}: the run of {trial.suite} has no {condition.measure!r}",
            nearest(condition.measure, measured),
        )
    if condition.slice not in ("", EACH, *known) or (condition.slice == EACH and not known):
        asked = "any tag" if condition.slice == EACH else f"the tag {condition.slice!r}"
        raise InvalidInput(
            f"{condition.text!r}: no case of {trial.suite} that has the measure has {asked}",
            nearest(condition.slice, known or ["no tags"]),
        )
    return known if condition.slice == EACH else [condition.slice]


def _of_slice(condition: Condition, trial: Trial, tag: str) -> Judged:
    judged = Judged(
        condition.text, trial.suite, condition.measure, tag, "inconclusive", "", None, condition.bound, condition.upward
    )
    names, rows = columns(trial.run, condition.measure, tag)
    if not names:
        return replace(judged, said=f"no case has {condition.measure}")
    if not condition.compares:
        found = figure(rows, condition.measure, peeked=bool(trial.run.header.stop_early))
        return _against_bound(judged, found, _weak(condition, trial.run, None, names))
    if trial.baseline is None:
        return replace(judged, said="there is no baseline to hold it against", found=None)
    if trial.incomparable:
        return replace(judged, said=trial.incomparable[0])
    if _one_and_the_same(trial.run, trial.baseline):
        value = figure(rows, condition.measure).value
        return replace(
            judged, outcome="pass", said="the baseline is the same release", before=value, after=value, found=None
        )
    return _against_baseline(condition, trial, judged)


def _one_and_the_same(run: Sheet, baseline: Sheet) -> bool:
    """A release is no worse than itself, whatever two runs of it happened to give."""
    one, other = run.header, baseline.header
    return bool(one.target_digest) and (one.target_digest, one.release) == (other.target_digest, other.release)


def _against_baseline(condition: Condition, trial: Trial, judged: Judged) -> Judged:
    assert trial.baseline is not None, "who asks has looked"
    measure, old = condition.measure, trial.baseline
    names, after = columns(trial.run, measure, judged.slice, [name for name in trial.run.rows if name in old.rows])
    kept = [place for place, name in enumerate(names) if shown_value(old.rows[name], measure) is not None]
    names, after = [names[place] for place in kept], after[kept]
    if not names:
        return replace(judged, said=f"no case has {measure} in both runs")
    _, before = columns(old, measure, "", names)
    before[:, 2] = after[:, 2]  # the clusters are those of the run that is judged
    if condition.no_more_than is not None:
        if before[:, 0].sum() <= 0:
            return replace(judged, said=f"the baseline has no {measure} to take a factor of")
        found = factor(before, after)
        sides = figure(before, measure).value, figure(after, measure).value
    else:
        difference = change(before, after)
        found = Interval(difference.value, difference.low, difference.high, difference.n, difference.method)
        sides = difference.before, difference.after
    weak = _weak(condition, trial.run, old, names)
    return replace(_against_bound(judged, found, weak), before=sides[0], after=sides[1])


def _against_bound(judged: Judged, found: Interval, weak: tuple[str, ...]) -> Judged:
    said = by_interval(found, judged.bound, less_is_better=not judged.upward)
    return replace(
        judged,
        outcome=said.outcome,
        found=found,
        said=_said(judged, found),
        needed=said.needed,
        cases=() if said.outcome == "pass" else weak,
    )


def _said(judged: Judged, found: Interval) -> str:
    n = counted(found.n, "case")
    condition = judged.condition
    if "baseline" in condition:
        return f"{moved(judged.measure, found.value)} against the baseline ({between(judged.measure, found, signed=True)}, {n})"
    if condition.endswith("x"):
        spread = "too few to say" if found.low is None else f"{found.low:.2f} to {found.high:.2f}"
        return f"{found.value:.2f} times the baseline's ({spread}, {n})"
    return f"{amount(judged.measure, found.value)} ({between(judged.measure, found)}, {n})"


def _corrected(judged: Sequence[Judged]) -> list[Judged]:
    """Failures over slices that stand up to Holm's correction stay; the others are inconclusive."""
    chances = []
    for place, each in enumerate(judged):
        if each.found is not None and each.found.low is not None and each.found.high is not None:
            edge = each.found.high if each.upward else each.found.low
            beyond = each.found.value < each.bound if each.upward else each.found.value > each.bound
            chances.append((tail(each.found.value, edge, each.bound) if beyond else 1.0, place))
    chances.sort()
    sure: set[int] = set()
    for rank, (chance, place) in enumerate(chances):
        if chance * (len(chances) - rank) > _ERROR:
            break
        sure.add(place)
    return [
        each
        if each.outcome != "fail" or place in sure
        else replace(
            each,
            outcome="inconclusive",
            said=f"{each.said}; of {len(judged)} slices one may fall so low by luck",
            needed=None if each.found is None else telling(each.found, each.bound),
        )
        for place, each in enumerate(judged)
    ]


def _held(judged: Judged, condition: Condition, trial: Trial) -> Judged:
    """A failure stands; a pass has to be worth something."""
    if broken := _errors(condition, trial.run):
        return replace(judged, outcome="fail", said=broken)
    if judged.outcome == "fail":
        return judged
    reasons = ["its run cannot pass"] if trial.objections else []
    reasons += [
        why
        for judge, why in trial.doubted.items()
        if condition.measure == judge or condition.measure.startswith(f"{judge}_")
    ]
    if judged.found is not None and judged.found.n < condition.least_cases:
        reasons.append(f"{condition.least_cases} cases are wanted")
        judged = replace(judged, needed=max(condition.least_cases, judged.needed or 0))
    if (share := _share_of_errors(trial.run)) > condition.errors_at_most:
        reasons.append(f"too many asks ended with an error, {said_share(share)}")
    if not reasons:
        return judged
    return replace(judged, outcome="inconclusive", said="; ".join([judged.said, *reasons]))


def _share_of_errors(run: Sheet) -> float:
    return run.errors / run.asked if run.asked else 0.0


def _errors(condition: Condition, run: Sheet) -> str:
    """What to say of a run whose errors are more than chance would make of as many as may be."""
    if run.errors and run.asked:
        share = _share_of_errors(run)
        if wilson(share, run.asked)[0] > condition.errors_at_most:
            return f"{run.errors} of {run.asked} asks ended with an error, where {condition.errors_at_most:.0%} may"
    return ""


def _weak(condition: Condition, run: Sheet, baseline: Sheet | None, names: Sequence[str]) -> tuple[str, ...]:
    """Cases that speak against it, the worst first: alone they would not keep to the bound, or lost against the baseline."""
    measure = condition.measure
    worth: Callable[[float], float] = (lambda each: -each) if fewer_is_better(measure) else (lambda each: each)
    found = []
    for name in names:
        value = shown_value(run.rows[name], measure)
        before = None if baseline is None else shown_value(baseline.rows[name], measure)
        assert value is not None, "it has the measure"
        if before is not None:
            # Against a factor the baseline may grow by it first.
            lost = worth(before * (condition.no_more_than or 1)) - worth(value)
            if lost > 1e-9:
                found.append((-lost, name))
        elif (value < condition.bound) if condition.upward else (value > condition.bound):
            found.append((worth(value), name))
    order = np.argsort([worst for worst, _ in found], kind="stable")
    return tuple(found[place][1] for place in order[:_NAMED])
