"""``aver runbook``: what to do about an incident, and doing it step by step."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aver.core.errors import AverError, InvalidInput, VerificationFailed
from aver.server.cli.bundle import BundleArgument, located
from aver.server.cli.mitigations import AsUser, acting
from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.ops.mitigation.types import Actor
    from aver.ops.runbooks.reading import Doubt
    from aver.ops.runbooks.running import Came, RunbookRun
    from aver.ops.runbooks.types import Runbook

__all__ = ["app"]

app = typer.Typer(help="Runbooks: what to do about an incident, with steps that Aver takes.")

Name = Annotated[str, typer.Argument(metavar="RUNBOOK", help="Its name: that of its file, without .md.")]
_DONE = ("done", "in_force")


class _Doubtful(VerificationFailed):
    """Runbooks that name what is not declared; what was found travels with it."""

    def __init__(self, found: Sequence[Doubt]) -> None:
        super().__init__(f"{found[0].place}: {found[0].said.rstrip('.?')}", "Correct it: aver runbook check.")
        self._found = found

    def problem(self) -> dict[str, object]:
        return {**super().problem(), "findings": [each._asdict() for each in self._found]}


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the runbooks of the bundle that is served."""
    with Session.of(context).application() as application:
        found = _declared(application.bundle().folder)
    if as_json:
        print_json({"runbooks": [each.record() for each in found.values()]})
        return
    rows = [
        (
            each.name,
            each.title,
            ", ".join(each.rules),
            sum(step.action is not None for step in each.steps),
            len(each.steps),
        )
        for each in found.values()
    ]
    table(("runbook", "title", "for alerts", "actions", "steps"), rows)


@app.command()
def show(context: typer.Context, runbook: Name, as_json: AsJson = False) -> None:
    """Show what one says, as it is written."""
    from aver.core.errors import NotFound
    from aver.core.yaml import nearest

    with Session.of(context).application() as application:
        found = _declared(application.bundle().folder)
    if runbook not in found:
        step = nearest(runbook, found) if found else "The bundle has none: write runbooks/NAME.md."
        raise NotFound(f"There is no runbook {runbook[:60]!r}", step)
    one = found[runbook]
    if as_json:
        print_json({**one.record(), "text": one.text})
    else:
        sys.stdout.write(f"{printable(one.title)}\n\n{printable(one.text)}\n")


@app.command()
def check(context: typer.Context, directory: BundleArgument = None, as_json: AsJson = False) -> None:
    """Check the runbooks of a bundle: every action, and every name that the bundle declares. A mistake is told with FILE:LINE and the nearest name."""
    from functools import partial

    from aver.ops.runbooks.reading import doubts
    from aver.server.bundle import read_whole
    from aver.server.mitigating import declared_names

    bundle = read_whole(located(context, directory))
    known = _declared(bundle.folder)
    found = [doubt for each in known.values() for doubt in doubts(each, partial(declared_names, bundle))]
    if found:
        raise _Doubtful(found)
    steps = sum(len(each.steps) for each in known.values())
    if as_json:
        print_json({"runbooks": list(known), "steps": steps})
    else:
        sys.stdout.write(f"{len(known)} runbooks with {steps} steps are valid\n")


@app.command()
def run(
    context: typer.Context,
    runbook: Name,
    tenant: TenantName,
    incident: Annotated[str, typer.Option("--incident", metavar="ID", help="The incident that it is run for.")],
    step: Annotated[int, typer.Option("--step", metavar="N", help="Only this step; all in order, if left out.")] = 0,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take every action without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what each step would do, and do nothing.")] = False,
    as_user: AsUser = "",
    as_json: AsJson = False,
) -> None:
    """Go through a runbook for an incident, and ask before each step. What is done is on the incident's timeline, and what was done is not done again.

    The first step that fails or is not allowed ends it: nothing after that is done. With --yes, what a person has to do is left to them.
    """
    if as_json and not (yes or dry_run):
        raise InvalidInput("With --json nobody is asked", "Add --yes or --dry-run.")
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        running = services.operations.run_of(runbook, incident)
        actor = acting(application, services, as_user)
        wanted = [running.step(step).number] if step else [each.number for each in running.runbook.steps]
        came: list[Came] = []
        try:
            came.extend(_step(running, each, actor, dry_run=dry_run, yes=yes, quiet=as_json) for each in wanted)
        except AverError as error:
            error.add_note(f"{len(came)} of {len(wanted)} steps were gone through")
            raise
    if as_json:
        print_json({"runbook": runbook, "incident": incident, "steps": [each.record() for each in came]})


def _step(running: RunbookRun, number: int, actor: Actor, *, dry_run: bool, yes: bool, quiet: bool) -> Came:
    stands = {each.step.number: each for each in running.stands()}[number]
    if not quiet:
        sys.stdout.write(_line(stands))
    if dry_run or stands.state in _DONE:
        return stands
    if not yes and not typer.confirm("    done?" if stands.step.action is None else "    do it?", default=False):
        return stands
    if yes and stands.step.action is None:
        return stands
    done = running.run(number, actor)
    if not quiet:
        undo = f" (take it back: aver mitigation undo {done.mitigation})" if done.undoable else ""
        sys.stdout.write(f"    {printable(done.said)}{undo}\n")
    return done


def _line(stands: Came) -> str:
    step = stands.step
    what = stands.action if step.action is not None else f"[person] {step.text}"
    came = "" if stands.state == "to_do" else f"{stands.state.replace('_', ' ')}: "
    said = f"    {came}{stands.said}\n" if came or stands.said else ""
    return printable(f"{step.number}. {what}\n{said}")


def _declared(folder: Path | None) -> dict[str, Runbook]:
    from aver.ops.runbooks.reading import read_runbooks

    return {} if folder is None else dict(read_runbooks(folder))
