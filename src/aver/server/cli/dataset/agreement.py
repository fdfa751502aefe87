"""``aver dataset agreement`` and ``suspects``: how far labellers agree, and which labels are probably wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aver.core.errors import InvalidInput
from aver.server.cli.dataset.options import ASKER, CaseFileArgument, OptionalTenant
from aver.server.cli.options import AsJson, Groups
from aver.server.cli.output import print_json, table
from aver.server.cli.progress import spinner
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.evals.labelling.errors import Suspect
    from aver.evals.labelling.labels import Label
    from aver.evals.statistics.intervals import Interval
    from aver.evals.types import Case

__all__ = ["agreement", "suspects"]


def agreement(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="Labels: case, labeller and what they say; else those of the tenant's queue."
        ),
    ] = None,
    tenant: OptionalTenant = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamples that intervals are made from.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Say how far those who labelled the same cases agree, beyond chance: Krippendorff's alpha, and Cohen's kappa of two; each with its 95 % interval."""
    from aver.evals.labelling.agreement import agreement as agreed
    from aver.evals.labelling.agreement import labellers
    from aver.evals.labelling.labels import read_labels

    if (file is None) == (tenant is None):
        raise InvalidInput("Expected a file or a tenant", "Give FILE or --tenant.")
    labels = read_labels(file) if file is not None else _queued(context, tenant or "")
    found, people = agreed(labels, seed), labellers(labels)
    if as_json:
        print_json({"agreement": found, "labellers": people})
        return
    table(
        ("on", "cases", "labellers", "same", "alpha", "kappa"),
        [
            (
                each.on,
                each.items,
                each.labellers,
                _figure(each.percent),
                _figure(each.alpha),
                "of two only" if each.labellers > 2 else _figure(each.kappa),
            )
            for each in [said for said in found if said.items] or found
        ],
    )
    if people:
        table(
            ("labeller", "cases", "with most others"),
            [(each.name, each.cases, "" if each.agrees is None else f"{each.agrees:.0%}") for each in people],
        )
    for each in found:
        if each.alpha is not None and not each.is_enough:
            sys.stdout.write(
                f"on the {each.on} labellers agree too little to conclude anything: discuss cases, mend the guideline\n"
            )


def suspects(
    context: typer.Context,
    file: CaseFileArgument,
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What labellers said: case, labeller and their label.")
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='What a model finds likely: {"case": ID, "probabilities": {KIND: P}}, out of sample, KIND such as answerable.',
        ),
    ] = None,
    tenant: OptionalTenant = None,
    user: Annotated[str, typer.Option("--user", "-u", metavar="USER", help="Who asks what names nobody.")] = ASKER,
    group: Groups = [],  # noqa: B006 - Typer copies it
    as_json: AsJson = False,
) -> None:
    """Find labels that are probably wrong: by what labellers say, by what a model finds likely (confident learning), by what stands in the documents now."""
    from aver.evals.datasets.reading import read_dataset
    from aver.evals.labelling.errors import against_labellers, confident
    from aver.evals.labelling.labels import read_labels

    if labels is None and scores is None and tenant is None:
        raise InvalidInput("Nothing to hold the labels against", "Add --labels, --scores or --tenant.")
    cases = read_dataset(file, needs_label=False).cases
    found: list[Suspect] = []
    if labels is not None:
        found += against_labellers(cases, read_labels(labels))
    if scores is not None:
        found += confident(_kinds(cases), dict(_probabilities(scores)))
    if tenant is not None:
        found += _stale(context, tenant, (user, group), cases, quiet=as_json)
    if as_json:
        print_json({"suspects": found})
        return
    places = {case.id: case.place for case in cases}
    table(
        ("where", "by", "", "what"),
        [(places[each.case], each.by, f"{each.certainty:.0%}", each.said) for each in found],
    )
    sys.stdout.write(f"{len({each.case for each in found})} of {len(cases)} cases are worth a second look\n")


def _queued(context: typer.Context, tenant: str) -> list[Label]:
    from aver.evals.labelling.queue import Queue

    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        return [label for each in Queue(services.store, services.ledger).all() for label in each.settled.labels]


def _figure(each: Interval | None) -> str:
    if each is None:
        return "unknown"
    return f"{each.value:.2f}" if each.low is None else f"{each.value:.2f} ({each.low:.2f} to {each.high:.2f})"


def _kinds(cases: Sequence[Case]) -> dict[str, str]:
    from aver.evals.datasets.splits import label

    return {case.id: label(case) for case in cases}


def _probabilities(file: Path) -> Iterator[tuple[str, Mapping[str, float]]]:
    from aver.evals.datasets.rows import read_rows

    for place, row in read_rows(file):
        given: Any = row.get("probabilities") if isinstance(row, Mapping) else None
        if not isinstance(given, Mapping) or not isinstance(row.get("case"), str):
            raise InvalidInput(
                f"{place}: expected a case with its probabilities", 'Write {"case": ..., "probabilities": {...}}.'
            )
        if not all(isinstance(each, int | float) and not isinstance(each, bool) for each in given.values()):
            raise InvalidInput(f"{place}: a probability is no number", "Write numbers from 0 to 1.")
        yield row["case"], {str(kind): float(each) for kind, each in given.items()}


def _stale(
    context: typer.Context, tenant: str, asker: tuple[str, Sequence[str]], cases: Sequence[Case], *, quiet: bool
) -> list[Suspect]:
    from aver.evals.labelling.errors import against_documents
    from aver.evals.labels import Labels

    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        with spinner("checking against the documents", quiet=quiet):
            return against_documents(cases, Labels(services.knowledge), services.principal(*asker))
