"""``aver rollout``: let a release in step by step, see what it does, and stop it."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aver.server.cli.options import AsJson, Environment
from aver.server.cli.outcomes import calibration, shadow
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.releases.rollout.analysis import Analysis
    from aver.releases.rollout.machine import Word
    from aver.releases.rollout.state import Rollout

__all__ = ["By", "app", "findings", "report"]

app = typer.Typer(help="Rollouts: a release that is let in step by step, measured against the one in force.")

By = Annotated[str, typer.Option("--user", metavar="NAME", help="Who says so; whoever runs the command, if left out.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept.")]


@app.command()
def start(
    context: typer.Context,
    release: Annotated[str, typer.Argument(metavar="RELEASE", help="The candidate, by tag or digest.")],
    environment: Environment = "production",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Begin to roll a release out, by the plan in its own aver.yaml."""
    from aver.server.rolling import start_rollout

    with Session.of(context).application() as application:
        rollout = start_rollout(application, environment, release, by=by or getpass.getuser())
    _tell(rollout, as_json=as_json)


@app.command()
def status(context: typer.Context, environment: Environment = "production", as_json: AsJson = False) -> None:
    """Show where the rollout stands that is under way, or how the last one ended, and every metric with its interval."""
    from aver.server.rolling import controller, desk

    with Session.of(context).application() as application:
        rollout = desk(application).latest(environment)
        analysis = controller(application).analysis(rollout)
    if as_json:
        print_json({"rollout": report(rollout), "analysis": analysis.record(), "reasons": analysis.reasons})
        return
    sys.stdout.write(f"{rollout.kind} {rollout.id} in {rollout.environment}: {rollout.status.replace('_', ' ')}\n")
    stage = "" if rollout.reason.startswith("stage ") else f"stage {rollout.stage + 1} of {len(rollout.plan.stages)}: "
    sys.stdout.write(f"{stage}{printable(rollout.reason)}\n")
    sys.stdout.write("turns in this stage: " + ", ".join(f"{n:,} {arm}" for arm, n in analysis.turns.items()) + "\n")
    findings(analysis)


@app.command()
def step(context: typer.Context, as_json: AsJson = False) -> None:
    """Look at every rollout once, as the server does every few seconds."""
    from aver.server.rolling import controller

    with Session.of(context).application() as application:
        changed = controller(application).step()
    if as_json:
        print_json({"changed": [report(each) for each in changed]})
        return
    for each in changed:
        sys.stdout.write(f"{each.id}: {each.status.replace('_', ' ')}: {printable(each.reason)}\n")
    if not changed:
        sys.stdout.write("nothing has changed\n")


def _says(word: Word, about: str) -> None:
    """A command for a word that people say of a rollout as a whole."""

    def said(
        context: typer.Context,
        reason: Reason,
        environment: Environment = "production",
        by: By = "",
        as_json: AsJson = False,
    ) -> None:
        from aver.server.rolling import say_of_rollout

        with Session.of(context).application() as application:
            rollout = say_of_rollout(application, environment, word, by=by or getpass.getuser(), reason=reason)
        _tell(rollout, as_json=as_json)

    app.command(word, help=about)(said)


_says("pause", "Let everybody keep what they have, and look no more.")
_says("resume", "Look on; the time it was paused for does not count.")
_says("abort", "End it: everybody gets the release in force, within a second, on every replica.")


@app.command()
def promote(
    context: typer.Context,
    reason: Reason,
    environment: Environment = "production",
    variant: Annotated[str, typer.Option("--variant", metavar="NAME", help="Of an experiment, which.")] = "",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """End it: everybody gets the candidate, whatever the figures say. What a promotion asks for is asked for all the same."""
    from aver.server.rolling import promote_rollout

    with Session.of(context).application() as application:
        who = by or getpass.getuser()
        rollout = promote_rollout(application, environment, by=who, reason=reason, variant=variant)
    _tell(rollout, as_json=as_json)


@app.command()
def history(context: typer.Context, environment: Environment = "production", as_json: AsJson = False) -> None:
    """List the rollouts and experiments of an environment, oldest first, with how each ended."""
    from aver.server.rolling import desk

    with Session.of(context).application() as application:
        rollouts = desk(application)
        known = [*rollouts.past(environment)]
        if current := rollouts.find(environment):
            known.append(current.rollout)
    if as_json:
        print_json({"rollouts": [report(each) for each in known]})
        return
    rows = [
        (each.id, each.kind, f"{each.began:%Y-%m-%d %H:%M}", each.status.replace("_", " "), each.stage + 1, each.reason)
        for each in known
    ]
    table(("rollout", "kind", "began", "status", "stage", "why"), rows)


app.command()(shadow)
app.command()(calibration)


def report(rollout: Rollout) -> dict[str, Any]:
    """As JSON tells it, without what is only kept for the controller."""
    from aver.releases.rollout.state import to_json

    return {name: value for name, value in to_json(rollout).items() if name not in {"format", "pending", "held"}}


def findings(analysis: Analysis) -> None:
    """A table of what each metric says, and below it why the verdict is no success."""
    rows = [
        (
            each.variant,
            each.metric,
            each.bound,
            _number(each.control),
            _number(each.treated),
            "-" if each.low is None else f"{_number(each.change)} [{_number(each.low)}, {_number(each.high)}]",
            f"{each.n[0]:,}/{each.n[1]:,}",
            each.outcome,
            f"{each.needed:,}" if each.needed else "",
        )
        for each in analysis.findings
    ]
    columns = ("variant", "metric", "bound", "control", "variant's", "change", "readings", "outcome", "needs")
    table(columns, rows)
    sys.stdout.write(f"verdict: {analysis.verdict}\n")
    sys.stdout.writelines(f"  {printable(each)}\n" for each in analysis.reasons)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _tell(rollout: Rollout, *, as_json: bool) -> None:
    if as_json:
        print_json(report(rollout))
        return
    sys.stdout.write(
        f"{rollout.kind} {rollout.id} in {rollout.environment}: {rollout.status.replace('_', ' ')}: {printable(rollout.reason)}\n"
    )
