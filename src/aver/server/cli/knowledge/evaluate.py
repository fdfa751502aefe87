"""``aver knowledge eval``: ask a labelled set, and say how well it went, with which certainty."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aver.core.errors import InvalidInput, VerificationFailed
from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import console, print_json, table
from aver.server.cli.progress import progress, spinner
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aver.evals.gate import Judged
    from aver.evals.report import Comparison, Report
    from aver.evals.service import Evaluation
    from aver.evals.statistics.intervals import Interval
    from aver.evals.statistics.pairing import Difference

__all__ = ["evaluate"]

ASKER = "evaluation"
"""Who asks where nobody is named: somebody in no group."""


class _Unmet(VerificationFailed):
    """Conditions that a run did not meet, with all that is known of it."""

    slug = "condition-unmet"

    def __init__(self, unmet: Sequence[Judged], document: Mapping[str, Any]) -> None:
        self.document = document
        said = "; ".join(f"{each.condition} {_WORDS[each.outcome]}: {_interval(each.found)}" for each in unmet)
        super().__init__(said, "Look at the slices; where it is inconclusive, more questions would tell.")

    def problem(self) -> dict[str, object]:
        return {**super().problem(), **self.document}


_WORDS = {"fail": "fails", "inconclusive": "is inconclusive"}


def evaluate(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Labelled questions: JSON Lines, or YAML (.yaml).")],
    tenant: TenantName,
    user: Annotated[
        str, typer.Option("--user", "-u", metavar="USER", help="Who asks the questions that name nobody.")
    ] = ASKER,
    group: Annotated[
        list[str], typer.Option("--group", "-g", metavar="GROUP", help="A group that user is in; repeat it for more.")
    ] = [],  # noqa: B006 - Typer copies it
    k: Annotated[
        list[int], typer.Option("--k", min=1, max=100, metavar="K", help="Cut-off of the measures at k; repeat it.")
    ] = [5, 10],  # noqa: B006
    search_only: Annotated[
        bool, typer.Option("--search-only", help="Measure the search alone; nothing is answered.")
    ] = False,
    against: Annotated[
        Path | None, typer.Option(metavar="FILE", help="An earlier run's --out: say what became better or worse.")
    ] = None,
    require: Annotated[
        list[str],
        typer.Option(
            metavar="CONDITION",
            help="Such as 'ndcg@10>=0.7' or 'answered[hr]>=0.8'; repeat it. Exit code 4 unless the whole interval meets it.",
        ),
    ] = [],  # noqa: B006
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep the result, for --against.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamples that intervals are made from.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Ask labelled questions as those who may ask them: how well documents are found, answered from, and declined.

    Every figure has its 95 % interval. Each answer is a turn with its own evidence, and the run leaves one step of its figures.
    """
    from aver.evals.datasets.reading import read_dataset
    from aver.evals.gate import judged, parse_condition
    from aver.evals.report import compared
    from aver.evals.service import read_earlier

    conditions = [parse_condition(each) for each in require]
    dataset = read_dataset(file)
    before = read_earlier(against) if against is not None else None
    evaluation = _run(context, dataset, tenant, (user, group), tuple(sorted(set(k))), seed, not search_only, as_json)
    report = evaluation.report
    if out is not None:
        _keep(evaluation, out)
    document = evaluation.document()
    comparison = compared(before, evaluation.questions, seed) if before is not None else None
    verdicts = [judged(each, report.overall, report.slices) for each in conditions]
    document |= {"against": comparison, "conditions": verdicts}
    if not as_json:
        _print(report, comparison)
    if unmet := [each for each in verdicts if each.outcome != "pass"]:
        raise _Unmet(unmet, document)
    if as_json:
        print_json(document)


def _run(
    context: typer.Context,
    dataset: Any,
    tenant: str,
    default: tuple[str, Sequence[str]],
    cutoffs: tuple[int, ...],
    seed: int,
    answering: bool,
    quiet: bool,
) -> Evaluation:
    from aver.evals.asking import Examiner
    from aver.evals.service import evaluate as asked
    from aver.evals.service import record

    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        if not application.has_built_model:
            with spinner("building the model, this once", quiet=quiet):
                application.warm()
        assistant = services.assistant if answering else None
        release = application.release.digest if answering else ""
        examiner = Examiner(services.knowledge, application.embedder, application.clock, assistant, cutoffs)
        with progress("asking", quiet=quiet) as watch:
            work = asked(dataset, examiner, services.principal(*default), release=release, seed=seed, progress=watch)
            evaluation = asyncio.run(application.finishing(work))
        record(evaluation, services.store, services.ledger)
    return evaluation


def _keep(evaluation: Evaluation, out: Path) -> None:
    from aver.server.wire import to_json

    try:
        out.write_bytes(to_json(evaluation.document(whole=True)) + b"\n")
    except OSError as error:
        raise InvalidInput(f"{str(out)!r} cannot be written: {error.strerror}", "Choose another file.") from None


def _print(report: Report, comparison: Comparison | None) -> None:
    out = console()
    unconfirmed = f", {report.unconfirmed} of them drafts that nobody confirmed" if report.unconfirmed else ""
    out.print(f"{report.questions} questions, {report.unanswerable} unanswerable{unconfirmed}", markup=False)
    for error, count in report.failed.items():
        out.print(f"{count} turns failed: {error}", style="yellow", markup=False)
    if comparison is None:
        rows = [(name, *_cells(each)) for name, each in report.overall.items()]
        rows += [
            (f"{name} [{tag}]", *_cells(each)) for tag, some in report.slices.items() for name, each in some.items()
        ]
        table(("measure", "value", "95 % interval", "n"), rows)
    else:
        left = f" ({comparison.only_before} were only in the earlier run, {comparison.only_after} are only in this)"
        only = left if comparison.only_before or comparison.only_after else ""
        out.print(f"compared over the {comparison.questions} questions of both runs{only}", markup=False)
        pairs = [(name, *_change(each)) for name, each in comparison.overall.items()]
        pairs += [
            (f"{name} [{tag}]", *_change(each))
            for tag, some in comparison.slices.items()
            for name, each in some.items()
        ]
        table(("measure", "before", "after", "difference", "95 % interval", "p", "n", ""), pairs)
    if report.operating is not None and report.operating.risk is not None:
        at = report.operating
        out.print(f"answered {at.coverage:.1%} of {at.n} questions, {at.risk:.1%} of the answers wrong", markup=False)
    for name, each in report.latency.items():
        out.print(f"{name}: p50 {each.p50:.0f} ms, p95 {each.p95:.0f} ms (not judged)", markup=False)
    if report.cost_usd:
        out.print(f"cost: ${report.cost_usd:.4f}", markup=False)


def _cells(each: Interval) -> tuple[object, ...]:
    return f"{each.value:.3f}", "too few" if each.low is None else f"{each.low:.3f} to {each.high:.3f}", each.n


def _change(each: Difference) -> tuple[object, ...]:
    between = "too few" if each.low is None else f"{each.low:+.3f} to {each.high:+.3f}"
    p = "" if each.p is None else f"{each.p:.4f}"
    return f"{each.before:.3f}", f"{each.after:.3f}", f"{each.value:+.3f}", between, p, each.n, each.verdict


def _interval(each: Interval) -> str:
    if each.low is None:
        return f"{each.value:.3f} from {each.n} questions, which are too few"
    return f"{each.value:.3f} ({each.low:.3f} to {each.high:.3f}, n {each.n})"
