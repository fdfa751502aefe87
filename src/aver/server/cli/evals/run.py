"""``aver eval run``: ask a labelled set, and say how well it went, with which certainty."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aver.core.errors import InvalidInput, NotFound
from aver.server.cli.evals.suite import ScorerOption, SuiteArgument, TargetOption, suite_of
from aver.server.cli.evals.watching import foresee, watching
from aver.server.cli.frozen import ReleaseOption, opened_for, runs_of
from aver.server.cli.options import AsJson, Groups, TenantName
from aver.server.cli.output import console, print_json, printable, table
from aver.server.cli.progress import spinner
from aver.server.runs import RUNS

if TYPE_CHECKING:
    from aver.evals.declaration import Evals, Suite
    from aver.evals.gates.types import Condition
    from aver.evals.report import Report
    from aver.evals.running.file import Run
    from aver.evals.statistics.intervals import Interval
    from aver.server.application import Application

__all__ = ["run"]

_USED = ("_ms", "_tokens", "_usd")
"""Measures that are told in a line of their own."""


def run(
    context: typer.Context,
    suite: SuiteArgument,
    tenant: TenantName,
    target: TargetOption = None,
    release: ReleaseOption = None,
    scorer: ScorerOption = [],  # noqa: B006 - Typer copies it
    user: Annotated[
        str | None, typer.Option("--user", "-u", metavar="USER", help="Who asks the cases that name nobody.")
    ] = None,
    group: Groups = [],  # noqa: B006
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The run's file, NAME.run.jsonl; what was responded is kept beside it."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was stopped, without asking anything twice.")
    ] = False,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline",
            metavar="FILE|RELEASE",
            help="The run whose responses pairwise judges hold these against, or the release whose newest run that is.",
        ),
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(min=1, max=100, metavar="N", help="Ask each case so often, in place of the suite's.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn, here and by models.")] = 0,
    concurrency: Annotated[
        int, typer.Option(min=1, max=1000, metavar="N", help="Cases at once; with 1, latencies are of each alone.")
    ] = 4,
    rate: Annotated[float | None, typer.Option(min=0.001, metavar="N", help="Cases a second, at most.")] = None,
    budget_usd: Annotated[float | None, typer.Option(min=0, metavar="USD", help="Stop before more is spent.")] = None,
    budget_tokens: Annotated[int | None, typer.Option(min=1, metavar="N", help="Stop before more are used.")] = None,
    seconds: Annotated[float, typer.Option(min=0.001, metavar="S", help="That one response may take.")] = 120.0,
    scorer_seconds: Annotated[
        float, typer.Option(min=0.001, metavar="S", help="That one scorer may take for one case.")
    ] = 120.0,
    retries: Annotated[
        int, typer.Option(min=0, max=20, metavar="N", help="Ask again so often after an error that may pass.")
    ] = 2,
    stop_early: Annotated[
        bool | None,
        typer.Option("--stop-early/--whole", help="Leave the rest once the gate's verdict on the suite is certain."),
    ] = None,
    require: Annotated[
        list[str],
        typer.Option(
            "--require",
            metavar="CONDITION",
            help="With --stop-early: what is to be certain, in place of the gate, such as 'right_of_answered>=0.8'; repeat it.",
        ),
    ] = [],  # noqa: B006
    slices: Annotated[bool, typer.Option("--slices", help="Show the figures of every slice too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask labelled cases as those who may ask them, judge every response, and say how well it went, overall and by slice.

    Every figure has its 95 % interval. Interrupted, or killed, a run goes on with --resume. Each answer of the assistant is a turn with its
    own evidence, and the run leaves one step of its figures.
    """
    from aver.evals.report import measured
    from aver.evals.running.bounds import Bounds
    from aver.evals.running.file import read_run
    from aver.evals.scorers.registry import STANDARD, silent
    from aver.server.evaluating import Plan, dataset_of, embeds, evaluated, record

    with opened_for(context, release) as (application, digest), _kept(out) as given:
        services = application.tenant(tenant)
        chosen, evals, folder = suite_of(application, suite, target, scorer, user, group)
        declared = suite in evals.suites and not Path(suite).is_file()
        early = chosen.stop_early if stop_early is None else stop_early
        watched = _watched(chosen.name, evals.gate if declared else (), require, early=early)
        runs = runs_of(application, digest) if declared else None
        path = _place(application, chosen.name, given, out, resume, runs)
        bounds = Bounds(
            concurrency,
            repeats or chosen.repeats,
            seed,
            budget_usd,
            budget_tokens,
            rate,
            seconds,
            scorer_seconds,
            retries,
        )
        if embeds(chosen) and not application.has_built_model:
            with spinner("building the model, this once", quiet=as_json):
                application.warm()
        dataset = dataset_of(chosen, folder)
        before = None if baseline is None else _baseline(application, baseline, chosen, evals, folder)
        plan = Plan(chosen, dataset, evals, folder, path, bounds, resume, digest, watched, before)
        foreseen = foresee(chosen.name, dataset, evals, quiet=as_json)
        with watching(quiet=as_json) as watch:
            ended = asyncio.run(application.finishing(evaluated(application, services, plan, watch)))
        found = read_run(path)
        report = measured(found, seed)
        record(found, report, services)
        first = _first_failures(found) if report.failed else {}
    document = _document(found, report, ended.why, None if given is not None and given in path.parents else path)
    unread = [] if chosen.scorers == STANDARD else silent(chosen.scorers, report.overall)
    document |= {"drafts": dataset.drafts, "outlook": foreseen, "first_failed": first, "silent": unread}
    for name in () if as_json else unread:
        console().print(
            f"{name} says nothing: no case has the label, or no response the part, that it reads", style="yellow"
        )
    if not as_json:
        _print(found, report, dataset.drafts, ended.why, document["file"], first, slices=slices)
    if as_json:
        print_json(document)


