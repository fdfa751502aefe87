"""What one run of the command line knows: where the data is, and how to open the application on it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from aver.core.settings import Settings
    from aver.server.application import Application

__all__ = ["OpenApplication", "Session", "begin"]

OpenApplication: TypeAlias = "Callable[[Settings], Application]"
"""How to make the application from its settings."""


@dataclass(frozen=True, slots=True)
class Session:
    data: Path | None
    config: Path | None
    opener: OpenApplication | None

    @classmethod
    def of(cls, context: typer.Context) -> Session:
        session = context.find_object(cls)
        assert session is not None, "the root command begins every session"
        return session

    @contextmanager
    def application(self, **flags: object) -> Iterator[Application]:
        """The application under this session's settings; ``flags`` are further settings from options. Closed on leaving."""
        with self._opened(self._settings(flags)) as application:
            yield application

    @contextmanager
    def frozen(self, folder: Path) -> Iterator[Application]:
        """The same, serving the files of a release in ``folder``, whatever the settings say of bundle and environment."""
        with self._opened(replace(self._settings({}), bundle=folder, environment="")) as application:
            yield application

    def _settings(self, flags: Mapping[str, object]) -> Settings:
        from aver.server.configuration import load_settings

        return load_settings({"data": self.data, **flags}, self.config)

    @contextmanager
    def _opened(self, settings: Settings) -> Iterator[Application]:
        from aver.server.application import Application

        application = (self.opener or Application)(settings)
        try:
            yield application
        finally:
            application.close()


def _version(wanted: bool) -> None:
    if wanted:
        from aver import __version__

        sys.stdout.write(f"aver {__version__}\n")
        raise typer.Exit


def begin(
    context: typer.Context,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="The data directory; AVER_DATA, or .aver, by default.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE", help="The settings file; AVER_CONFIG, or DIR/settings.yaml, by default."
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Ask your documents and get answers that hold up: cited, permitted, provable."""
    del version  # its callback has acted
    context.obj = Session(data, config, context.obj)
    if context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")
