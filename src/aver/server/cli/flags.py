"""``aver flags``: what is switched for whom, and switching it off."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from aver.server.cli.bundle import BundleOption, located
from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.session import Session

__all__ = ["app"]

app = typer.Typer(help="Feature flags: those that the bundle declares, by OpenFeature's rules.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The flag.")]


@app.command("list")
def list_(context: typer.Context, directory: BundleOption = None, as_json: AsJson = False) -> None:
    """List the flags that the bundle declares."""
    from aver.releases.flags.service import SWITCH
    from aver.server.rolling import flags_config

    with Session.of(context).application() as application:
        config = flags_config(located(context, directory))
        killed = {
            each.name.removeprefix(SWITCH) for each in application.store.switches() if each.name.startswith(SWITCH)
        }
    if as_json:
        print_json({"flags": list(config.declared.values()), "killed": sorted(killed), "source": config.source})
        return
    rows = [
        (
            each.name,
            each.type,
            ", ".join(each.variants),
            each.default,
            len(each.rules),
            "killed" if each.name in killed else "enabled" if each.enabled else "disabled",
            each.about,
        )
        for each in config.declared.values()
    ]
    table(("flag", "type", "variants", "default", "rules", "state", "about"), rows)
    if config.source:
        sys.stdout.write(f"asked of {config.source.kind}: {printable(config.source.file)}\n")


@app.command()
def evaluate(
    context: typer.Context,
    name: Name,
    user: Annotated[str, typer.Option("--user", "-u", metavar="NAME", help="Who asks.")],
    tenant: Annotated[str, typer.Option("--tenant", "-t", metavar="TENANT", help="Of which tenant, by name.")] = "",
    group: Annotated[list[str] | None, typer.Option("--group", "-g", metavar="GROUP", help="In which groups.")] = None,
    directory: BundleOption = None,
    as_json: AsJson = False,
) -> None:
    """Say what somebody gets of a flag, and why."""
    from aver.core.errors import NotFound
    from aver.releases.rollout.assignment import Who
    from aver.server.rolling import flags_config, flags_of

    with Session.of(context).application() as application:
        config = flags_config(located(context, directory))
        if name not in config.declared:
            raise NotFound(f"There is no flag {name[:60]!r}", f"Declared are: {', '.join(config.declared) or 'none'}.")
        found = next((each for each in application.store.tenants() if tenant in (each.name, each.id)), None)
        who = Who(found.id if found else "", user, frozenset(group or ()), name=found.name if found else tenant)
        given = flags_of(application, config).given(name, who)
    if as_json:
        print_json(given)
    else:
        sys.stdout.write(f"{given.variant} = {printable(str(given.value))} ({given.reason})\n")


@app.command()
def kill(
    context: typer.Context,
    name: Name,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept.")],
    as_json: AsJson = False,
) -> None:
    """Give everybody the flag's default, within a second, on every replica."""
    from aver.releases.flags.service import SWITCH
    from aver.server.switching import throw_switch

    with Session.of(context).application() as application:
        switch = throw_switch(application, "feature", f"{SWITCH}{name}", reason=reason)
    if as_json:
        print_json(switch)
    else:
        sys.stdout.write(f"killed: {printable(name)}\n")


@app.command()
def restore(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Let a killed flag go by its rules again."""
    from aver.releases.flags.service import SWITCH
    from aver.server.switching import find_switch, lift_switch

    with Session.of(context).application() as application:
        switch = find_switch(application, "feature", f"{SWITCH}{name}")
        lift_switch(application, switch)
    if as_json:
        print_json({"id": switch.id, "lifted": True})
    else:
        sys.stdout.write(f"restored: {printable(name)}\n")
