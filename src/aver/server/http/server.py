"""uvicorn, set up for Aver: one process, uvloop and httptools, a socket that is bound before anything else starts."""

from __future__ import annotations

import errno
import gc
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from signal import SIGINT, SIGTERM, signal
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from aver.core.errors import Conflict, InvalidInput

__all__ = ["Server", "listen", "run"]

_BACKLOG = 2048
_GRACE = 10
"""Seconds that requests in flight are given after the server was told to stop."""


class Server(uvicorn.Server):
    """Says when it accepts requests."""

    def __init__(self, app: ASGIApp, announce: Callable[[str], None]) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE,
        )
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            self._announce(_address(sockets[0]))


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; :class:`Conflict` when another program has the port."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise InvalidInput(
            f"{host!r} is no address of this machine", "Use --host 127.0.0.1, or 0.0.0.0 for all."
        ) from None
    listening = socket.socket(family, kind, protocol)
    try:
        # Without it, a server that was just stopped keeps its port for a minute.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise Conflict(f"Port {port} of {host} is in use by another program", "Choose another: --port N.") from None
        raise InvalidInput(
            f"{host} port {port} cannot be listened on ({error.strerror})", "Choose another with --host and --port."
        ) from None
    return listening


def spare_the_collector() -> None:
    """Look for cycles among fresh objects less often, and never among those of the start. A call makes hundreds of objects and hardly
    a cycle, and by default much of its time would go into looking for some."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 10)


def run(app: ASGIApp, listening: socket.socket, announce: Callable[[str], None]) -> None:
    """Serve until a signal says stop; returns when everything has ended."""
    server = Server(app, announce)
    spare_the_collector()
    with _ends_quietly():
        server.run(sockets=[listening])


@contextmanager
def _ends_quietly() -> Iterator[None]:
    """uvicorn stops in order at a signal, then raises it again; by then it has been obeyed."""

    def obeyed(_signal: int, _frame: FrameType | None) -> None:
        return None

    before = [(number, signal(number, obeyed)) for number in (SIGINT, SIGTERM)]
    try:
        yield
    finally:
        for number, handler in before:
            signal(number, handler)


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
