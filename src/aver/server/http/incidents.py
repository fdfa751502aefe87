"""``/v1/incidents``: what happened, to whom, what had changed; what people say of it, do about it, and take on after it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from aver.core.errors import NotFound
from aver.ops.incidents.corrections import CorrectionKind, CorrectionStatus
from aver.ops.incidents.desk import figures_of
from aver.ops.incidents.types import EntryKind, Origin
from aver.ops.incidents.types import Status as IncidentStatus
from aver.ops.runbooks.running import State
from aver.ops.types import Severity
from aver.server.correcting import accept as take_on
from aver.server.http.auth import Operator, Overseer, Services, actor_of
from aver.server.http.fields import Text
from aver.server.http.operations import MitigationShown, RunbookStep
from aver.server.http.replies import problems, reply
from aver.server.tenancy import TenantServices

__all__ = ["router"]

router = APIRouter(tags=["incidents"])


class IncidentShown(BaseModel):
    id: str
    title: str
    status: IncidentStatus
    severity: Severity
    origin: Origin
    feature: str | None
    rule: str | None
    began: datetime
    detected: datetime
    mitigated: datetime | None
    resolved: datetime | None
    detection_seconds: float
    mitigation_seconds: float | None


class IncidentFigures(BaseModel):
    incidents: int
    open: int
    mttd: float | None
    mttm: float | None
    reason: str


class IncidentList(BaseModel):
    incidents: list[IncidentShown]
    figures: IncidentFigures


class TimelineEntry(BaseModel):
    at: datetime
    kind: EntryKind
    what: str
    said: str
    step: int | None
    figures: dict[str, Any]


class AffectedShown(BaseModel):
    turns: list[str]
    count: int
    of: int
    people: int
    features: dict[str, int]


class Proposed(BaseModel):
    kind: CorrectionKind
    text: str
    turns: list[str]
    condition: str


class CorrectionShown(BaseModel):
    id: str
    incident: str
    kind: CorrectionKind
    status: CorrectionStatus
    accepted: datetime
    ended: datetime | None
    condition: str | None
    cases: list[str]
    text: str
    by: str


class IncidentReported(IncidentShown):
    affected: AffectedShown
    timeline: list[TimelineEntry]
    suspects: list[TimelineEntry]
    mitigations: list[MitigationShown]
    corrections: list[CorrectionShown]
    proposed: list[Proposed]
    alerts: list[dict[str, Any]]


class Opening(BaseModel):
    title: Text = Field(description="What is wrong, in a line.")
    severity: Severity = "page"
    feature: Text = Field("", description="Of which feature; of all, if left out.")
    began: datetime | None = Field(None, description="When it began; now, if left out.")
    turn: Text = Field("", description="The turn that is reported; reported again, the same incident is answered.")


class Saying(BaseModel):
    text: Text = Field(description="What is known, or was done.")


class Postmortem(BaseModel):
    incident: str
    markdown: str


class StepStanding(RunbookStep):
    action: str | None
    state: State
    said: str = Field(description="What came of it or, where it is still to be done, what it would do.")
    by: str | None
    mitigation: str | None
    undoable: bool


class RunbookStanding(BaseModel):
    runbook: str
    title: str
    incident: str
    steps: list[StepStanding]


class Running(BaseModel):
    reason: Text = Field("", description="Why; the runbook's title, if left out.")


class TakingOn(BaseModel):
    proposed: int | None = Field(
        None, ge=1, description="The number of what is proposed, from 1; or else what follows."
    )
    kind: CorrectionKind = "other"
    text: Text = ""
    condition: Text = Field("", description="Of a gate, such as `groundedness>=0.9`.")


class Ending(BaseModel):
    status: Literal["done", "dropped"]
    reason: Text = Field("", description="Why it is dropped.")


_WRITE = problems(401, 403, 404, 409, 422)


@router.get("/v1/incidents", response_model=IncidentList, responses=problems(401, 403, 422))
async def incidents(_: Overseer, services: Services, which: Literal["all", "open"] = "all") -> Response:
    """Incidents, newest first, with the mean times to detect and to mitigate; with `open`, those that are not resolved. Needs the permission `oversee`."""
    read = partial(services.operations.incidents.incidents, under_way=which == "open")
    found = await asyncio.to_thread(read)
    return reply({"incidents": [each.record() for each in found], "figures": figures_of(found)})


@router.post("/v1/incidents", response_model=IncidentShown, status_code=201, responses=problems(401, 403, 404, 422))
async def opened(wanted: Opening, principal: Overseer, services: Services) -> Response:
    """Open one, or report a turn. Needs the permission `oversee`."""
    return reply((await asyncio.to_thread(_open, services, wanted, principal.user)).record(), 201)


@router.get("/v1/incidents/{incident}", response_model=IncidentReported, responses=problems(401, 403, 404))
async def one(incident: str, _: Overseer, services: Services) -> Response:
    """What evidence says of one: its timeline, what had changed, whom it touched, what was done. Needs the permission `oversee`."""
    return reply((await asyncio.to_thread(services.operations.report, incident)).record())


@router.post("/v1/incidents/{incident}/notes", response_model=IncidentShown, responses=problems(401, 403, 404, 422))
async def note(incident: str, wanted: Saying, principal: Overseer, services: Services) -> Response:
    """Write something down of it. Needs the permission `oversee`."""
    say = partial(services.operations.incidents.note, incident, wanted.text, by=principal.user)
    return reply((await asyncio.to_thread(say)).record())


@router.post("/v1/incidents/{incident}/mitigate", response_model=IncidentShown, responses=_WRITE)
async def mitigate(incident: str, wanted: Saying, principal: Operator, services: Services) -> Response:
    """Say that users are spared it from now on. Needs the permission `stop`."""
    say = partial(services.operations.incidents.mitigate, incident, wanted.text, by=principal.user)
    return reply((await asyncio.to_thread(say)).record())


@router.post("/v1/incidents/{incident}/resolve", response_model=IncidentShown, responses=_WRITE)
async def resolve(incident: str, wanted: Saying, principal: Operator, services: Services) -> Response:
    """Say that it is done with. Needs the permission `stop`."""
    say = partial(services.operations.incidents.resolve, incident, wanted.text, by=principal.user)
    return reply((await asyncio.to_thread(say)).record())


@router.get("/v1/incidents/{incident}/postmortem", response_model=Postmortem, responses=problems(401, 403, 404))
async def postmortem(incident: str, _: Overseer, services: Services) -> Response:
    """The draft of what is written after it, as Markdown. Needs the permission `oversee`."""
    return reply({"incident": incident, "markdown": await asyncio.to_thread(services.operations.postmortem, incident)})


@router.get(
    "/v1/incidents/{incident}/runbooks/{runbook}", response_model=RunbookStanding, responses=problems(401, 403, 404)
)
async def runbook(incident: str, runbook: str, _: Overseer, services: Services) -> Response:
    """How a runbook stands for an incident: what came of each step, and what those that are left would do. Needs the permission `oversee`."""
    return reply(await asyncio.to_thread(_standing, services, runbook, incident))


@router.post(
    "/v1/incidents/{incident}/runbooks/{runbook}/steps/{number}",
    response_model=StepStanding,
    responses=problems(401, 403, 404, 409, 422, 503),
)
async def step(
    incident: str, runbook: str, number: int, wanted: Running, principal: Overseer, request: Request, services: Services
) -> Response:
    """Take one step of a runbook, or say that you did. It takes the permission that its action names at the moment at which it is taken; done twice, it is a
    conflict."""
    actor = actor_of(request, principal)

    def run() -> dict[str, Any]:
        running = services.operations.run_of(runbook, incident)
        return running.run(number, actor, reason=wanted.reason).record()

    return reply(await asyncio.to_thread(run))


@router.post("/v1/incidents/{incident}/actions", response_model=CorrectionShown, status_code=201, responses=_WRITE)
async def take_action(incident: str, wanted: TakingOn, principal: Operator, services: Services) -> Response:
    """Take something on so that it does not come again: what is proposed, by number, or something else. Needs the permission `stop`."""
    found = await asyncio.to_thread(_take_on, services, incident, wanted, principal.user)
    return reply(found.record(), 201)


@router.put("/v1/incidents/{incident}/actions/{action}", response_model=CorrectionShown, responses=_WRITE)
async def end_action(incident: str, action: str, wanted: Ending, principal: Operator, services: Services) -> Response:
    """Say that what was taken on is done, or that it will not be. Needs the permission `stop`."""

    def end() -> dict[str, Any]:
        desk = services.operations.corrections
        if desk.one(action).incident != incident:
            raise NotFound("There is no such corrective action of this incident", "See GET /v1/incidents/{id}.")
        return desk.end(action, wanted.status, by=principal.user, reason=wanted.reason).record()

    return reply(await asyncio.to_thread(end))


def _open(services: TenantServices, wanted: Opening, user: str) -> Any:
    desk = services.operations.incidents
    if wanted.turn:
        services.outbox.settle()
        if (known := desk.reported(wanted.turn)) is not None:
            return known
    began = wanted.began
    if began is not None:
        began = began.replace(tzinfo=UTC) if began.tzinfo is None else began.astimezone(UTC)
    return desk.open(
        wanted.title, by=user, severity=wanted.severity, feature=wanted.feature, began=began, turn=wanted.turn
    )


def _standing(services: TenantServices, runbook: str, incident: str) -> dict[str, Any]:
    running = services.operations.run_of(runbook, incident)
    return {
        "runbook": running.runbook.name,
        "title": running.runbook.title,
        "incident": incident,
        "steps": [each.record() for each in running.stands()],
    }


def _take_on(services: TenantServices, incident: str, wanted: TakingOn, user: str) -> Any:
    if wanted.proposed is None:
        desk = services.operations.corrections
        return desk.accept(incident, wanted.kind, wanted.text, by=user, condition=wanted.condition)
    proposed = services.operations.report(incident).proposed
    if wanted.proposed > len(proposed):
        raise NotFound(f"There is no proposal {wanted.proposed}", f"There are {len(proposed)}.")
    return take_on(services, incident, proposed[wanted.proposed - 1], by=user)
