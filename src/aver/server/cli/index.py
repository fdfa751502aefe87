"""``aver index``: look at a tenant's index, check it, mend it, go back, make it anew."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from aver.core.errors import VerificationFailed
from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.progress import progress, spinner
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.knowledge.life import IndexLife, Rebuilt
    from aver.knowledge.verification import Verified

__all__ = ["app"]

app = typer.Typer(help="The index that documents are found by: check it, mend it, go back, make it anew.")

SnapshotName = Annotated[str, typer.Argument(metavar="NAME", help="A snapshot's name.")]
_SHOWN = 20


class _DoesNotVerify(VerificationFailed):
    """An index that is not what the store says, with every finding."""

    def __init__(self, found: Verified) -> None:
        self.found = found
        more = f", and {len(found.problems) - 1} more" if len(found.problems) > 1 else ""
        super().__init__(f"The index does not verify: {found.problems[0]}{more}", "Run: aver index repair")

    def problem(self) -> dict[str, object]:
        found = self.found
        return {
            **super().problem(),
            "ok": False,
            "documents": found.documents,
            "passages": found.passages,
            "wrong": len(found.wrong),
            "statistics": found.statistics,
            "problems": list(found.problems),
        }


@app.command()
def status(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """Say what the index is, how large, and whether anything is still to be done in it."""
    with _opened(context, tenant, as_json) as life:
        found = life.status()
    if as_json:
        print_json(found)
        return
    sys.stdout.write(
        f"{found.engine}: {found.passages} passages of {found.documents} documents in {found.bytes / 2**20:.1f} MB\n"
        f"version {found.generation}.{found.version}, made with {found.recipe or 'nothing yet'}\n"
    )
    if found.pending:
        sys.stdout.write(
            f"{found.pending} documents, deleted or moved and shown to nobody, are still to be taken out\n"
        )
    if found.building:
        sys.stdout.write(f"beside it one is being made, or was cut off: {found.building}\n")
    if found.snapshots:
        sys.stdout.write(f"{found.snapshots} snapshots\n")


@app.command()
def verify(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """Check that every passage the store says is in the index, and the reverse. Exit code 4 when something is wrong."""
    with _opened(context, tenant, as_json) as life, progress("verifying", quiet=as_json) as watch:
        found = life.verify(watch)
    if not found.ok:
        if not as_json:
            sys.stdout.writelines(f"{printable(problem)}\n" for problem in found.problems[:_SHOWN])
        raise _DoesNotVerify(found)
    if as_json:
        print_json({"ok": True, "documents": found.documents, "passages": found.passages})
    else:
        sys.stdout.write(f"{found.passages} passages of {found.documents} documents verify\n")


@app.command()
def repair(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """Make again, from the stored texts, what verify finds wrong."""
    with _opened(context, tenant, as_json) as life, progress("repairing", quiet=as_json) as watch:
        done = life.repair(watch)
    if as_json:
        print_json(done)
    elif done.rebuilt:
        sys.stdout.write(f"the index could not be read, and was made anew: {done.documents} documents\n")
    else:
        anew = "; the statistics were made anew" if done.statistics else ""
        sys.stdout.write(f"{done.documents} documents put right{anew}\n")


@app.command()
def snapshot(context: typer.Context, name: SnapshotName, tenant: TenantName, as_json: AsJson = False) -> None:
    """Name what is found now, to go back to."""
    with _opened(context, tenant, as_json) as life:
        taken = life.snapshot(name)
    if as_json:
        print_json(taken)
    else:
        sys.stdout.write(f"{taken.name}: {taken.documents} documents\n")


@app.command()
def snapshots(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """List the snapshots."""
    with _opened(context, tenant, as_json) as life:
        found = life.snapshots()
    if as_json:
        print_json({"snapshots": found})
    else:
        rows = [(each.name, f"{each.created:%Y-%m-%d %H:%M}", each.documents, each.recipe) for each in found]
        table(("snapshot", "created", "documents", "made with"), rows)


@app.command()
def rollback(context: typer.Context, name: SnapshotName, tenant: TenantName, as_json: AsJson = False) -> None:
    """Find what was found at a snapshot. What was deleted or revoked since stays so; what came later is taken out."""
    with _opened(context, tenant, as_json) as life, progress("rolling back", quiet=as_json) as watch:
        done = life.rollback(name, watch)
    if as_json:
        print_json(done)
    else:
        anew = ", the index made anew" if done.rebuilt else ""
        sys.stdout.write(f"{done.restored} documents restored, {done.removed} taken out{anew}\n")


@app.command()
def rebuild(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """Make the index anew beside the one that is read, and switch. Cut off, running it again goes on."""
    with _opened(context, tenant, as_json) as life, progress("rebuilding", quiet=as_json) as watch:
        done = life.rebuild(watch)
    _told(done, as_json)


@app.command()
def migrate(
    context: typer.Context,
    tenant: TenantName,
    to: Annotated[
        str | None, typer.Option(metavar="EMBEDDER", help="By default the one that new indexes are made with.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the index anew with another embedding model, beside the one that is read, and switch."""
    with _opened(context, tenant, as_json) as life, progress("migrating", quiet=as_json) as watch:
        done = life.migrate(to, watch)
    _told(done, as_json)


def _told(done: Rebuilt, as_json: bool) -> None:
    if as_json:
        print_json(done)
    else:
        sys.stdout.write(f"{done.documents} documents in {done.seconds:.1f} s, made with {done.recipe}\n")


@contextmanager
def _opened(context: typer.Context, tenant: str, quiet: bool) -> Iterator[IndexLife]:
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        if not application.has_built_model:
            with spinner("building the model, this once", quiet=quiet):
                application.warm()
        yield services.knowledge.index
