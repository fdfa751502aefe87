"""Asking a release of the registry in place of the bundle as its directory is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aver.server.cli.session import Session
from aver.server.runs import RUNS

if TYPE_CHECKING:
    from aver.server.application import Application

__all__ = ["ReleaseOption", "frozen_folder", "opened_for", "runs_of"]

ReleaseOption = Annotated[
    str | None,
    typer.Option(
        "--release", metavar="RELEASE", help="Ask this release, by tag or digest, in place of the bundle as it is."
    ),
]


def frozen_folder(context: typer.Context, reference: str) -> tuple[Path, str]:
    """Where the files of a release are, each checked by its bytes, and its digest. Raises as
    :meth:`~aver.releases.Registry.open_folder`."""
    from aver.server.releasing import registry

    with Session.of(context).application() as application:
        releases = registry(application)
        release = releases.get(reference)
        return releases.open_folder(release.digest), release.digest


@contextmanager
def opened_for(context: typer.Context, reference: str | None, **flags: object) -> Iterator[tuple[Application, str]]:
    """The application under a release, and its digest; under the bundle as it is, and nothing, where none is named."""
    session = Session.of(context)
    if reference is None:
        with session.application(**flags) as application:
            yield application, ""
        return
    folder, digest = frozen_folder(context, reference)
    with session.frozen(folder) as application:
        yield application, digest


def runs_of(application: Application, digest: str) -> Path | None:
    """The folder that runs of suites are kept in: of a release among the installation's data, since nothing is written into its files; else in the
    bundle, ``None`` without one."""
    if digest:
        return application.settings.data / RUNS
    folder = application.bundle().folder
    return None if folder is None else folder / RUNS
