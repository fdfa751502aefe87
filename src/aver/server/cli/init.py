"""``aver init``: a folder to begin with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json, printable

__all__ = ["init"]


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write it; made if it is not there.")],
    force: Annotated[
        bool, typer.Option("--force", help="Write it although files are there; each is kept beside, as NAME.before.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a bundle to begin with: an assistant over a few documents, its first cases and gate, and checks for three systems of continuous
    integration. Nothing is overwritten, and nothing deleted."""
    from aver.server.starting import start

    started = start(folder, force=force)
    if as_json:
        print_json(started)
        return
    sys.stdout.write(f"{len(started.written)} files written to {printable(str(folder))}\n")
    sys.stdout.writelines(f"kept as it was: {printable(name)}\n" for name in started.kept)
    sys.stdout.write(f"Go on with: cd {printable(str(folder))} && aver check\n")