def _watched(suite: str, gate: Sequence[Condition], typed: Sequence[str], *, early: bool) -> tuple[Condition, ...]:
    """What the run is left for once it is certain; nothing where it is not to be left."""
    from aver.evals.gates.declaration import parse_condition
    from aver.evals.running.stopping import watchable

    if typed and not early:
        raise InvalidInput("Nothing is required of a run that is not left early", "Add --stop-early, or see: aver gate")
    return watchable([parse_condition(each) for each in typed] or gate, suite) if early else ()


def _baseline(application: Application, named: str, suite: Suite, evals: Evals, folder: Path) -> Path:
    """Raises :class:`~aver.core.errors.InvalidInput` where nothing of the suite compares, and as :func:`~aver.server.gating.find_baseline`."""
    from aver.server.gating import compares, find_baseline

    if not compares(suite, evals):
        raise InvalidInput(
            f"No scorer of {suite.name!r} compares two responses",
            "Give it a pairwise judge: --scorer 'rubric: NAME'; or hold the runs against each other: aver eval compare",
        )
    return find_baseline(named, [folder / RUNS, application.settings.data / RUNS], [suite.name])[0].path


@contextmanager
def _kept(out: Path | None) -> Iterator[Path | None]:
    """A folder for what is not kept; nothing where a file was named."""
    if out is not None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="aver-eval-") as scratch:
        yield Path(scratch)


def _place(
    application: Application, name: str, scratch: Path | None, out: Path | None, resume: bool, runs: Path | None
) -> Path:
    """Where the run is written: where was said, else among the bundle's runs if it is one of its suites, else where it is not kept."""
    from aver.evals.running.file import SUFFIX, read_run

    if out is not None:
        return out
    if runs is None:
        if resume:
            raise InvalidInput("Nothing says which run to go on with", "Name its file: --out FILE")
        assert scratch is not None
        return scratch / f"{name}{SUFFIX}"
    if resume:
        for path in sorted(runs.glob(f"{name}-*{SUFFIX}"), reverse=True):
            if not read_run(path).complete:
                return path
        raise NotFound(f"No run of {name!r} was stopped", "Begin one, without --resume.")
    runs.mkdir(parents=True, exist_ok=True)
    return runs / f"{name}-{application.clock.now():%Y%m%dT%H%M%S}{SUFFIX}"


