"""``aver dataset import`` and ``export``: sets of other programs, and Label Studio both ways."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from aver.core.errors import InvalidInput
from aver.server.cli.dataset.options import Labellers, OptionalTenant, Out, among, pairs
from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.evals.datasets.importing import Imported
    from aver.evals.labelling.labels import Label
    from aver.evals.types import Case

__all__ = ["export", "import_"]

_STATUSES = ("waiting", "disputed", "settled")


def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What another program wrote.")],
    kind: Annotated[
        str,
        typer.Option("--from", metavar="FORMAT", help="inspect, promptfoo, ragas, huggingface or label-studio."),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A new file: JSON Lines, or CSV by its ending.")
    ] = None,
    column: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=COLUMN", help="Which column of the file is a case's NAME, such as question; repeat it."
        ),
    ] = [],  # noqa: B006 - Typer copies it
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="label-studio: where the labels go, one a line; a new file.")
    ] = None,
    labeller: Annotated[
        list[str],
        typer.Option(metavar="ID=NAME", help="label-studio: who somebody is, by their id or address there; repeat it."),
    ] = [],  # noqa: B006
    tenant: Annotated[
        str | None,
        typer.Option("--tenant", "-t", metavar="TENANT", help="label-studio: record the labels in its queue."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take a set over from another program, and say what could not be.

    Cases without any label become drafts. Annotations of Label Studio are labels: with --labels they go to a file, with --tenant into the queue, where the
    cases are that they were exported from.
    """
    from aver.evals.datasets.importing import import_cases
    from aver.evals.datasets.reading import write_cases
    from aver.evals.labelling.labels import as_label_line

    if kind == "label-studio":
        imported, said = _annotated(file, pairs(labeller, "labeller"))
    else:
        imported, said = import_cases(kind, file, pairs(column, "column")), ()
        if labels is not None or tenant is not None or labeller:
            raise InvalidInput(
                f"{kind} has no labels of several people", "Leave out --labels, --labeller and --tenant."
            )
    if out is None and labels is None and tenant is None:
        raise InvalidInput("Nothing says where it goes", "Add --out FILE.")
    if labels is not None and labels.exists():
        raise InvalidInput(f"{str(labels)!r} exists", "Choose another file.")
    if out is not None:
        write_cases(imported.cases, out)
    if labels is not None:
        _write(labels, "".join(map(as_label_line, said)))
    if tenant is not None:
        _record(context, tenant, said)
    if as_json:
        print_json(
            {"cases": len(imported.cases), "labels": len(said), "notes": imported.notes, "left_out": imported.left_out}
        )
        return
    _tell(imported, said, out)


def export(
    context: typer.Context,
    to: Annotated[
        Literal["jsonl", "csv", "label-studio"],
        typer.Option("--to", metavar="FORMAT", help="jsonl, csv or label-studio."),
    ],
    out: Out,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A set; else the tenant's queue.")] = None,
    tenant: OptionalTenant = None,
    status: Annotated[
        list[str],
        typer.Option(
            metavar="STATUS",
            help="Of the queue: waiting, disputed or settled; repeat it. Settled ones by default, and for label-studio the others.",
        ),
    ] = [],  # noqa: B006
    labellers: Labellers = 2,
    as_json: AsJson = False,
) -> None:
    """Write a set, or the cases of a tenant's queue, in another format.

    For Label Studio FILE holds the tasks to import, and FILE.xml the labelling configuration of the project. A task holds its whole case and shows none of
    its labels.
    """
    from aver.evals.datasets.reading import CaseFile, write_cases

    if (file is None) == (tenant is None):
        raise InvalidInput("Expected a file or a tenant", "Give FILE or --tenant.")
    if to != "label-studio" and (to == "csv") != (out.suffix.lower() in (".csv", ".tsv")):
        raise InvalidInput(f"{str(out)!r} does not end as {to} does", f"Write --out NAME.{to}.")
    wanted: Sequence[str] = among(status, _STATUSES, "status") or (
        ("waiting", "disputed") if to == "label-studio" else ("settled",)
    )
    if file is not None:
        cases: Sequence[Case] = list(CaseFile(file, needs_label=False))
    else:
        assert tenant is not None
        cases = _queued(context, tenant, wanted, labellers)
    if not cases:
        raise InvalidInput(f"No case is {' or '.join(wanted)}", "See them: aver dataset queue --tenant TENANT.")
    written = _tasks(cases, out) if to == "label-studio" else [out]
    if to != "label-studio":
        write_cases(cases, out)
    if as_json:
        print_json({"cases": len(cases), "files": written})
    else:
        sys.stdout.write(f"{len(cases)} cases in {printable(', '.join(map(str, written)))}\n")


def _annotated(file: Path, labellers: dict[str, str]) -> tuple[Imported, tuple[Label, ...]]:
    from aver.evals.datasets.adapters.label_studio import read_annotated

    found = read_annotated(file, labellers)
    return found.imported, found.labels


def _record(context: typer.Context, tenant: str, labels: Sequence[Label]) -> None:
    from aver.evals.labelling.queue import Queue

    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        Queue(services.store, services.ledger).label(labels)


def _queued(context: typer.Context, tenant: str, wanted: Sequence[str], labellers: int) -> list[Case]:
    from aver.evals.labelling.queue import Queue

    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        every = Queue(services.store, services.ledger, labellers).all()
        return [each.settled.case for each in every if each.settled.status in wanted]


def _tasks(cases: Sequence[Case], out: Path) -> list[Path]:
    from aver.evals.datasets.adapters.label_studio import config, tasks

    beside = out.with_name(f"{out.name}.xml")
    for each in (out, beside):
        if each.exists():
            raise InvalidInput(f"{str(each)!r} exists", "Choose another file.")
    _write(out, json.dumps(list(tasks(cases)), ensure_ascii=False, indent=1) + "\n")
    _write(beside, config() + "\n")
    return [out, beside]


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{str(file)!r} cannot be written: {error.strerror}", "Choose another file.") from None


def _tell(imported: Imported, labels: Sequence[Label], out: Path | None) -> None:
    where = f" in {printable(str(out))}" if out is not None else ""
    said = f", {len(labels)} labels" if labels else ""
    sys.stdout.write(f"{len(imported.cases)} cases{where}{said}\n")
    for note in imported.notes:
        sys.stdout.write(f"{printable(note)}\n")
    table(("", ""), _rows(imported))


def _rows(imported: Imported) -> Iterator[tuple[object, ...]]:
    for what, times in imported.left_out.items():
        yield f"left out: {what}", times
