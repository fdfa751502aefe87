"""``aver turns``: turns searched and counted by what they came to, and one of them as a story."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from aver.server.cli.options import AsJson, Groups, TenantName
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.ops.turns.types import TurnRow
    from aver.server.application import Application
    from aver.server.inspecting import Look

__all__ = ["app"]

app = typer.Typer(help="Turns: what they came to, searched and counted, and one of them as a story.")


def _option(name: str, metavar: str, words: str) -> object:
    return typer.Option(f"--{name}", metavar=metavar, help=words)


@app.command("list")
def list_(
    context: typer.Context,
    tenant: TenantName,
    feature: Annotated[str, _option("feature", "NAME", "Of this feature.")] = "",
    release: Annotated[str, _option("release", "DIGEST", "Under this release; how its digest begins will do.")] = "",
    arm: Annotated[str, _option("arm", "NAME", "On this arm of a rollout.")] = "",
    outcome: Annotated[
        str, _option("outcome", "WORD", "answered, abstained, failed, blocked, cancelled or open.")
    ] = "",
    model: Annotated[str, _option("model", "NAME", "That called this model.")] = "",
    provider: Annotated[str, _option("provider", "NAME", "That called this provider.")] = "",
    tool: Annotated[str, _option("tool", "NAME", "That called this tool, or wanted to.")] = "",
    key: Annotated[str, _option("key", "ID", "With this API key.")] = "",
    source: Annotated[str, _option("source", "NAME", "That found passages of this source.")] = "",
    check: Annotated[str, _option("check", "NAME", "In which this guardrail found something.")] = "",
    unsupported: Annotated[bool, typer.Option("--unsupported", help="With a sentence that nothing supports.")] = False,
    denied: Annotated[bool, typer.Option("--denied", help="In which policy denied a call of a tool.")] = False,
    feedback: Annotated[str, _option("feedback", "WORD", "Said to be good, or bad.")] = "",
    incident: Annotated[str, _option("incident", "ID", "That this incident is about.")] = "",
    since: Annotated[
        str, _option("since", "WHEN", "Begun since then: 2026-01-31T10:00:00Z, or a span such as 24h.")
    ] = "",
    until: Annotated[str, _option("until", "WHEN", "Begun before then.")] = "",
    sort: Annotated[str, _option("sort", "WORD", "By what: newest, cost or latency.")] = "",
    after: Annotated[str, _option("after", "PLACE", "The page that follows one, as --json names it.")] = "",
    most: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=500, help="At most so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List turns of everybody, newest first: what they came to, and none of their words. All that is given has to hold.

    Example: aver turns list --tenant acme --outcome failed --since 24h
    """
    from aver.ops.turns.asking import read_filters
    from aver.server.http.turns import found_record

    texts = {"feature": feature, "release": release, "arm": arm, "outcome": outcome, "model": model, "key": key}
    texts |= {"provider": provider, "tool": tool, "source": source, "check": check, "feedback": feedback}
    texts |= {"incident": incident, "since": since, "until": until, "sort": sort, "after": after}
    given = {**texts, "unsupported": "1" * unsupported, "denied": "1" * denied}
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        services.operations.read()
        filters = read_filters(given, application.clock.now())
        if as_json:
            print_json(found_record(services, filters, most))
            return
        found = services.operations.turns.find(filters, most)
    table(
        ("began (UTC)", "turn", "feature", "outcome", "supported", "model", "tokens", "cost", "ms"),
        map(_row, found.turns),
    )
    sys.stdout.write(f"{len(found.turns):,} of {found.total:,} turns\n")


@app.command()
def show(
    context: typer.Context,
    turn: Annotated[str, typer.Argument(metavar="TURN", help="Its id.")],
    tenant: TenantName,
    user: Annotated[
        str, typer.Option("--user", "-u", metavar="USER", help="Who looks: without anybody, no words are shown.")
    ] = "",
    groups: Groups = [],  # noqa: B006 - Typer reads it once
    inspect: Annotated[
        bool,
        typer.Option(
            "--inspect", help="Show another's words, which puts the look on record; USER has to have the permission."
        ),
    ] = False,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Why, for the record.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show what happened in a turn, step by step, and whether its records hold.

    Example: aver turns show turn_01ja... --tenant acme --user rita --inspect --why "complaint 12"
    """
    with Session.of(context).application() as application:
        application.tenant(tenant).operations.read()
        found = _look(application, tenant, turn, user, groups, why, inspected=inspect)
    if as_json:
        from aver.server.http.turns import look_record

        print_json(look_record(found))
        return
    _story(found)


def _look(
    application: Application, tenant: str, turn: str, user: str, groups: list[str], why: str, *, inspected: bool
) -> Look:
    from aver.core.errors import InvalidInput
    from aver.core.principal import Principal
    from aver.server.inspecting import inspect, look

    services = application.tenant(tenant)
    name = services.store.tenant.id
    if not user:
        if inspected:
            raise InvalidInput("Nobody is named who looks", "Add --user USER.")
        return look(
            services, Principal(name, "operator", roles=frozenset({"operator"}), scopes=frozenset({"oversee"})), turn
        )
    person = application.directory.find(name, user)
    roles = person.principal.roles if person is not None and person.active else frozenset()
    principal = Principal(name, user, frozenset(groups), roles)
    return inspect(services, principal, turn, why) if inspected else look(services, principal, turn)


def _story(found: Look) -> None:
    from aver.server.story import tell

    row = found.row
    if row is not None:
        sys.stdout.write(f"{row.id}: {row.feature}, {row.outcome}, ${row.nano / 1e9:.6f}, {row.ms:,.0f} ms\n")
    table(
        ("at (UTC)", "record", "what happened"),
        [
            (f"{moment.at:%Y-%m-%d %H:%M:%S.%f}"[:-3], f"{step.seq:,}", moment.sentence)
            for step, moment in zip(found.steps, tell(found.steps), strict=True)
        ],
    )
    if found.answer is not None and found.answer.answer is not None:
        sys.stdout.write(f"answered: {printable(found.answer.answer.answer)}\n")
        if found.answer.withheld:
            sys.stdout.write(
                f"{found.answer.withheld} sentences left out, which rest on what whoever looks may not read\n"
            )
    proof = found.proof
    ending = f"sealed as record {proof.seq:,}" if proof.sealed else f"on record up to {proof.seq:,}"
    sys.stdout.write(f"{ending}; {'verified' if proof.verified else f'does not hold: {proof.problem}'}\n")


def _row(row: TurnRow) -> tuple[str, ...]:
    supported = f"{row.supported} of {row.claims}" if row.claims else "-"
    return (
        row.at[:19].replace("T", " "),
        row.id,
        row.feature,
        row.outcome,
        supported,
        ", ".join(row.models) or "-",
        f"{row.tokens:,}",
        f"${row.nano / 1e9:.6f}",
        f"{row.ms:,.0f}",
    )
