"""``aver serve``: the HTTP API, the OpenAI-compatible endpoint and the console, in one process."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from aver.server.application import Application

__all__ = ["serve"]


class Only(StrEnum):
    """What may be served alone."""

    GATEWAY = "gateway"


def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="The address to listen on; 127.0.0.1 by default.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="The port; 8420 by default, 0 for any that is free.")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The bundle whose aver.yaml declares models and routes.")
    ] = None,
    only: Annotated[
        Only | None, typer.Option(help="Serve this part alone: gateway is the model endpoints, in little memory.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Serve until stopped with Ctrl-C or SIGTERM; requests in flight are finished first."""
    from aver.server.http.logs import configure_logs
    from aver.server.http.server import listen, run

    session = Session.of(context)
    with session.application(host=host, port=port, bundle=bundle) as application:
        socket = listen(application.settings.host, application.settings.port)
        configure_logs(application.telemetry.say, application.settings.telemetry.service)
        application.health.keep_reserve()

        def announce(address: str) -> None:
            if as_json:
                print_json({"address": address})
            else:
                sys.stdout.write(f"Aver is at {address}\n")
            sys.stdout.flush()

        run(_app(application, only), socket, announce)


def _app(application: Application, only: Only | None) -> ASGIApp:
    if only is Only.GATEWAY:
        from aver.server.doors.alone import gateway_alone

        return gateway_alone(application)
    from aver.server.http.app import create_app

    if not application.settings.environment and application.bundle().agents:
        _ = application.agents  # whose policies, if they cannot be read, are no surprise for the first user
    return create_app(application)
