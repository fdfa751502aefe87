"""``aver release export`` and ``import``: a release in one file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json, printable
from aver.server.cli.progress import spinner
from aver.server.cli.releases.words import By, Reference, opened, summary, told, user

__all__ = ["export", "import_"]


def export(
    context: typer.Context,
    reference: Reference,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it; a tar file.")],
    as_json: AsJson = False,
) -> None:
    """Write a release with its signatures to one file, for another installation."""
    with opened(context) as (_, releases), spinner("Exporting", quiet=as_json):
        release = releases.get(reference)
        releases.export(release, file)
    if as_json:
        print_json({"digest": release.digest, "file": str(file), "bytes": file.stat().st_size})
    else:
        sys.stdout.write(f"{told(release.digest)} is in {printable(str(file))}\n")


def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What export wrote.")],
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Take a release in from a file. It is checked byte by byte; what people and gates said of it elsewhere does not come with it."""
    with opened(context) as (_, releases):
        with spinner("Importing", quiet=as_json):
            release = releases.take_in(file, by=user(by))
        pins = releases.pins()
    if as_json:
        print_json(summary(release, pins))
    else:
        sys.stdout.write(f"release {release.digest}\n")
