"""``aver release create``, ``tag``, ``untag`` and ``delete``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from aver.server.cli.bundle import BundleOption, located
from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json, printable
from aver.server.cli.progress import spinner
from aver.server.cli.releases.words import By, Reference, opened, summary, told, user

__all__ = ["create", "delete", "tag", "untag"]

Tag = Annotated[str, typer.Argument(metavar="TAG", help="Small letters, digits, dots, dashes and underscores.")]


def create(
    context: typer.Context,
    bundle: BundleOption = None,
    by: By = None,
    tags: Annotated[list[str], typer.Option("--tag", metavar="TAG", help="Call it by this; repeat it for more.")] = [],  # noqa: B006 - Typer copies it
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What is new; it is kept.")] = "",
    as_json: AsJson = False,
) -> None:
    """Freeze a bundle: everything that decides how it behaves, under one digest. The same bundle is the same release on every machine."""
    from aver.server.releasing import create_release

    file = located(context, bundle)
    with opened(context) as (application, releases):
        with spinner("Freezing the bundle", quiet=as_json):
            release = create_release(application, file, by=user(by), note=note)
        for each in tags:
            release = releases.tag(release, each, by=user(by))
        pins = releases.pins()
    if as_json:
        print_json(summary(release, pins) | {"files": len(release.manifest.files)})
        return
    dirty = ", with changes that are not committed" if release.provenance.dirty else ""
    commit = f"\nfrom commit {release.provenance.commit[:12]}{dirty}" if release.provenance.commit else ""
    sys.stdout.write(f"release {release.digest}\n{len(release.manifest.files)} files{commit}\n")


def tag(context: typer.Context, reference: Reference, name: Tag, by: By = None, as_json: AsJson = False) -> None:
    """Call a release by a name; another that has it loses it."""
    with opened(context) as (_, releases):
        release = releases.tag(releases.get(reference), name, by=user(by))
        pins = releases.pins()
    if as_json:
        print_json(summary(release, pins))
    else:
        sys.stdout.write(f"{told(release.digest)} is {printable(name)}\n")


def untag(context: typer.Context, name: Tag, as_json: AsJson = False) -> None:
    """Take a name away."""
    with opened(context) as (_, releases):
        releases.untag(name)
    if as_json:
        print_json({"tag": name, "removed": True})
    else:
        sys.stdout.write(f"no release is {printable(name)} any more\n")


def delete(context: typer.Context, reference: Reference, as_json: AsJson = False) -> None:
    """Forget a release and its files; not one that an environment is on, or may go back to."""
    with opened(context) as (_, releases):
        release = releases.get(reference)
        releases.delete(release)
    if as_json:
        print_json({"digest": release.digest, "deleted": True})
    else:
        sys.stdout.write(f"deleted {told(release.digest)}\n")
