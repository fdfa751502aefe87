"""The bundle that commands are about which read one without serving it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aver.server.cli.gateway.bundle import BundleArgument, BundleOption, located

if TYPE_CHECKING:
    from aver.gateway.credentials import Secrets
    from aver.server.bundle import Bundle

__all__ = ["BundleArgument", "BundleOption", "Offline", "located", "opened"]

Offline = Annotated[
    bool, typer.Option("--offline", help="Ask no MCP server what it offers; believe what is declared of it.")
]


def opened(context: typer.Context, directory: Path | None) -> tuple[Bundle, Secrets]:
    """What the bundle declares, and where the secrets are that it refers to."""
    import os

    from aver.gateway.credentials import Secrets
    from aver.server.bundle import read_whole

    return read_whole(located(context, directory)), Secrets(os.environ)
