"""``aver documents``: what a user may read; and where a document came from."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from aver.core.errors import NotFound
from aver.server.cli.options import AsJson, Groups, TenantName, UserName, read_date
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.session import Session

__all__ = ["app"]

app = typer.Typer(help="The documents that a user may read, and where they came from.")

DocumentId = Annotated[str, typer.Argument(metavar="ID", help="A document's id, from the list or a citation.")]


@app.command("list")
def list_(
    context: typer.Context,
    tenant: TenantName,
    user: UserName,
    group: Groups = [],  # noqa: B006 - Typer copies it
    as_json: AsJson = False,
) -> None:
    """List the documents, each at its current version."""
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        found = services.knowledge.documents(services.principal(user, group))
    if as_json:
        print_json({"documents": found})
    else:
        rows = [(d.id, d.version, d.title, d.source, f"{d.updated:%Y-%m-%d %H:%M}") for d in found]
        table(("document", "version", "title", "source", "updated"), rows)


@app.command()
def show(
    context: typer.Context,
    document: DocumentId,
    tenant: TenantName,
    user: UserName,
    group: Groups = [],  # noqa: B006 - Typer copies it
    version: Annotated[
        int | None, typer.Option(min=1, max=2**31 - 1, metavar="V", help="The current one by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the stored text of a document version: what the offsets of citations refer to."""
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        principal = services.principal(user, group)
        found = services.knowledge.document(principal, document, version, blocks=as_json)
        services.read_by(principal, "document", "command", [(document, found.version)])
    if as_json:
        print_json(found)
    else:
        sys.stderr.write(f"{printable(found.title)}, version {found.version}, {printable(found.uri)}\n")
        sys.stdout.write(printable(found.text) + "\n")


@app.command()
def delete(
    context: typer.Context,
    document: DocumentId,
    tenant: TenantName,
    user: UserName,
    group: Groups = [],  # noqa: B006 - Typer copies it
    as_json: AsJson = False,
) -> None:
    """Delete a document: it is neither found nor cited from now on, in new and continued conversations."""
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        services.knowledge.delete(services.principal(user, group), document)
    if as_json:
        print_json({"document": document, "deleted": True})
    else:
        sys.stdout.write(f"deleted {document}\n")


@app.command()
def lineage(
    context: typer.Context,
    document: Annotated[
        str, typer.Argument(metavar="ID", help="A document's id; with --source, the path of an object of that source.")
    ],
    tenant: TenantName,
    source: Annotated[
        str | None, typer.Option(metavar="NAME", help="The source whose object ID is the path of.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="Only answers given then or later.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show where each version of a document came from, and which answers cite it."""
    from aver.agents.lineage import answers_citing
    from aver.knowledge.ingest import document_id

    found = document_id(source, document) if source else document
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        versions = services.knowledge.versions(found)
        if not versions:
            raise NotFound("There is no such document", "List a source's: aver documents list.")
        answers = list(answers_citing(services.ledger, [found], read_date(since, application.clock.now())))
    if as_json:
        print_json({"document": found, "versions": versions, "answers": answers})
        return
    first = versions[0]
    sys.stdout.write(f"{found}: {printable(first.path)} of the source {printable(first.source)}\n")
    rows = [(v.version, f"{v.taken:%Y-%m-%d %H:%M}", v.run, v.revision or v.digest[:16], v.title) for v in versions]
    table(("version", "taken in", "run", "revision", "title"), rows)
    sys.stdout.write(f"cited by {len(answers)} answer{'' if len(answers) == 1 else 's'}\n")
    if answers:
        table(("turn", "at", "version"), [(each.turn, f"{each.at:%Y-%m-%d %H:%M}", each.version) for each in answers])
