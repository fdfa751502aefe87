"""Arguments and options that commands about releases share, and how a release is told of."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aver.core.errors import InvalidInput
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.releases import Environment, Registry, Release
    from aver.server.application import Application

__all__ = [
    "By",
    "EnvironmentName",
    "Out",
    "Reason",
    "Reference",
    "Roles",
    "opened",
    "summary",
    "told",
    "user",
    "where",
    "written",
]

SHORT = 12
"""Characters of a digest that people are shown: enough to name it."""

Reference = Annotated[
    str,
    typer.Argument(
        metavar="RELEASE", help="A tag, an environment, a digest, or the first 7 characters of one or more."
    ),
]
EnvironmentName = Annotated[str, typer.Argument(metavar="ENVIRONMENT", help="Such as staging or production.")]
By = Annotated[
    str | None,
    typer.Option("--user", "-u", metavar="USER", help="Who does it; the name of this account, by default."),
]
Roles = Annotated[list[str], typer.Option("--role", metavar="ROLE", help="A role that this person has; repeat it.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write it there.")]


@contextmanager
def opened(context: typer.Context, **flags: object) -> Iterator[tuple[Application, Registry]]:
    """The application and its registry. Nothing of a bundle is read: what is wrong with one must not stop a rollback."""
    from aver.server.releasing import registry

    with Session.of(context).application(**flags) as application:
        yield application, registry(application)


def user(given: str | None) -> str:
    """Who does it. :class:`InvalidInput` where that is not said, and this account has no name."""
    if given is not None:
        return given
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise InvalidInput("It is not known who does this", "Say it: --user NAME") from None


def where(release: Release, environments: Mapping[str, Environment]) -> list[str]:
    """The environments that it is in force in."""
    return [name for name, each in environments.items() if each.digest == release.digest]


def summary(release: Release, environments: Mapping[str, Environment]) -> dict[str, Any]:
    """A release in a few fields, as JSON."""
    return {
        "digest": release.digest,
        "tags": list(release.tags),
        "environments": where(release, environments),
        "created": release.created,
        "created_by": release.created_by,
        "note": release.provenance.note,
    }


def told(digest: str) -> str:
    """A digest as people are shown it."""
    return digest[:SHORT] if digest else "none"


def written(out: Path, data: bytes) -> None:
    """Write a file; :class:`InvalidInput` where that cannot be."""
    try:
        out.write_bytes(data)
    except OSError as error:
        raise InvalidInput(f"{str(out)!r} cannot be written: {error.strerror}", "Choose another file.") from None
