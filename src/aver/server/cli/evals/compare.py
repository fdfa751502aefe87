"""``aver eval compare``: two runs of the same cases, as a verdict."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aver.server.cli.gates.given import CasesOption, sets_of, written
from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json, printable, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aver.evals.gates.comparing import Change, Comparison, Flip
    from aver.evals.running.file import Run
    from aver.evals.types import Case

__all__ = ["compare"]


def compare(
    before: Annotated[Path, typer.Argument(metavar="A", help="The earlier run's file, or what it is held against.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="The later run's file.")],
    measure: Annotated[str, typer.Option(metavar="MEASURE", help="What the verdict is first about.")] = "",
    flips: Annotated[int, typer.Option(min=0, metavar="N", help="Cases that moved, shown side by side.")] = 5,
    cases: CasesOption = [],  # noqa: B006 - Typer copies it
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as Markdown.")] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the report, one page that needs nothing else.")
    ] = None,
    slices: Annotated[
        bool, typer.Option("--slices", help="Show every slice, and not only what is better or worse in one.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what became better or worse from one run to another, over the cases of both, and show the cases that moved.

    A measure is better or worse only where the 95 % interval of the difference leaves out no difference, and a test over the pairs says so
    after Holm's correction for all that is looked at.
    """
    from aver.evals.gates.comparing import compare as compared
    from aver.evals.gates.sheet import sheet_of
    from aver.evals.gates.telling import tell_comparison
    from aver.evals.rendering.markdown import comparison_markdown
    from aver.evals.rendering.page import comparison_page
    from aver.evals.running.file import read_run

    runs = read_run(before), read_run(after)
    sheets = sheet_of(runs[0]), sheet_of(runs[1])
    found = compared(*sheets, measure)
    known = {case.id: case for each in sets_of(cases) for case in each}
    sentences = list(tell_comparison(found))
    if markdown is not None:
        written(markdown, comparison_markdown(found))
    if html is not None:
        written(html, comparison_page(found, sheets, runs, known))
    if as_json:
        print_json({"verdict": sentences, **_document(found)})
        return
    sys.stdout.writelines(f"{printable(each)}\n" for each in sentences)
    rows = [_row(name, "", each) for name, each in found.changes.items()]
    rows += [
        _row(name, tag, each)
        for tag, some in found.slices.items()
        for name, each in some.items()
        if slices or each.difference.verdict != "inconclusive"
    ]
    table(("measure", "slice", "A", "B", "difference", "95 % interval", "p", "n", ""), rows)
    _side_by_side(found.flips, flips, runs, known)


def _document(found: Comparison) -> dict[str, object]:
    return {
        "shared": found.shared,
        "only_before": found.only_before,
        "only_after": found.only_after,
        "leading": found.leading,
        "changes": found.changes,
        "slices": found.slices,
        "flips": found.flips,
        "doubts": found.doubts,
    }


def _row(name: str, tag: str, each: Change) -> tuple[object, ...]:
    from aver.evals.gates.saying import amount, change_between, moved

    found = each.difference
    p = "" if found.p is None else "<0.0001" if found.p < 0.0001 else f"{found.p:.4f}"
    spread = change_between(name, found.low, found.high)
    sides = amount(name, found.before), amount(name, found.after), moved(name, found.value)
    return (name, tag, *sides, spread, p, found.n, found.verdict)


def _side_by_side(flips: tuple[Flip, ...], most: int, runs: tuple[Run, Run], cases: Mapping[str, Case]) -> None:
    """The largest losses and gains, with what was answered where that was kept."""
    from aver.evals.gates.saying import amount
    from aver.evals.rendering.text import shortened

    worse = [each for each in flips if each.way == "worse"][:most]
    better = [each for each in flips if each.way == "better"][:most]
    wanted = {each.case for each in (*worse, *better)}
    said = [_answers(run, wanted) for run in runs]
    for title, some in (("got worse", worse), ("got better", better)):
        if some:
            sys.stdout.write(f"\n{title}:\n")
        for each in some:
            question = shortened(cases[each.case].question, 100) if each.case in cases else ""
            sys.stdout.write(f"  {shortened(each.case, 60)}  {question}\n")
            for name, value, answers in (("A", each.before, said[0]), ("B", each.after, said[1])):
                answer = shortened(answers.get(each.case, ""), 120)
                sys.stdout.write(f"    {name} {amount(each.measure, value)}  {answer}\n".rstrip() + "\n")


def _answers(run: Run, wanted: set[str]) -> dict[str, str]:
    if not wanted:
        return {}
    return {
        each.case: each.response.text or ("(abstained)" if each.response.abstained else "")
        for each in run.results(responses=True)
        if each.case in wanted and each.response is not None
    }
