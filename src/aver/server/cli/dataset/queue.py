"""``aver dataset queue`` and ``label``: what waits to be labelled, and saying what is right."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from aver.core.errors import InvalidInput
from aver.server.cli.dataset.options import Labellers
from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import console, print_json, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.evals.labelling.labels import Label
    from aver.evals.labelling.queue import Waiting

__all__ = ["label", "queue"]


def queue(
    context: typer.Context,
    tenant: TenantName,
    case: Annotated[
        str | None, typer.Argument(metavar="[CASE]", help="One case, with everything that is known of it.")
    ] = None,
    status: Annotated[
        Literal["waiting", "disputed", "settled"] | None,
        typer.Option(metavar="STATUS", help="waiting, disputed or settled."),
    ] = None,
    labeller: Annotated[
        str | None, typer.Option(metavar="USER", help="Only what this person has not labelled yet.")
    ] = None,
    labellers: Labellers = 2,
    as_json: AsJson = False,
) -> None:
    """Show the cases that were promoted: what waits for labels, over which labellers are at odds, what is settled.

    The list does not show what others said, so that each labels for themselves; one case does, for who decides.
    """
    from aver.evals.labelling.queue import Queue

    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        held = Queue(services.store, services.ledger, labellers)
        found = [held.case(case)] if case is not None else list(held.all())
    shown = [
        each
        for each in found
        if status in (None, each.settled.status) and (labeller is None or labeller not in each.labellers)
    ]
    if as_json:
        print_json({"cases": [_document(each, whole=case is not None) for each in shown], "status": _counted(found)})
    elif case is not None:
        console().print_json(data=_document(found[0], whole=True), default=str)
    else:
        table(
            ("case", "", "labels", "question"),
            [
                (each.case.id, each.settled.status, len(each.labellers), " ".join(each.case.question.split())[:90])
                for each in shown
            ],
        )
        sys.stdout.write(
            ", ".join(f"{times} {name}" for name, times in _counted(found).items()) + "\n"
            if found
            else "nothing waits\n"
        )


def label(
    context: typer.Context,
    tenant: TenantName,
    case: Annotated[str | None, typer.Argument(metavar="[CASE]", help="The case, by its id.")] = None,
    user: Annotated[str | None, typer.Option("--user", "-u", metavar="USER", help="Who says so.")] = None,
    document: Annotated[
        list[str], typer.Option(metavar="NAME", help="A document that answers it: a path, title, uri or id; repeat it.")
    ] = [],  # noqa: B006 - Typer copies it
    answer: Annotated[
        list[str],
        typer.Option(metavar="TEXT", help="Words that a right answer quotes, as they stand there; repeat it."),
    ] = [],  # noqa: B006
    unanswerable: Annotated[
        bool, typer.Option("--unanswerable", help="Nothing that the asker may read answers it.")
    ] = False,
    refuse: Annotated[bool, typer.Option("--refuse", help="It is to be refused for what it asks.")] = False,
    expected: Annotated[
        str | None, typer.Option(metavar="TEXT", help="A good answer, where a rubric is to judge.")
    ] = None,
    grade: Annotated[
        float | None,
        typer.Option(min=0, max=1, metavar="GRADE", help="How good the answer that was given is, from 0 to 1."),
    ] = None,
    settle: Annotated[bool, typer.Option("--settle", help="Decide between what others said.")] = False,
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help='Labels, one a line: {"case", "labeller", ...}, instead of all that.'),
    ] = None,
    labellers: Labellers = 2,
    as_json: AsJson = False,
) -> None:
    """Say what is right for a case of the queue. A case is settled once --labellers people say the same, or somebody settles it.

    The last word of each person counts. It is a step of evidence under the labeller's key.
    """
    from aver.evals.labelling.labels import labelled, read_labels
    from aver.evals.labelling.queue import Queue

    says: dict[str, Any] = {
        "documents": document,
        "answers": answer,
        "unanswerable": unanswerable,
        "refuse": refuse,
        "expected": expected,
        "grade": grade,
        "settles": settle,
    }
    given = {name: value for name, value in says.items() if value not in (None, [], False)}
    if (
        (file is None) == (case is None)
        or (file is not None and (given or user))
        or (case is not None and user is None)
    ):
        raise InvalidInput("Expected CASE, --user and a label, or --file", "Give one of the two.")
    said: Sequence[Label] = (
        read_labels(file) if file is not None else [labelled("The label", {**given, "case": case, "labeller": user})]
    )
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        found = Queue(services.store, services.ledger, labellers).label(said)
    if as_json:
        print_json({"labels": len(said), "cases": [_document(each, whole=False) for each in found]})
        return
    table(("case", "", "labels"), [(each.case.id, each.settled.status, len(each.labellers)) for each in found])


def _counted(found: Sequence[Waiting]) -> dict[str, int]:
    return dict(sorted(Counter(each.settled.status for each in found).items()))


def _document(each: Waiting, *, whole: bool) -> dict[str, Any]:
    from aver.evals.datasets.fields import fields_of

    said: dict[str, Any] = {
        "id": each.case.id,
        "status": each.settled.status,
        "labellers": len(each.labellers),
        "case": fields_of(each.settled.case),
    }
    if whole:
        said["labels"] = [
            {
                "labeller": label.labeller,
                "kind": label.kind,
                "grade": label.grade,
                "settles": label.settles,
                **label.says,
            }
            for label in each.settled.labels
        ]
    return said
