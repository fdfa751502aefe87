"""``/v1/objectives``, ``/v1/alerts``, ``/v1/silences``, ``/v1/mitigations``, ``/v1/runbooks``: how the tenant stands, and what can be done."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from aver.ops.mitigation.actions import read_action
from aver.ops.mitigation.desk import MitigationDesk
from aver.ops.mitigation.types import Action, Actor, Status
from aver.ops.types import Indicator, Severity
from aver.server.http.auth import Operator, Overseer, Services, actor_of
from aver.server.http.fields import Text
from aver.server.http.replies import problems, reply

__all__ = ["MitigationShown", "RunbookShown", "router"]

router = APIRouter(tags=["operations"])


class BurnRate(BaseModel):
    burn: float
    severity: Severity
    long_seconds: float
    short_seconds: float
    long: float
    short: float
    events: float
    holds: bool


class ObjectiveStanding(BaseModel):
    name: str
    indicator: Indicator
    feature: str | None
    target: float
    within: float | None
    usd: float | None
    period_seconds: float
    value: float | None
    bad: float
    events: float
    budget_left: float | None = Field(
        description="The part of the error budget that is left; below 0, it is overspent."
    )
    reason: str | None = Field(description="Why there is no value.")
    burn_rates: list[BurnRate]


class Objectives(BaseModel):
    objectives: list[ObjectiveStanding]


class AlertShown(BaseModel):
    id: str
    rule: str
    severity: Severity
    labels: dict[str, str]
    said: str
    figures: dict[str, float]
    began: datetime
    fired: datetime
    seen: datetime
    resolved: datetime | None
    incident: str | None


class AlertList(BaseModel):
    alerts: list[AlertShown]


class SilenceShown(BaseModel):
    id: str
    matches: dict[str, str]
    since: datetime
    until: datetime


class SilenceList(BaseModel):
    silences: list[SilenceShown]


class Silencing(BaseModel):
    matches: dict[Text, Text] = Field(description="Labels to values; `*` matches anything.")
    seconds: float = Field(gt=0, le=90 * 86_400, description="For how long.")
    reason: Text


class Ended(BaseModel):
    id: str
    ended: bool


class MitigationShown(BaseModel):
    id: str
    incident: str | None
    action: str
    status: Status
    begun: datetime
    ended: datetime | None
    undone: datetime | None
    undoable: bool
    rule: str | None = Field(description="What made it happen of itself; null for what a person did.")
    runbook: str | None
    step: int | None
    by: str
    said: str


class MitigationList(BaseModel):
    mitigations: list[MitigationShown]


class Acting(BaseModel):
    action: Text = Field(description="Such as `shut_out_provider provider=acme`.")
    reason: Text = Field(description="Why: it is on record, and users are told.")
    incident: Text = Field("", description="The incident that it is about.")


class WouldDo(BaseModel):
    action: str
    said: str
    undoable: bool
    warning: str


class Undoing(BaseModel):
    reason: Text = Field("it is over", description="Why.")


class RunbookStep(BaseModel):
    number: int
    text: str
    action: str | None = Field(description="Null for what a person does.")


class RunbookShown(BaseModel):
    name: str
    title: str
    rules: list[str]
    features: list[str]
    steps: list[RunbookStep]


class RunbookList(BaseModel):
    runbooks: list[RunbookShown]


@router.get("/v1/objectives", response_model=Objectives, responses=problems(401, 403))
async def objectives(_: Overseer, services: Services) -> Response:
    """How each objective stands, with its error budget and burn rates. Needs the permission `oversee`."""
    found = await asyncio.to_thread(services.operations.standings)
    return reply({"objectives": [each.record() for each in found]})


@router.get("/v1/alerts", response_model=AlertList, responses=problems(401, 403, 422))
async def alerts(_: Overseer, services: Services, which: Literal["standing", "all"] = "standing") -> Response:
    """The alerts that stand, oldest first; or the last thousand of all, newest first. Needs the permission `oversee`."""
    read = partial(services.operations.alerts.alerts, standing=which == "standing", most=1000)
    return reply({"alerts": [each.record() for each in await asyncio.to_thread(read)]})


@router.get("/v1/silences", response_model=SilenceList, responses=problems(401, 403))
async def silences(_: Overseer, services: Services) -> Response:
    """The silences that hold now. Needs the permission `oversee`."""
    found = await asyncio.to_thread(services.operations.alerts.silences)
    return reply({"silences": [each.to_json() for each in found]})


@router.post("/v1/silences", response_model=SilenceShown, status_code=201, responses=problems(401, 403, 422))
async def silence(wanted: Silencing, principal: Operator, services: Services) -> Response:
    """Tell nobody of some alerts for a while; they fire and are on record all the same. Needs the permission `stop`."""
    lasting = timedelta(seconds=wanted.seconds)
    make = partial(services.operations.alerts.silence, wanted.matches, lasting, by=principal.user, reason=wanted.reason)
    return reply((await asyncio.to_thread(make)).to_json(), 201)


@router.delete("/v1/silences/{silence}", response_model=Ended, responses=problems(401, 403, 404))
async def unsilence(silence: str, principal: Operator, services: Services) -> Response:
    """End a silence before its time. Needs the permission `stop`."""
    await asyncio.to_thread(partial(services.operations.alerts.unsilence, silence, by=principal.user))
    return reply({"id": silence, "ended": True})


@router.get("/v1/mitigations", response_model=MitigationList, responses=problems(401, 403))
async def mitigations(_: Overseer, services: Services, incident: str = "", standing: bool = False) -> Response:
    """What was done about incidents, oldest first; with `standing`, what is in force. Needs the permission `oversee`."""
    read = partial(services.operations.mitigations.mitigations, incident=incident, standing=standing)
    return reply({"mitigations": [each.record() for each in await asyncio.to_thread(read)]})


@router.post(
    "/v1/mitigations", response_model=MitigationShown, status_code=201, responses=problems(401, 403, 404, 409, 422, 503)
)
async def act(wanted: Acting, principal: Overseer, request: Request, services: Services) -> Response:
    """Take one action. It takes the permission that the action names, at the moment at which it is taken; what is so already is a conflict."""
    actor = actor_of(request, principal)
    take = partial(services.operations.mitigations.take, reason=wanted.reason, incident=wanted.incident)
    return reply((await asyncio.to_thread(_take, take, wanted.action, actor)).record(), 201)


@router.post("/v1/mitigations/dry-run", response_model=WouldDo, responses=problems(401, 403, 404, 409, 422, 503))
async def dry_run(wanted: Acting, _: Overseer, services: Services) -> Response:
    """What an action would do; nothing is done. Needs the permission `oversee`."""
    return reply(await asyncio.to_thread(_would, services.operations.mitigations, wanted.action))


@router.post(
    "/v1/mitigations/{mitigation}/undo",
    response_model=MitigationShown,
    responses=problems(401, 403, 404, 409, 422, 503),
)
async def undo(mitigation: str, wanted: Undoing, principal: Overseer, request: Request, services: Services) -> Response:
    """Take back what one did. It takes the permission that its action names."""
    desk = services.operations.mitigations
    done = await asyncio.to_thread(partial(desk.undo, mitigation, actor_of(request, principal), reason=wanted.reason))
    return reply(done.record())


@router.get("/v1/runbooks", response_model=RunbookList, responses=problems(401, 403))
async def runbooks(_: Overseer, services: Services) -> Response:
    """What the bundle in force says is to be done about incidents. Needs the permission `oversee`."""
    found: Mapping[str, Any] = await asyncio.to_thread(services.operations.runbooks)
    return reply({"runbooks": [each.record() for each in found.values()]})


def _take(take: Any, text: str, actor: Actor) -> Any:
    action: Action = read_action(text)
    return take(action, actor)


def _would(desk: MitigationDesk, text: str) -> dict[str, Any]:
    action = read_action(text)
    prepared = desk.prepare(action)
    return {"action": str(action), "said": prepared.said, "undoable": prepared.undoable, "warning": prepared.warning}
