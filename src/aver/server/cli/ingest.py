"""``aver ingest``: bring a folder's documents up to date."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aver.core.errors import InvalidInput, NotFound
from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import print_json, printable
from aver.server.cli.progress import progress, spinner
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.knowledge.types import IngestReport

__all__ = ["ingest", "print_report"]

_MEGABYTE = 2**20


def ingest(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A folder (or one file) of documents.")],
    tenant: TenantName,
    acl: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Who may read what: YAML, a list of {match, readers}. Without it, as before; at first, everyone.",
        ),
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="NAME", help="What PATH is a copy of; by default PATH itself.")
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Passwords to try on encrypted documents, one a line. They are used and not kept."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add what is new in PATH, update what changed, delete what is gone. Running it again changes nothing."""
    from aver.knowledge.access import AccessList
    from aver.knowledge.folder import FolderSource

    if not os.access(path, os.R_OK):
        raise NotFound(f"{str(path)!r} does not exist or cannot be read", "Check the path.")
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        readers = AccessList.load(acl) if acl else None
        passwords = _passwords(password_file) if password_file else ()
        folder = FolderSource(
            path, source or str(path.resolve()) or "root", application.settings.max_file_mb * _MEGABYTE
        )
        if not application.has_built_model:
            with spinner("building the model, this once", quiet=as_json):
                application.warm()
        with progress("ingesting", quiet=as_json) as watch:
            report = services.knowledge.ingest(folder, readers, passwords=passwords, progress=watch)
    if as_json:
        print_json(report)
    else:
        print_report(report)


def _passwords(path: Path) -> tuple[str, ...]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise NotFound(f"The passwords in {str(path)!r} cannot be read: {error.strerror}", "Check the path.") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{str(path)!r} is not UTF-8 text", "Write one password a line.") from None
    return tuple(line for line in lines if line)


def print_report(report: IngestReport) -> None:
    """What was done, in a line, and what failed."""
    changed = f", {report.acl_changed} with new readers" if report.acl_changed else ""
    sys.stdout.write(
        f"{report.added} added, {report.changed} changed, {report.deleted} deleted, {report.unchanged} unchanged{changed}; "
        f"{report.passages} passages in {report.seconds:.1f} s\n"
    )
    for item in report.failed:
        sys.stderr.write(f"failed: {printable(item.path)}: {printable(item.error)}\n")
    wanting = Counter(item.error for item in report.skipped if "pip install" in item.error)
    for error, count in wanting.items():
        sys.stderr.write(f"skipped {count} files: {printable(error)}\n")
    if others := len(report.skipped) - wanting.total():
        sys.stderr.write(f"skipped {others} files of other kinds\n")
