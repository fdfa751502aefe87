"""``aver release lacking``, ``promote``, ``rollback`` and ``history``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.releases.words import By, EnvironmentName, Reason, Reference, Roles, opened, told, user

if TYPE_CHECKING:
    from aver.releases import Environment

__all__ = ["history", "lacking", "promote", "rollback"]


def lacking(
    context: typer.Context, reference: Reference, environment: EnvironmentName, as_json: AsJson = False
) -> None:
    """Say what a release lacks to be promoted."""
    with opened(context) as (_, releases):
        lacks = releases.lacking(environment, reference)
    if as_json:
        print_json({"environment": environment, "lacking": lacks})
    else:
        sys.stdout.write("".join(f"{printable(each)}\n" for each in lacks) or "nothing: it may be promoted\n")


def promote(
    context: typer.Context,
    reference: Reference,
    environment: EnvironmentName,
    by: By = None,
    reason: Reason = "",
    role: Roles = [],  # noqa: B006 - Typer copies it
    force: Annotated[
        bool, typer.Option("--force", help="Without what it lacks; takes a --reason and a --role that may.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a release in force in an environment, for everybody at once; a rollout that is under way there ends with it.

    A release needs what it says itself, and what the one in force says: to have been in the environment before, a gate that passed, sign-offs.
    """
    with opened(context) as (_, releases):
        now = releases.promote(environment, reference, user(by), reason, roles=role, force=force)
    _moved(now, "is on", as_json=as_json)


def rollback(
    context: typer.Context,
    environment: EnvironmentName,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept.")],
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="RELEASE", help="An earlier release; the one in force before, by default."),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Put an earlier release in force again, on every replica within a second. A rollout that is under way ends, and without --to that is all.

    Nothing is evaluated, and neither the bundle's directory nor any model is needed.
    """
    with opened(context) as (_, releases):
        now = releases.rollback(environment, user(by), reason, to)
        gone = releases.missing(releases.get(now.digest))
    if gone:
        sys.stderr.write(
            f"the bytes of {printable(gone[0])!r} are gone, so only servers that have this release open serve it: restore them, or name another with --to\n"
        )
    _moved(now, "is back on", as_json=as_json)


def history(context: typer.Context, environment: EnvironmentName, as_json: AsJson = False) -> None:
    """List every promotion and rollback of an environment, oldest first."""
    with opened(context) as (_, releases):
        moves = releases.moves(environment)
    if as_json:
        print_json({"environment": environment, "moves": moves})
        return
    rows = [
        (
            f"{each.at:%Y-%m-%d %H:%M:%S}",
            each.kind.replace("_", " "),
            told(each.digest),
            told(each.before),
            each.by,
            "; ".join(filter(None, (each.reason, *each.lacked))),
        )
        for each in moves
    ]
    table(("when", "what", "to", "from", "by", "why"), rows)


def _moved(now: Environment, verb: str, *, as_json: bool) -> None:
    if as_json:
        print_json(now)
    else:
        sys.stdout.write(f"{now.name} {verb} {told(now.digest)}\n")
