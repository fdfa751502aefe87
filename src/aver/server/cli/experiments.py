"""``aver experiment``: releases beside each other, and which is better."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

import typer

from aver.server.cli.bundle import BundleOption, located
from aver.server.cli.options import AsJson, Environment
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.rollouts import By, findings, report
from aver.server.cli.session import Session

__all__ = ["app"]

app = typer.Typer(
    help="Experiments: several releases beside each other, with a result that holds whenever it is looked at."
)


@app.command("list")
def list_(context: typer.Context, directory: BundleOption = None, as_json: AsJson = False) -> None:
    """List the experiments that the bundle declares."""
    from aver.server.rolling import experiments_of

    known = experiments_of(located(context, directory))
    if as_json:
        print_json({"experiments": list(known.values())})
        return
    rows = [
        (each.name, ", ".join(each.variants), f"{each.percent:g}", ", ".join(metric.metric for metric in each.metrics))
        for each in known.values()
    ]
    table(("experiment", "variants", "percent", "metrics"), rows)


@app.command()
def start(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="An experiment that the bundle declares.")],
    environment: Environment = "production",
    directory: BundleOption = None,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Begin an experiment."""
    from aver.server.rolling import start_experiment

    with Session.of(context).application() as application:
        bundle = located(context, directory)
        rollout = start_experiment(application, environment, bundle, name, by=by or getpass.getuser())
    if as_json:
        print_json(report(rollout))
    else:
        sys.stdout.write(f"experiment {rollout.id} in {rollout.environment}: {printable(rollout.reason)}\n")


@app.command()
def status(context: typer.Context, environment: Environment = "production", as_json: AsJson = False) -> None:
    """Say what is known of the variants so far, or came of the last experiment, in sentences and in figures."""
    from aver.releases.rollout.experiments import result
    from aver.server.rolling import controller, desk

    with Session.of(context).application() as application:
        rollout = desk(application).latest(environment, "experiment")
        analysis = controller(application).analysis(rollout)
    said = result(rollout, analysis)
    if as_json:
        print_json({"rollout": report(rollout), "result": said, "analysis": analysis.record()})
        return
    sys.stdout.write(f"{printable(said)}\n")
    findings(analysis)
