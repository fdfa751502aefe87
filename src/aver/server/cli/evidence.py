"""``aver evidence``: read it, verify it, hand it out."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aver.core.errors import InvalidInput, NotFound, VerificationFailed
from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import console, indented, print_json, printable, table
from aver.server.cli.people import at_this_machine
from aver.server.cli.progress import progress
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.evidence.types import Step, Verification
    from aver.server.application import Application, TenantServices

__all__ = ["app"]

app = typer.Typer(help="What happened, sealed: read it, verify it, export it.")

SomeTenant = Annotated[str | None, typer.Option("--tenant", "-t", metavar="TENANT", help="Only this tenant.")]


class _DoesNotVerify(VerificationFailed):
    """What was verified and did not hold, with every finding."""

    def __init__(self, found: Mapping[str, Verification]) -> None:
        self.found = found
        first, verification = next((name, item) for name, item in found.items() if not item.ok)
        record = f"record {verification.first_bad}: " if verification.first_bad is not None else ""
        super().__init__(
            f"The evidence of {first} does not verify: {record}{verification.reason}".rstrip("."),
            "Keep the files as they are, and compare them with a backup or an export.",
        )

    def problem(self) -> dict[str, object]:
        return {**super().problem(), **_outcome(self.found)}


@app.command()
def show(
    context: typer.Context,
    turn: Annotated[str, typer.Argument(metavar="TURN")],
    tenant: SomeTenant = None,
    as_json: AsJson = False,
) -> None:
    """Tell what happened in a turn, step by step."""
    with Session.of(context).application() as application:
        steps, services = _steps(application, turn, tenant)
        services.read_by(services.principal(at_this_machine()), "evidence", "command", about=turn)
    if as_json:
        print_json({"turn": turn, "steps": steps})
    else:
        _print_story(steps)


@app.command()
def lineage(
    context: typer.Context,
    turn: Annotated[str, typer.Argument(metavar="TURN")],
    tenant: SomeTenant = None,
    as_json: AsJson = False,
) -> None:
    """Show what the answer of a turn rests on: of each citation the passage, the document version, and the source's object it was made of."""
    from aver.agents.lineage import recorded_lineage

    with Session.of(context).application() as application:
        steps, services = _steps(application, turn, tenant)
        found = recorded_lineage(services.store, services.ledger, steps)
    if as_json:
        print_json(found)
        return
    for rests in found.rests:
        citation, origin = rests.citation, rests.origin
        sys.stdout.write(f"[{rests.number}] {printable(citation.title)}, version {citation.version}\n")
        sys.stdout.write(indented(printable(f"\u201c{citation.quote}\u201d"), 100) + "\n")
        if origin is None:
            sys.stdout.write("    the document was deleted\n")
            continue
        pages = f", page {', '.join(map(str, rests.place.pages))}" if rests.place and rests.place.pages else ""
        sys.stdout.write(
            f"    {printable(origin.path)} of the source {printable(origin.source)}{pages}, {printable(origin.uri)}\n"
        )
        state = origin.revision or f"sha256 {origin.digest[:16]}"
        sys.stdout.write(
            f"    taken in {origin.taken:%Y-%m-%d %H:%M} as {printable(state)}, record {rests.step} of the chain\n"
        )
        if origin.current != origin.version:
            sys.stdout.write(f"    version {origin.current} is newer\n")
    if not found.rests:
        sys.stdout.write("the answer cites nothing\n")


