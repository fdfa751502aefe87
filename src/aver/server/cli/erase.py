"""``aver erase``: forget a person."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from aver.core.errors import InvalidInput
from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import print_json
from aver.server.cli.session import Session

__all__ = ["erase"]


def erase(
    context: typer.Context,
    tenant: TenantName,
    subject: Annotated[str, typer.Option(metavar="user:NAME", help="Whose content to erase.")],
    as_json: AsJson = False,
) -> None:
    """Destroy the key of a person's content and revoke their API keys. It cannot be undone; the chain still verifies."""
    kind, _, user = subject.partition(":")
    if kind != "user" or not user:
        raise InvalidInput(f"{subject!r} names no subject", "Write it as user:NAME.")
    with Session.of(context).application() as application:
        step = application.erase(tenant, user)
        cases = application.cases_of(tenant, user)
    if as_json:
        print_json({"subject": subject, "erased": True, "step": step.seq, "cases": cases})
        return
    sys.stdout.write(f"erased {subject}; recorded as step {step.seq}\n")
    if cases:
        sys.stdout.write(
            f"{len(cases)} cases made of their turns left the queue; from exported sets: aver dataset forget\n"
        )
