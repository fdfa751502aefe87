"""``aver dataset split`` and ``diff``: parts of a set, and what changed between two."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from aver.core.errors import InvalidInput
from aver.server.cli.dataset.options import CaseFileArgument, Out, pairs
from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json, printable, table

__all__ = ["diff", "split"]

_LARGE = 0.2


def split(
    file: CaseFileArgument,
    out: Out,
    share: Annotated[
        list[str], typer.Option(metavar="PART=SHARE", help="A part and its share, such as test=0.3; repeat it.")
    ] = ["test=0.3", "train=0.7"],  # noqa: B006 - Typer copies it
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn.")] = 0,
    again: Annotated[bool, typer.Option("--again", help="Begin anew; else a case that has a part keeps it.")] = False,
    cluster: Annotated[
        bool, typer.Option("--cluster/--no-cluster", help="Give cases of one document or conversation one cluster.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Divide a set into parts that are kept apart: the same every time, alike in what they hold, with no cluster and no near-duplicate in two."""
    from aver.evals.datasets.clusters import clustered
    from aver.evals.datasets.reading import read_dataset, write_cases
    from aver.evals.datasets.splits import split as divided

    shares = {part: _share(text) for part, text in pairs(share, "share").items()}
    cases = list(read_dataset(file, needs_label=False).cases)
    found = divided(clustered(cases) if cluster else cases, shares, seed, again=again)
    write_cases(found.cases, out)
    clusters = len({case.cluster for case in found.cases if case.cluster})
    if as_json:
        print_json({"cases": len(cases), "parts": found.counts, "clusters": clusters, "largest": found.largest})
        return
    table(("part", "cases", "share"), [(part, n, f"{n / len(cases):.1%}") for part, n in found.counts.items()])
    sys.stdout.write(
        f"{clusters} clusters; the largest group that stays together has {found.largest:.0%} of the cases\n"
    )
    if found.largest > _LARGE:
        sys.stdout.write(
            "that is much: many cases share a document or a question, and the parts are as uneven as that\n"
        )


def diff(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="A set.")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="Another, or a later version of it.")],
    as_json: AsJson = False,
) -> None:
    """Say what changed between two sets, whatever order and format they are in: cases, fields, and guidelines and rubrics beside them."""
    from aver.evals.datasets.fields import fields_of
    from aver.evals.datasets.versions import differ, version_of

    found = differ(before, after)
    one, two = version_of(before, needs_label=False), version_of(after, needs_label=False)
    if as_json:
        print_json(
            {
                "before": one.digest,
                "after": two.digest,
                "added": [{"id": case.id, **fields_of(case)} for case in found.added],
                "removed": [{"id": case.id, **fields_of(case)} for case in found.removed],
                "changed": [asdict(each) for each in found.changed],
                "beside": found.beside,
                "same": found.same,
            }
        )
        return
    rows = [
        *(("added", case.id, _asked(case.question)) for case in found.added),
        *(("removed", case.id, _asked(case.question)) for case in found.removed),
        *(
            ("reworded" if each.before else "changed", each.id, f"{', '.join(each.fields)}: {_asked(each.question)}")
            for each in found.changed
        ),
        *((what, name, "beside the set") for name, what in found.beside.items()),
    ]
    if rows:
        table(("", "", ""), rows)
    sys.stdout.write(
        f"{found.same} cases are the same; version {one.digest[:12]} became {printable(two.digest[:12])}\n"
    )


def _share(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidInput(f"{text[:60]!r} is no share", "Write a number, such as test=0.3.") from None


def _asked(question: str) -> str:
    return " ".join(question.split())[:100]
