"""``aver knowledge draft-set``: draft labelled questions from the documents, for a person to confirm."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aver.core.errors import Conflict, InvalidInput
from aver.evals.targets.asking import ASKER
from aver.server.cli.options import AsJson, Groups, TenantName
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.progress import progress, spinner
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.core import Principal
    from aver.evals.drafting.service import Drafted, Wanted
    from aver.evals.drafting.writing import Writer
    from aver.gateway.types import ChatRequest
    from aver.server.application import Application, TenantServices

__all__ = ["draft_set"]


def draft_set(
    context: typer.Context,
    tenant: TenantName,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the set goes, as JSON Lines; a new file.")],
    user: Annotated[
        str, typer.Option("--user", "-u", metavar="USER", help="Who is to ask, of what they may read.")
    ] = ASKER,
    group: Groups = [],  # noqa: B006 - Typer copies it
    count: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="How many questions.")] = 50,
    unanswerable: Annotated[
        float, typer.Option(min=0, max=1, metavar="SHARE", help="The share of them that nothing is to answer.")
    ] = 0.2,
    copied: Annotated[
        int, typer.Option(min=1, max=50, metavar="WORDS", help="The most words in a row a question may copy.")
    ] = 4,
    model: Annotated[
        str | None, typer.Option(metavar="ROUTE", help="A route or model that writes the questions; else rules do.")
    ] = None,
    beside: Annotated[
        list[Path], typer.Option(metavar="FILE", help="A set whose questions are not drafted again; repeat it.")
    ] = [],  # noqa: B006
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is chosen.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Draft labelled questions from the documents, for a person to look through before they are believed.

    Kept is what does not copy its passage, is answered there and by no other document, and is not asked yet. All are marked as synthetic drafts, with what
    they were made of: remove the mark of the draft, or the question.
    """
    from aver.evals.datasets.reading import CaseFile
    from aver.evals.drafting.service import Wanted

    if out.exists():
        raise Conflict(f"{str(out)!r} exists", "Choose another file; somebody may have confirmed what stands there.")
    known = tuple(case.question for each in beside for case in CaseFile(each, needs_label=False))
    wanted = Wanted(count, unanswerable, copied, seed, known, model or "rules")
    with Session.of(context).application() as application:
        if not application.has_built_model:
            with spinner("building the model, this once", quiet=as_json):
                application.warm()
        services = application.tenant(tenant)
        drafted = _drafted(application, services, services.principal(user, group), wanted, model, quiet=as_json)
    _write(drafted, out)
    kinds = Counter(case.tags[-1] if case.unanswerable else case.tags[0] for case in drafted.cases)
    if as_json:
        print_json(
            {
                "file": out,
                "questions": len(drafted.cases),
                "kinds": kinds,
                "read": drafted.read,
                "left_out": drafted.left_out,
            }
        )
        return
    short = f", {count - len(drafted.cases)} fewer than wanted" if len(drafted.cases) < count else ""
    sys.stdout.write(f"{len(drafted.cases)} drafts from {drafted.read} documents{short}\n")
    table(("", ""), [*sorted(kinds.items()), *((f"left out: {why}", n) for why, n in drafted.left_out.items())])
    sys.stdout.write(f"look through {printable(str(out))}, and remove what is wrong and the mark of what is right\n")


def _drafted(
    application: Application,
    services: TenantServices,
    principal: Principal,
    wanted: Wanted,
    model: str | None,
    *,
    quiet: bool,
) -> Drafted:
    from aver.evals.drafting.service import Drafter

    writer = _writer(application, services, principal, model) if model is not None else None
    drafter = Drafter(services.knowledge, principal, wanted, writer)
    with progress("drafting", quiet=quiet) as watch:
        return asyncio.run(application.finishing(drafter.draft(watch)))


def _writer(application: Application, services: TenantServices, principal: Principal, model: str) -> Writer:
    from aver.evals.drafting.writing import Writer
    from aver.gateway.calls import Call

    def call(request: ChatRequest, document: str) -> Call:
        return Call(
            principal,
            model,
            services.record_call,
            lambda: request,
            feature="knowledge",
            documents=frozenset({document}),
        )

    return Writer(application.gateway, call)


def _write(drafted: Drafted, out: Path) -> None:
    from aver.evals.datasets.reading import as_line

    try:
        with out.open("x", encoding="utf-8") as file:
            file.writelines(map(as_line, drafted.cases))
    except OSError as error:
        raise InvalidInput(f"{str(out)!r} cannot be written: {error.strerror}", "Choose another file.") from None