@app.command()
def verify(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="An export. Needs no data directory; without it, the tenants'."),
    ] = None,
    tenant: SomeTenant = None,
    key: Annotated[
        str | None, typer.Option(metavar="FINGERPRINT", help="The key that must have signed, from a source you trust.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check every hash, link and signature. Exit code 4, and the first bad record, when something does not add up."""
    if file is not None and tenant is not None:
        raise InvalidInput("A file and a tenant cannot be verified at once", "Give one of them.")
    found = _verify_file(file, key) if file is not None else _verify_tenants(context, tenant, key, quiet=as_json)
    if not all(item.ok for item in found.values()):
        raise _DoesNotVerify(found)
    if as_json:
        print_json(_outcome(found))
        return
    for name, item in found.items():
        unreadable = f", {item.unreadable} of them erased" if item.unreadable else ""
        sys.stdout.write(f"{name}: {item.steps} steps{unreadable} and {item.checkpoints} checkpoints verify\n")
        sys.stdout.write(f"  signed by {item.key_fingerprint}\n" if item.key_fingerprint else "")
        sys.stdout.writelines(f"  {printable(note)}\n" for note in item.notes)


@app.command()
def export(
    context: typer.Context,
    tenant: TenantName,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write; an existing file is not overwritten.")],
    with_content: Annotated[
        bool, typer.Option("--with-content", help="Also what was asked and answered, in clear.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the whole chain to one file that anyone can verify: aver evidence verify FILE."""
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        if out.exists():
            raise InvalidInput(f"{str(out)!r} exists already", "Choose another name, or remove it.")
        services.read_by(services.principal(at_this_machine()), "export", "command")
        services.outbox.settle()  # the export says of itself that it was made
        services.ledger.export(out, with_content=with_content)
    if as_json:
        print_json({"file": out, "bytes": out.stat().st_size, "with_content": with_content})
    else:
        sys.stdout.write(f"wrote {out}\n")


@app.command()
def anchor(
    context: typer.Context,
    tenant: TenantName,
    kind: Annotated[
        str, typer.Option("--in", metavar="KIND", help="Only in this place: file, s3, timestamp, witness.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Tell the places that the settings declare how the chain stands. Exit code 1 when one could not be told."""
    with Session.of(context).application() as application:
        made = application.tenant(tenant).anchors.anchor(kind)
    if as_json:
        print_json({"anchors": made})
    else:
        for each in made:
            said = (
                f"not anchored: {each.problem}"
                if each.problem
                else f"{each.seq:,} steps, root {each.statement['anchor']['root'][:16]}"
            )
            sys.stdout.write(f"{each.kind}: {printable(said)}\n")
    if any(each.problem for each in made):
        raise typer.Exit(1)


@app.command()
def anchors(
    context: typer.Context,
    tenant: TenantName,
    check: Annotated[bool, typer.Option("--check", help="Hold every place against the chain as it stands.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the states that were told outside, newest first. With --check, exit code 4 when the chain is not the one that was anchored."""
    with Session.of(context).application() as application:
        known = application.tenant(tenant).anchors
        found, held = known.recent(50), known.check() if check else []
    if as_json:
        print_json({"anchors": found, "findings": held})
    else:
        rows = [
            (
                f"{each.at:%Y-%m-%d %H:%M:%S}",
                each.kind,
                f"{each.seq:,}",
                each.problem or each.statement["anchor"]["root"][:16],
            )
            for each in found
        ]
        table(("at (UTC)", "told to", "steps", "root"), rows)
        for each in held:
            said = "; ".join(each.bad) if each.bad else each.note or f"{each.states:,} states hold"
            sys.stdout.write(f"{each.kind}: {printable(said)}\n")
    if bad := [each for each in held if not each.ok]:
        raise VerificationFailed(
            f"The chain is not the one that was anchored ({bad[0].kind}): {bad[0].bad[0]}",
            "Keep the files as they are, and compare them with a backup or a pack.",
        )


@app.command()
def prove(
    context: typer.Context,
    first: Annotated[int, typer.Argument(metavar="STEPS", help="How many steps the earlier state has.")],
    tenant: TenantName,
    second: Annotated[
        int | None, typer.Argument(metavar="LATER", help="The later one; the chain as it stands, if left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove that the chain grew out of an earlier state of it, in a few dozen hashes (RFC 9162)."""
    with Session.of(context).application() as application:
        proof = application.tenant(tenant).anchors.prove(first, second)
    if as_json:
        print_json(proof)
        return
    sys.stdout.write(
        f"from {proof['from']:>12,} steps  {proof['from_root']}\nto   {proof['to']:>12,} steps  {proof['to_root']}\n"
    )
    sys.stdout.writelines(f"  {each}\n" for each in proof["path"])


def _steps(application: Application, turn: str, tenant: str | None) -> tuple[tuple[Step, ...], TenantServices]:
    """The steps of a turn, which is looked for in every tenant unless one is named; and what that tenant has."""
    names = [tenant] if tenant else [each.id for each in application.store.tenants()]
    for name in names:
        try:
            services = application.tenant(name)
            return services.ledger.turn(turn), services
        except NotFound:
            if tenant:
                raise
    raise NotFound("There is no such turn, or it is not yours", "Take the id from an answer: its evidence.")


def _verify_file(file: Path, key: str | None) -> dict[str, Verification]:
    from aver.evidence import verify_export

    if not file.exists():
        raise NotFound(f"There is no file {str(file)!r}", "Check the path.")
    return {str(file): verify_export(file, fingerprint=key)}


def _verify_tenants(
    context: typer.Context, tenant: str | None, key: str | None, *, quiet: bool
) -> dict[str, Verification]:
    found: dict[str, Verification] = {}
    with Session.of(context).application() as application:
        names = [tenant] if tenant else [each.name for each in application.store.tenants()]
        for name in names:
            with _counting(f"verifying {printable(name)}", quiet=quiet) as count:
                found[name] = _signed_by(key, application.tenant(name).ledger.verify(count))
    return found


def _signed_by(key: str | None, found: Verification) -> Verification:
    if key is None or not found.ok or key == found.key_fingerprint:
        return found
    return replace(found, ok=False, reason=f"it is signed by {found.key_fingerprint}, not by {key}")


@contextmanager
def _counting(what: str, *, quiet: bool) -> Iterator[Any]:
    with progress(what, quiet=quiet) as watch:
        yield watch and (lambda done, total: watch(done, total, ""))


def _outcome(found: Mapping[str, Verification]) -> dict[str, Any]:
    return {"ok": all(item.ok for item in found.values()), "verified": found}


def _print_story(steps: tuple[Step, ...]) -> None:
    from rich.table import Table
    from rich.text import Text

    from aver.server.story import tell

    grid = Table.grid(padding=(0, 2))
    for moment in tell(steps):
        grid.add_row(Text(f"{moment.at:%Y-%m-%d %H:%M:%S.%f}"[:-3], "dim"), Text(printable(moment.sentence)))
    console().print(grid)
