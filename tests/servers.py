"""Real servers for tests: the application over real HTTP, on a port that is free."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from aver.core.settings import Settings
from aver.server.application import Application
from aver.server.http.app import create_app
from aver.server.http.server import Server, listen
from aver.server.mcp import McpApp
from aver.testing import HashEmbedder

LEAVE = """# Leave policy

Unused leave: up to ten days carry over to the next year. They must be used by the end of March.

## Parental leave

Parental leave is sixteen weeks at full pay for every parent.
"""
SALARIES = """# Salary bands

A senior editor earns between 59,000 and 68,000 a year.
"""


@dataclass(frozen=True)
class Served:
    """A running server and the application behind it."""

    url: str
    application: Application


def open_application(settings: Settings) -> Application:
    """An application that embeds in microseconds; everything else is real."""
    return Application(settings, embedder=HashEmbedder())


@contextmanager
def serving(application: Application) -> Iterator[Served]:
    """Serve ``application`` from a thread, over a real socket, until the block ends."""
    address: list[str] = []
    started = threading.Event()

    def announce(url: str) -> None:
        address.append(url)
        started.set()

    with listen("127.0.0.1", 0) as socket:
        server = Server(create_app(application), announce)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
        thread.start()
        try:
            assert started.wait(120), "the server did not start"
            yield Served(address[0], application)
        finally:
            server.should_exit = True
            thread.join(30)


@contextmanager
def serving_mcp(app: McpApp) -> Iterator[str]:
    """As :func:`serving_app`; it is closed where it runs."""

    async def living(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await app.close()
        await send({"type": "lifespan.shutdown.complete"})

    with serving_app(living) as url:
        yield url


@contextmanager
def serving_app(app: ASGIApp) -> Iterator[str]:
    """Serve any ASGI application from a thread, over a real socket, until the block ends; its address."""
    with listen("127.0.0.1", 0) as socket:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{socket.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)


def write_handbook(folder: Path) -> tuple[Path, Path]:
    """A small handbook, whose page on salaries is for the group ``board``, and its access list."""
    handbook = folder / "handbook"
    handbook.mkdir(parents=True)
    (handbook / "leave.md").write_text(LEAVE, encoding="utf-8")
    (handbook / "salaries.md").write_text(SALARIES, encoding="utf-8")
    acl = folder / "acl.yaml"
    acl.write_text(
        '- {match: "**", readers: [everyone]}\n- {match: salaries.md, readers: [group:board]}\n', encoding="utf-8"
    )
    return handbook, acl


def fill(application: Application, folder: Path, tenant: str = "northwind") -> str:
    """Create ``tenant`` with the small handbook in it; its id."""
    from aver.knowledge.access import AccessList
    from aver.knowledge.folder import FolderSource

    created = application.store.create_tenant(tenant)
    handbook, acl = write_handbook(folder)
    application.tenant(tenant).knowledge.ingest(FolderSource(handbook, "handbook"), AccessList.load(acl))
    return created.id
