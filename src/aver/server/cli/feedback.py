"""``aver feedback``: the turns that wait for a decision, what becomes of them, and tickets that name them."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer

from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.session import Session

__all__ = ["app"]

app = typer.Typer(help="What people say of answers, and what becomes of it.")


@app.command("list")
def list_(
    context: typer.Context,
    tenant: TenantName,
    signal: Annotated[
        str, typer.Option("--signal", metavar="WORD", help="Only these: ticket, bad, again, unsupported or sampled.")
    ] = "",
    decided: Annotated[bool, typer.Option("--decided", help="Those that were decided, the latest first.")] = False,
    clusters: Annotated[
        bool, typer.Option("--clusters", help="What many of them ask about, by their meaning.")
    ] = False,
    count: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the turns that wait for somebody to decide what becomes of them, the worst and newest first."""
    from aver.core.errors import InvalidInput
    from aver.ops.feedback.types import SIGNALS, signal_of
    from aver.server.http.feedback import record

    wanted = signal_of(signal)
    if signal and wanted is None:
        raise InvalidInput(f"There is no signal {signal[:40]!r}", f"There is {', '.join(SIGNALS)}.")
    with Session.of(context).application() as application:
        desk = application.tenant(tenant).triage
        whole = desk.catch_up()
        found = desk.items(wanted, decided=decided, most=count, spoken=False)
        counts, groups = desk.counts(), desk.clusters() if clusters else []
    if as_json:
        about = {"clusters": groups} if clusters else {}
        print_json({"items": [record(each) for each in found], "counts": counts, "whole": whole, **about})
        return
    rows = [
        (
            each.turn,
            f"{each.at:%Y-%m-%d %H:%M}",
            " ".join([*each.signals, *([each.reason] if each.reason else [])]),
            f"{each.became.act} {each.became.of}" if each.became else "",
            each.words.question[:80],
        )
        for each in found
    ]
    table(("turn", "asked", "why", "became", "question"), rows)
    for group in groups:
        sys.stdout.write(f"{len(group.turns)} about {printable(group.name)}\n")
    sys.stdout.write(f"{counts.get('', 0):,} wait, {counts.get('decided', 0):,} are decided\n")
    if not whole:
        sys.stdout.write("older evidence is still being read: ask again\n")


@app.command()
def triage(
    context: typer.Context,
    turn: Annotated[str, typer.Argument(metavar="TURN", help="Its id.")],
    act: Annotated[str, typer.Argument(metavar="ACT", help="case, seed, incident, document or dismissed.")],
    tenant: TenantName,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, in your words.")] = "",
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="Of an incident.")] = "",
    document: Annotated[str, typer.Option("--document", metavar="ID", help="Which one is to be mended.")] = "",
    reason: Annotated[
        str,
        typer.Option("--reason", metavar="WORD", help="Of a dismissal: expected, known, outside, unclear or other."),
    ] = "",
    by: Annotated[
        str, typer.Option("--user", metavar="NAME", help="Who decides; whoever runs the command, if left out.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Decide what becomes of a turn: a case to be labelled, a seed for the red team, an incident, a document to be mended, or nothing.

    For example: aver feedback triage turn_... dismissed --reason expected --tenant acme
    """
    with Session.of(context).application() as application:
        desk = application.tenant(tenant).triage
        who = by or getpass.getuser()
        became = desk.decide(turn, act, by=who, note=note, title=title, document=document, reason=reason)
    if as_json:
        print_json({"turn": turn, "act": became.act, "of": became.of, "at": became.at})
    else:
        sys.stdout.write(f"it {became.words}: {became.of}\n")


@app.command("import")
def import_(
    context: typer.Context,
    tenant: TenantName,
    path: Annotated[
        Path | None,
        typer.Argument(metavar="PATH", help="A maildir, an mbox, a folder of .eml files, or one of these."),
    ] = None,
    source: Annotated[
        str,
        typer.Option(
            "--source", metavar="NAME", help="Instead: a declared source whose items are tickets, as of Jira."
        ),
    ] = "",
    imap: Annotated[
        str,
        typer.Option(
            "--imap", metavar="ADDRESS", help="Instead: a folder of a mailbox, as imaps://USER@HOST:PORT/FOLDER."
        ),
    ] = "",
    password: Annotated[
        str, typer.Option("--password", metavar="REFERENCE", help="Where its password is kept, such as env:NAME.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Tie support tickets to the turns whose ids or addresses they name, each once.

    What a ticket says is kept under the key of whoever asked, and erased with them. Tickets that name no turn are left where they are. Of a
    mailbox what came since the last time is read, and nothing in it is changed.

    For example: aver feedback import --tenant acme --imap imaps://support@mail.example.org/INBOX --password env:SUPPORT_MAIL
    """
    from aver.core.errors import InvalidInput
    from aver.ops.feedback.imap import MailFolder, imap_tickets
    from aver.ops.feedback.tickets import import_tickets, mail_tickets, source_tickets

    if [path is not None, bool(source), bool(imap)].count(True) != 1:
        raise InvalidInput("Expected PATH, --source or --imap", "Give one of the three.")
    if bool(imap) != bool(password):
        raise InvalidInput("Expected --imap and --password together", "Name where the password is kept: env:NAME.")
    folder = MailFolder.parse(imap) if imap else None
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        services.outbox.settle()
        if folder is not None:
            tickets = imap_tickets(folder, application.secret(password), services.store)
        elif path is not None:
            tickets = mail_tickets(path)
        else:
            kind, opened = services.sources.opened(source)
            tickets = source_tickets(opened, kind)
        done = import_tickets(services.store, services.ledger, tickets)
    if as_json:
        print_json(done)
    else:
        sys.stdout.write(
            f"tied to {done.tied:,} turns; {done.known:,} tickets were known, {done.untied:,} name no turn of this tenant\n"
        )
