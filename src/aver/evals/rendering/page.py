"""A verdict, a comparison or a run as one HTML file: no network, readable without script, and every case in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup

from aver.evals.gates.comparing import Change, Comparison, compare
from aver.evals.gates.figures import Figures, figures
from aver.evals.gates.judging import Trial
from aver.evals.gates.saying import amount, between, change_between, counted, moved
from aver.evals.gates.sheet import Sheet
from aver.evals.gates.telling import tell_comparison, tell_judged, told_verdict
from aver.evals.gates.types import Judged, Verdict, unbounded
from aver.evals.rendering.bands import UNIT, Scale, band, scale_of
from aver.evals.rendering.document import render
from aver.evals.rendering.entries import entries
from aver.evals.rendering.types import Document, Line, Multiple, Section
from aver.evals.running.file import Run
from aver.evals.statistics.intervals import Interval
from aver.evals.types import Case, RunHeader

__all__ = ["comparison_page", "gate_page", "run_page"]

_SLICES = 60
"""Slices that are drawn of one measure; the command line has them all."""


def gate_page(
    verdict: Verdict,
    trials: Sequence[Trial],
    runs: Mapping[str, Run],
    baselines: Mapping[str, Run],
    cases: Mapping[str, Case],
) -> str:
    """The page of a gate; ``runs`` and ``baselines`` by suite, for their responses."""
    sections = []
    for trial in trials:
        judged = [each for each in verdict.judged if each.suite == trial.suite]
        against: dict[str, list[str]] = {}
        for each in judged:
            for name in each.cases if each.outcome != "pass" else ():
                against.setdefault(name, []).append(each.condition)
        found = figures(trial.run)
        comparison = compare(trial.baseline, trial.run) if _comparable(trial) and trial.baseline else None
        changed, unchanged = _changes(comparison) if comparison else ([], [])
        sections.append(
            Section(
                trial.suite,
                _facts(trial.run.header, trial.run, trial.baseline),
                conditions=[_condition(each) for each in judged],
                objections=verdict.objections.get(trial.suite, ()),
                sentences=list(tell_comparison(comparison, "the baseline", "this run")) if comparison else (),
                changes=changed,
                unchanged=unchanged,
                lines=_lines(found),
                multiples=_multiples(found),
                entries=entries(
                    trial.suite,
                    trial.run,
                    runs.get(trial.suite),
                    trial.baseline,
                    baselines.get(trial.suite),
                    cases,
                    against,
                ),
            )
        )
    return render(Document(verdict.outcome, told_verdict(verdict), "Gate", sections))


def comparison_page(
    comparison: Comparison, sheets: tuple[Sheet, Sheet], runs: tuple[Run, Run], cases: Mapping[str, Case]
) -> str:
    """The page of two runs, the earlier first."""
    before, after = sheets
    leading = comparison.changes[comparison.leading].difference.verdict
    told = list(tell_comparison(comparison))
    changed, unchanged = _changes(comparison)
    found = figures(after)
    section = Section(
        after.header.suite,
        _facts(after.header, after, before),
        sentences=told[1:],
        changes=changed,
        unchanged=unchanged,
        lines=_lines(found),
        multiples=_multiples(found),
        entries=entries(after.header.suite, after, runs[1], before, runs[0], cases, leading=comparison.leading),
    )
    return render(Document(leading, told[0], "Comparison", [section]))


def run_page(sheet: Sheet, run: Run, cases: Mapping[str, Case]) -> str:
    """The page of one run."""
    header = sheet.header
    whole = "" if sheet.complete else " The run is not whole."
    told = f"{counted(len(sheet.rows), 'case')} of {header.suite} with {counted(sheet.errors, 'error')}.{whole}"
    found = figures(sheet)
    section = Section(
        header.suite,
        _facts(header, sheet, None),
        lines=_lines(found),
        multiples=_multiples(found),
        entries=entries(header.suite, sheet, run, cases=cases),
    )
    return render(Document("measured", told, "Run", [section]))


def _comparable(trial: Trial) -> bool:
    return (
        trial.baseline is not None
        and not trial.incomparable
        and any(name in trial.baseline.rows for name in trial.run.rows)
    )


def _facts(header: RunHeader, sheet: Sheet, baseline: Sheet | None) -> list[tuple[str, str]]:
    found = [
        ("asked", header.target),
        ("release", header.release),
        ("set", f"{header.dataset}, {header.dataset_digest[:12]}"),
        ("cases", f"{len(sheet.rows):,}" + (f", each {header.repeats} times" if header.repeats > 1 else "")),
        ("errors", f"{sheet.errors:,}"),
        ("begun", header.started),
        ("by", header.software),
    ]
    if baseline is not None:
        other = baseline.header
        found.insert(2, ("against", other.release or f"{other.target}, begun {other.started}"))
    return [(name, value) for name, value in found if value]


def _lines(found: Figures) -> list[Line]:
    return [_line(name, name, each, _scale(name, [each])) for name, each in found["overall"].items()]


def _multiples(found: Figures) -> list[Multiple]:
    multiples = []
    for measure, overall in found["overall"].items():
        some = {tag: by[measure] for tag, by in found["slices"].items() if measure in by}
        if some:
            scale = _scale(measure, [overall, *some.values()])
            shown = list(some.items())[:_SLICES]
            drawn = [_line("all", measure, overall, scale), *(_line(tag, measure, each, scale) for tag, each in shown)]
            multiples.append(Multiple(measure, drawn, len(some) - len(shown)))
    return multiples


def _scale(measure: str, found: Iterable[Interval]) -> Scale:
    return scale_of([end for each in found for end in (each.value, each.high)]) if unbounded(measure) else UNIT


def _line(name: str, measure: str, found: Interval, scale: Scale) -> Line:
    value, spread = amount(measure, found.value), between(measure, found)
    said = f"{name}: {value}, {spread}"
    return Line(name, value, spread, f"{found.n:,}", band(found.value, found.low, found.high, scale, said))


def _condition(judged: Judged) -> Line:
    name = judged.condition if judged.slice in ("", "*") else f"{judged.condition} · {judged.slice}"
    told = tell_judged(judged)
    found = judged.found
    if found is None:
        return Line(name, "", "", "", Markup(""), judged.outcome, told)
    absolute = judged.before is None and not unbounded(judged.measure)
    ends = [found.value, found.low, found.high, judged.bound]
    around = judged.before is not None and not judged.condition.endswith("x")
    scale = UNIT if absolute else scale_of(ends, around_zero=around)
    drawn = band(found.value, found.low, found.high, scale, f"{name}: {told}", judged.bound)
    return Line(name, "", "", f"{found.n:,}", drawn, judged.outcome, told)


def _changes(comparison: Comparison) -> tuple[list[Line], list[Line]]:
    """What is better or worse, and the rest."""
    every = comparison.changes
    points = scale_of(
        [end for name, each in every.items() if not unbounded(name) for end in _ends(each)], around_zero=True
    )
    changed: list[Line] = []
    unchanged: list[Line] = []
    for name, each in every.items():
        scale = scale_of(_ends(each), around_zero=True) if unbounded(name) else points
        difference = each.difference
        value, spread = moved(name, difference.value), change_between(name, difference.low, difference.high)
        said = f"{amount(name, difference.before)} → {amount(name, difference.after)}; {each.better:,} better, {each.worse:,} worse"
        drawn = band(difference.value, difference.low, difference.high, scale, f"{name}: {value}, {spread}")
        line = Line(name, value, spread, f"{difference.n:,}", drawn, difference.verdict, said)
        (unchanged if difference.verdict == "inconclusive" else changed).append(line)
    return changed, unchanged


def _ends(change: Change) -> list[float | None]:
    return [change.difference.value, change.difference.low, change.difference.high]
