"""``aver sources``: where a tenant's documents come from."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aver.core.errors import AverError, InvalidInput, NotFound
from aver.server.cli.ingest import print_report
from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import print_json, printable, table
from aver.server.cli.progress import progress, spinner
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.knowledge.sources import SourceState

__all__ = ["app"]

app = typer.Typer(help="Where a tenant's documents come from, and how fresh they are.")

_STALE_DAYS = 365

SourceName = Annotated[str, typer.Argument(metavar="NAME", help="The source's name.")]


@app.command()
def apply(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML with sources: by name, each with its kind.")],
    tenant: TenantName,
    as_json: AsJson = False,
) -> None:
    """Declare the sources in FILE, or change them to what it says. Others stay, and nothing is followed yet."""
    from aver.knowledge.sources import parse_sources

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidInput(f"{file} cannot be read: {reason}", "Check the path.") from None
    declared = parse_sources(text, str(file))
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        services.sources.declare(declared)
        others = sorted({state.name for state in services.sources.states()} - {each.name for each in declared})
    if as_json:
        print_json({"declared": [each.name for each in declared], "others": others})
        return
    sys.stdout.write(f"declared {', '.join(each.name for each in declared) or 'nothing'}\n")
    if others:
        sys.stdout.write(f"not in {file}, and kept: {', '.join(map(printable, others))}\n")


@app.command("list")
def list_(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """List the sources, each with what it holds, how fresh it is, and what failed."""
    with Session.of(context).application() as application:
        states = application.tenant(tenant).sources.states()
        now = application.clock.now()
    if as_json:
        print_json({"sources": [_plain(state, now) for state in states]})
        return
    rows = [
        (
            state.name,
            state.kind or "by hand",
            state.documents,
            _words(state.lag(now)),
            _words(state.every) if state.every else "when asked",
            state.problem or (f"{len(state.failures)} failed" if state.failures else "well"),
        )
        for state in states
    ]
    table(("source", "kind", "documents", "lag", "every", "state"), rows)


@app.command()
def show(
    context: typer.Context,
    name: SourceName,
    tenant: TenantName,
    stale_days: Annotated[
        int, typer.Option(metavar="DAYS", min=1, max=36_500, help="Documents not changed for so long are stale.")
    ] = _STALE_DAYS,
    as_json: AsJson = False,
) -> None:
    """Show how a source stands: its last run and what failed in it, who may read how many documents, and how good these are."""
    from aver.knowledge.inspection import quality, readership

    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        now = application.clock.now()
        found = next((state for state in services.sources.states() if state.name == name), None)
        if found is None:
            raise NotFound(f"There is no source {name[:100]!r}", "See them: aver sources list")
        with services.store.read() as tx:
            readers, judged = readership(tx, name), quality(tx, name, now, stale_days=stale_days)
    plain = _plain(found, now)
    if as_json:
        print_json({**plain, "readership": readers, "quality": judged})
        return
    failed = plain.pop("failed")
    plain["read by"] = f"everyone {readers.everyone}, named {readers.named}, nobody {readers.nobody}"
    table(("", ""), [(key, "" if value is None else value) for key, value in plain.items()])
    for item in failed:
        sys.stdout.write(f"failed: {printable(item.path)}: {printable(item.error)}\n")
    for finding in judged.findings:
        sys.stdout.write(f"{finding.check}: {printable(finding.path)}: {finding.detail}\n")


@app.command()
def follow(
    context: typer.Context,
    tenant: TenantName,
    name: Annotated[list[str] | None, typer.Argument(metavar="[NAME...]", help="All of them by default.")] = None,
    due: Annotated[bool, typer.Option("--due", help="Only those whose schedule says so.")] = False,
    whole: Annotated[bool, typer.Option("--whole", help="List everything, not only what changed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the documents of sources to what they hold now. One that fails does not hold up the others."""
    results: dict[str, Any] = {}
    failure: AverError | None = None
    with Session.of(context).application() as application:
        following = application.tenant(tenant).sources
        chosen = name or (following.due() if due else [state.name for state in following.states() if state.kind])
        if chosen and not application.has_built_model:
            with spinner("building the model, this once", quiet=as_json):
                application.warm()
        for each in chosen:
            try:
                with progress(f"following {printable(each)}", quiet=as_json) as watch:
                    results[each] = following.follow(each, whole=whole, progress=watch)
            except AverError as error:
                results[each], failure = error.problem(), error
                if not as_json:
                    sys.stderr.write(f"failed: {printable(each)}: {printable(str(error))}\n")
                continue
            if not as_json:
                sys.stdout.write(f"{printable(each)}: ")
                print_report(results[each])
    if as_json:
        print_json({"sources": results})
    elif not results:
        sys.stdout.write("nothing is due\n" if due else "no source is declared\n")
    if failure is not None:
        raise typer.Exit(failure.exit_code)


@app.command()
def remove(context: typer.Context, name: SourceName, tenant: TenantName, as_json: AsJson = False) -> None:
    """Forget a source, and delete every document that came from it."""
    with Session.of(context).application() as application:
        report = application.tenant(tenant).sources.remove(name)
    if as_json:
        print_json({"source": name, "deleted": report.deleted})
    else:
        sys.stdout.write(f"removed {printable(name)} and its {report.deleted} documents\n")


@app.command()
def kinds(as_json: AsJson = False) -> None:
    """List the kinds of sources there are, with the fields of each."""
    from aver.knowledge.sources import kinds as known

    found = {name: load() for name, load in sorted(known().items())}
    if as_json:
        described = {
            name: {"about": kind.about, "fields": {field: each.about for field, each in kind.fields.items()}}
            for name, kind in found.items()
        }
        print_json({"kinds": described})
        return
    rows = [
        (name if not number else "", field, each.about + (" Required." if each.required else ""))
        for name, kind in found.items()
        for number, (field, each) in enumerate(kind.fields.items())
    ]
    table(("kind", "field", ""), rows)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a file of sources, for an editor to check it by."""
    from aver.knowledge.sources import source_schema

    print_json(source_schema())


def _plain(state: SourceState, now: datetime) -> dict[str, Any]:
    return {
        "name": state.name,
        "kind": state.kind or None,
        "every": state.every or None,
        "documents": state.documents,
        "fresh": state.fresh,
        "lag": state.lag(now),
        "tried": state.tried,
        "problem": state.problem or None,
        "failed": state.failures,
    }


def _words(seconds: float | None) -> str:
    """A length of time as a person says it."""
    if seconds is None:
        return "never followed"
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
