"""``aver dataset promote`` and ``forget``: turns of production as cases, and cases that are to be gone again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aver.server.cli.dataset.options import ASKER, among
from aver.server.cli.options import AsJson, TenantName, read_date
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.progress import spinner
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.evals.labelling.promotion import Wanted
    from aver.evals.types import Case
    from aver.server.application import Application, TenantServices

__all__ = ["forget", "promote"]


def promote(
    context: typer.Context,
    tenant: TenantName,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Turns from this date on, such as 2026-01-31.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Turns up to the end of this date.")] = None,
    feedback: Annotated[
        list[str],
        typer.Option(metavar="bad|good", help="Turns with feedback below a half, or from it on; repeat it for both."),
    ] = [],  # noqa: B006 - Typer copies it
    abstained: Annotated[bool, typer.Option("--abstained", help="Turns that gave no answer.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Turns that ended with an error.")] = False,
    blocked: Annotated[bool, typer.Option("--blocked", help="Turns that a check held back.")] = False,
    turn: Annotated[list[str], typer.Option(metavar="ID", help="This turn; repeat it.")] = [],  # noqa: B006
    incident: Annotated[
        str,
        typer.Option(
            metavar="ID",
            help="The turns that weighed most in a rollout that was rolled back; its id becomes the cases' tag.",
        ),
    ] = "",
    feature: Annotated[list[str], typer.Option(metavar="NAME", help="Of this feature or agent alone; repeat it.")] = [],  # noqa: B006
    without: Annotated[
        list[str], typer.Option(metavar="USER", help=f"Pass over this user's turns, as those of {ASKER}; repeat it.")
    ] = [],  # noqa: B006
    beside: Annotated[
        list[Path], typer.Option(metavar="FILE", help="A set whose questions are known already; repeat it.")
    ] = [],  # noqa: B006
    keep: Annotated[
        list[str],
        typer.Option(metavar="KIND", help="Leave this kind of personal data in, such as GPE for places; repeat it."),
    ] = [],  # noqa: B006
    answers: Annotated[
        bool, typer.Option("--answers", help="Keep the answer with the case: labellers see what it quotes.")
    ] = False,
    by_meaning: Annotated[
        bool,
        typer.Option("--by-meaning", help="Leave out what means the same as a known question, by the embedding model."),
    ] = False,
    count: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Make cases of turns of production, for people to label: without personal data and secrets, each question once.

    Of --feedback, --abstained, --failed and --blocked any is enough; without them every turn is taken. What is cut out is named so that equal values of one
    conversation stay equal. Where a case comes from is kept with it: turn, release, the hash that sealed it. The cases wait in the queue.
    """
    from aver.evals.labelling.promotion import Wanted

    with Session.of(context).application() as application:
        now = application.clock.now()
        wanted = Wanted(
            read_date(since, now),
            read_date(until, now, last=True),
            frozenset(among(feedback, ("bad", "good"), "feedback")),
            abstained,
            failed,
            blocked,
            frozenset(turn),
            incident,
            frozenset(feature),
            frozenset([ASKER, *without]),
            count,
            answers,
        )
        services = application.tenant(tenant)
        services.outbox.settle()
        cases, left_out = _promoted(application, services, wanted, (beside, keep, by_meaning), quiet=as_json)
    if as_json:
        print_json({"cases": [{"id": case.id, "question": case.question} for case in cases], "left_out": left_out})
        return
    table(
        ("case", "why", "question"),
        [(case.id, case.metadata["why"], " ".join(case.question.split())[:100]) for case in cases],
    )
    sys.stdout.write(f"{len(cases)} cases wait to be labelled: aver dataset queue --tenant {printable(tenant)}\n")
    table(("", ""), [(f"left out: {why}", times) for why, times in left_out.items()])


def forget(
    context: typer.Context,
    tenant: TenantName,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Sets that hold promoted cases.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which they are.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove from sets the cases of people who were erased: aver erase reaches the queue, and this the files that were exported from it."""
    from aver.evals.datasets.reading import read_dataset, write_cases
    from aver.evals.labelling.queue import Queue

    found: dict[str, list[str]] = {}
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        queue = Queue(services.store, services.ledger)
        for file in files:
            cases = read_dataset(file, needs_label=False).cases
            gone = {case.id for case in queue.erased(cases)}
            found[str(file)] = sorted(gone)
            if gone and not dry_run:
                write_cases((case for case in cases if case.id not in gone), file, replace=True)
    if as_json:
        print_json({"removed": {} if dry_run else found, "found": found})
        return
    for name, ids in found.items():
        done = "would go" if dry_run else "are gone"
        sys.stdout.write(f"{printable(name)}: {len(ids)} cases {done}{': ' if ids else ''}{', '.join(ids)}\n")


def _promoted(
    application: Application,
    services: TenantServices,
    wanted: Wanted,
    told: tuple[Sequence[Path], Sequence[str], bool],
    *,
    quiet: bool,
) -> tuple[list[Case], dict[str, int]]:
    """``told`` are files of known questions, kinds that stay, and whether meaning counts."""
    from aver.core import new_id
    from aver.evals.datasets.reading import CaseFile
    from aver.evals.labelling.promotion import Promoter
    from aver.evals.labelling.queue import Queue
    from aver.evals.labelling.redaction import KEPT, Redactor

    beside, keep, by_meaning = told
    queue = Queue(services.store, services.ledger)
    known = [case.question for file in beside for case in CaseFile(file, needs_label=False)]
    known += [each.case.question for each in queue.all()]
    promoter = Promoter(
        services.store,
        services.ledger,
        Redactor(services.store.master_key(), kept=KEPT | {kind.upper() for kind in keep}),
        known,
        queue.turns(),
        application.embedder if by_meaning else None,
    )
    with spinner("reading turns", quiet=quiet):
        cases = queue.add(promoter.promote(wanted, lambda: new_id("case")))
    return cases, dict(sorted((+promoter.left_out).items()))
