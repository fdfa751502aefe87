"""``POST /events/{tenant}/{source}``: a system tells that something changed in it, and the source is followed at once.

No API key opens it, so it stands outside of ``/v1``: whoever asks proves with the source's own secret who they are. Whether there is such a
tenant or source is told to nobody else, and of what was sent nothing is kept or logged.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel

from aver.core.errors import AverError, NotFound
from aver.knowledge.sources.webhooks import Event
from aver.server.application import Application
from aver.server.following import Follower
from aver.server.http.auth import App
from aver.server.http.replies import problems, reply

__all__ = ["router"]

router = APIRouter(tags=["sources"])
_NO_KEY = {
    "security": [],
    "requestBody": {
        "required": True,
        "description": "As the source's system sends it, with its signature in a header.",
        "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
    },
}
_log = logging.getLogger("aver.sources")


class Taken(BaseModel):
    status: Literal["taken"]


class Challenged(BaseModel):
    challenge: str


@router.post(
    "/events/{tenant}/{source}",
    status_code=202,
    response_model=Taken,
    responses={
        200: {"model": Challenged, "description": "What Slack wants to be told back."},
        **problems(404, 413, 422),
    },
    openapi_extra=_NO_KEY,
)
async def event(
    tenant: Annotated[str, Path(max_length=200, description="The tenant's name or id.")],
    source: Annotated[str, Path(max_length=200, description="The source's name.")],
    request: Request,
    application: App,
) -> Response:
    """Something changed in the system that a source is in. It is followed within seconds, once for many such events, if this one bears
    the signature of its system, made with the source's `webhook_secret`; anything else is answered as if there were no such source."""
    sent = Event(dict(request.headers), await request.body())
    told = await asyncio.to_thread(_take, application, request.app.state.follower, tenant, source, sent)
    return reply({"status": "taken"}, 202) if told is None else reply({"challenge": told})


def _take(application: Application, follower: Follower, tenant: str, source: str, sent: Event) -> str | None:
    try:
        services = application.tenant(tenant)
        told = services.sources.take(source, sent)
    except NotFound as error:
        if isinstance(why := error.__cause__, AverError):
            _log.error("an event could not be checked", extra={"error": why.slug})
        # In the same words whatever is not so: whoever may not know is not told what there is.
        raise NotFound(
            "There is no such source, or the event is not signed with its secret",
            "Check the address, the webhook_secret of the source, and the clocks.",
        ) from None
    if told is None:
        follower.wake(services.store.tenant.id)
    return told
