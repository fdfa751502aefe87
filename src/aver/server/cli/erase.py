"""``aver erase``: forget a person; and check the receipt of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from aver.core.errors import InvalidInput, NotFound
from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json, table
from aver.server.cli.people import at_this_machine
from aver.server.cli.session import Session

__all__ = ["app"]

app = typer.Typer(invoke_without_command=True)

Tenant = Annotated[str, typer.Option("--tenant", "-t", metavar="TENANT", help="The tenant, by name or id.")]


@app.callback()
def erase(
    context: typer.Context,
    tenant: Tenant = "",
    subject: Annotated[str, typer.Option(metavar="user:NAME", help="Whose content to erase.")] = "",
    receipt: Annotated[
        Path | None, typer.Option("--receipt", metavar="FILE", help="Write a signed receipt of what was destroyed.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Destroy the key of a person's content and revoke their API keys. It cannot be undone; the chain still verifies. A legal hold stops it.
    Example: aver erase --tenant acme --subject user:ann --receipt ann.json"""
    if context.invoked_subcommand is not None:
        return
    from aver.governance.erasure import seal
    from aver.server.persons import erase_person

    kind, _, user = subject.partition(":")
    if not tenant:
        raise InvalidInput("Missing option '--tenant'", "Say whose user it is.")
    if kind != "user" or not user:
        raise InvalidInput(f"{subject!r} names no subject", "Write it as user:NAME.")
    if receipt is not None and not receipt.parent.is_dir():
        raise InvalidInput(f"There is no folder {receipt.parent}", "Name a file in a folder that there is.")
    with Session.of(context).application() as application:
        found = erase_person(application, tenant, user, at_this_machine())
        if receipt is not None:
            sealed = seal(application.tenant(tenant).store, found)
            _write(receipt, sealed)
        cases = application.cases_of(tenant, user)
    if as_json:
        print_json({"subject": subject, "erased": True, "step": found.step, "cases": cases, "receipt": found})
        return
    sys.stdout.write(f"erased {subject}; recorded as step {found.step}\n")
    if cases:
        sys.stdout.write(
            f"{len(cases)} cases made of their turns left the queue; from exported sets: aver dataset forget\n"
        )


@app.command()
def verify(
    context: typer.Context,
    receipt: Annotated[Path, typer.Argument(metavar="RECEIPT", help="The file that aver erase wrote.")],
    tenant: Annotated[
        str, typer.Option("--tenant", "-t", metavar="TENANT", help="Hold it against this tenant's evidence too.")
    ] = "",
    key: Annotated[
        str, typer.Option("--key", metavar="FINGERPRINT", help="Of the tenant's key, got another way than the receipt.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Check that a receipt is what a tenant signed; with --tenant also that its evidence says so and that nothing can be read again."""
    from aver.governance.erasure import verify as verified

    try:
        written = receipt.read_bytes()
    except OSError:
        raise NotFound(f"There is no file {receipt}", "Check the path.") from None
    if tenant:
        with Session.of(context).application() as application:
            found = verified(written, expected=key or None, ledger=application.tenant(tenant).ledger)
    else:
        found = verified(written, expected=key or None)
    if as_json:
        print_json({"ok": True, "receipt": found})
        return
    sys.stdout.write("the receipt holds\n")
    rows = [
        ("subject", found.subject),
        ("erased", found.at),
        ("by", found.by),
        ("steps that can never be read again", found.steps),
        ("API keys revoked", found.keys),
        ("step of the chain", found.step),
        ("signed by the key", found.fingerprint),
    ]
    table(("", ""), rows)


def _write(path: Path, sealed: object) -> None:
    from aver.server.wire import to_json

    try:
        path.write_bytes(to_json(sealed, indent=True) + b"\n")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}", "Name another file.") from None
