"""The HTTP application: routes, errors, security, one OpenAPI document."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import ASGIApp

from aver import __version__
from aver.server.anchoring import anchorer
from aver.server.application import Application
from aver.server.console.routes import router as console
from aver.server.doors import Doors
from aver.server.doors.openapi import describe
from aver.server.following import Follower
from aver.server.http import (
    agents,
    approvals,
    ask,
    auditing,
    conversations,
    documents,
    drills,
    events,
    evidence,
    feedback,
    governance,
    health,
    incidents,
    keys,
    operations,
    people,
    releases,
    scim,
    scorecard,
    sources,
    switches,
    turns,
)
from aver.server.http.envelope import Envelope
from aver.server.http.permissions import say_permissions
from aver.server.http.problems import install_error_handlers
from aver.server.http.replies import say_refused
from aver.server.keeping import keeper
from aver.server.mcp import McpApp
from aver.server.roller import Roller
from aver.server.watching import Watcher

__all__ = ["create_app"]

_DESCRIPTION = (
    "Answers from your organisation's documents, each sentence tied to an exact span of a document version that the caller "
    "may read; and every model behind the protocols that clients already speak. Failures are RFC 9457 problem details, except "
    "where a protocol has a shape of its own."
)


def create_app(application: Application) -> ASGIApp:
    """Everything there is: the doors for models, the API, the console."""
    api = _api(application)
    doors = Doors(application, api)
    document = api.openapi
    api.openapi = lambda: say_permissions(api, say_refused(describe(document())), doors.needs)  # type: ignore[method-assign]
    return doors


def _api(application: Application) -> FastAPI:
    """The HTTP face of ``application``, whose model it loads in the background while it starts."""

    follower, mcp, roller = Follower(application), McpApp(application), Roller(application)
    watcher = Watcher(application)
    recurring = [each for each in (keeper(application), anchorer(application)) if each is not None]

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        warming = asyncio.create_task(asyncio.to_thread(application.warm))
        follower.start()
        application.runner.start()
        roller.start()
        watcher.start()
        for each in recurring:
            each.start()
        yield
        follower.close()
        await roller.close()
        await watcher.close()
        for each in recurring:
            await each.close()
        await application.runner.close()
        await mcp.close()
        await asyncio.gather(warming, return_exceptions=True)
        await application.aclose()

    app = FastAPI(
        title="Aver",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    app.state.application = application
    app.state.follower = follower
    app.add_middleware(Envelope)
    install_error_handlers(app)
    for module in (
        ask,
        documents,
        sources,
        conversations,
        evidence,
        auditing,
        feedback,
        agents,
        approvals,
        switches,
        turns,
        operations,
        incidents,
        releases,
        people,
        keys,
        governance,
        scim,
        scorecard,
        drills,
        events,
        health,
    ):
        app.include_router(module.router)
    app.include_router(console)
    app.router.routes.append(Route("/mcp", mcp, methods=["POST"], include_in_schema=False))
    return app