def _document(found: Run, report: Report, stopped: str, path: Path | None) -> dict[str, Any]:
    return {
        "format": "aver-report-1",
        "file": path,
        "header": asdict(found.header),
        "complete": found.complete,
        "stopped": stopped or None,
        "stopped_early": found.early or None,
        **asdict(report),
    }


def _print(
    found: Run,
    report: Report,
    drafts: int,
    stopped: str,
    path: Path | None,
    first: Mapping[str, str],
    *,
    slices: bool,
) -> None:
    out = console()
    asked = f", {report.results} results" if report.results != report.cases else ""
    unconfirmed = f", {drafts} of them drafts that nobody confirmed" if drafts else ""
    out.print(f"{report.cases} cases{asked}, {report.unanswerable} unanswerable{unconfirmed}", markup=False)
    for error, count in report.failed.items():
        out.print(f"{count} failed, and count neither way: {error}", style="yellow", markup=False)
        out.print(f"  first {first[error]}", style="yellow", markup=False)
    rows = [(name, *_cells(each)) for name, each in report.overall.items() if not name.endswith(_USED)]
    rows += [
        (f"{name} [{tag}]", *_cells(each))
        for tag, some in (report.slices.items() if slices else ())
        for name, each in some.items()
        if not name.endswith(_USED)
    ]
    table(("measure", "value", "95 % interval", "n"), rows)
    for said in _compared(report) if found.header.baseline else ():
        out.print(said, markup=False)
    if report.slices and not slices:
        out.print(f"by slice ({', '.join(map(printable, report.slices))}): --slices", markup=False)
    if report.operating is not None and report.operating.risk is not None:
        at = report.operating
        out.print(f"answered {at.coverage:.1%} of {at.n}, {at.risk:.1%} of the answers wrong", markup=False)
    for name, each in report.latency.items():
        out.print(f"{name.removesuffix('_ms')}: p50 {each.p50:.0f} ms, p95 {each.p95:.0f} ms", markup=False)
    if report.tokens:
        cost = "unknown" if report.cost_usd is None else f"${report.cost_usd:.4f}"
        out.print(f"used {report.tokens:,} tokens, cost {cost}", markup=False)
    if found.early:
        out.print(f"left early, {printable(found.early)}", markup=False)
    if not found.complete:
        out.print(f"stopped: {printable(stopped)}", style="yellow", markup=False)
    if path is not None:
        out.print(f"kept in {printable(str(path))}", markup=False)


def _compared(report: Report) -> Iterator[str]:
    """Of each pairwise judge, how often which side was better, and how often the order of the two decided."""
    for name, tied in report.overall.items():
        judge = name.removesuffix("_tied")
        if judge != name and {judge, f"{judge}_steady"} <= report.overall.keys():
            better = report.overall[judge].value - tied.value / 2
            flipped = 1 - report.overall[f"{judge}_steady"].value
            yield (
                f"{judge}: better than the baseline {better:.1%}, worse {1 - better - tied.value:.1%}, ties {tied.value:.1%}, "
                f"of which the order decided {flipped:.1%}"
            )


def _first_failures(found: Run) -> dict[str, str]:
    """Of each error the first case that ended with it, and what was said of it."""
    first: dict[str, str] = {}
    for each in found.results():
        if each.error and each.error not in first:
            first[each.error] = printable(f"{each.case[:60]}: {each.said}")
    return first


def _cells(each: Interval) -> tuple[object, ...]:
    lacking = "none: left early" if each.method == "anytime" else "too few"
    return f"{each.value:.3f}", lacking if each.low is None else f"{each.low:.3f} to {each.high:.3f}", each.n
