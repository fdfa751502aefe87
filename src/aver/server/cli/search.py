"""``aver search``: ranked passages, without an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aver.server.cli.options import AsJson, Groups, TenantName, UserName, check_text, read_date
from aver.server.cli.output import console, indented, print_json, printable
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.knowledge.types import Hit

__all__ = ["search"]


def search(
    context: typer.Context,
    query: Annotated[str, typer.Argument(metavar="QUERY")],
    tenant: TenantName,
    user: UserName,
    group: Groups = [],  # noqa: B006 - Typer copies it
    limit: Annotated[int, typer.Option(min=1, max=100, metavar="K", help="How many passages.")] = 8,
    source: Annotated[
        list[str], typer.Option(metavar="NAME", help="Only documents of this source; may be repeated.")
    ] = [],  # noqa: B006 - Typer copies it
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only documents that changed then or later.")
    ] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="Documents as they were then.")] = None,
    as_json: AsJson = False,
) -> None:
    """Search the documents that the user may read."""
    from aver.knowledge.scope import Scope

    check_text("query", query)
    with Session.of(context).application() as application:
        now = application.clock.now()
        scope = Scope(tuple(source), since=read_date(since, now), as_of=read_date(as_of, now, last=True))
        services = application.tenant(tenant)
        principal = services.principal(user, group)
        hits = services.search(principal, query, limit, scope)
        services.read_by(principal, "search", "command", [(hit.document, hit.version) for hit in hits])
    if as_json:
        print_json({"passages": hits})
    else:
        _print(hits)


def _print(hits: list[Hit]) -> None:
    from rich.text import Text

    out = console()
    if not hits:
        out.print("Nothing found in the documents this user may read.")
    for rank, hit in enumerate(hits, start=1):
        place = (
            f"{hit.title} \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} {hit.section}" if hit.section else hit.title
        )
        head = Text(f"{rank}. ", "dim").append(printable(place), "bold").append(f"  {hit.score:.3f}", "dim")
        out.print(head)
        out.print(Text(indented(_short(printable(hit.text)), out.width, by=3)))
        out.print(Text(f"   {hit.document} v{hit.version} {hit.start}-{hit.end}", "dim"))


def _short(text: str, length: int = 320) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else line[:length].rsplit(" ", 1)[0] + " \N{HORIZONTAL ELLIPSIS}"
