"""``/v1/turns``: turns of everybody, in clear, searched and counted; one of them as a story; and its words, for those who are put on record."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from aver.agents.types import PastTurn
from aver.core.principal import Principal
from aver.evidence.proof import Proof
from aver.ops.turns.asking import read_filters
from aver.ops.turns.search import PAGE
from aver.ops.turns.types import Filters, Outcome
from aver.server.http.auth import App, Inspector, Overseer, Services, needs
from aver.server.http.replies import problems, reply
from aver.server.inspecting import Look, Sight, inspect, look
from aver.server.story import tell
from aver.server.tenancy import TenantServices

__all__ = ["found_record", "look_record", "router"]

router = APIRouter(tags=["turns"])

Looker = Annotated[Principal, Depends(needs("ask", "models", "oversee"))]
Text = Annotated[str, Field(max_length=200)]
Flag = Literal["", "0", "1", "true", "false"]


class TurnQuery(BaseModel):
    """Filters, all of which have to hold."""

    model_config = ConfigDict(extra="forbid")

    feature: Text = ""
    release: Text = Field("", description="A digest, or how it begins.")
    arm: Text = ""
    outcome: Text = Field("", description="answered, abstained, failed, blocked, cancelled or open.")
    model: Text = ""
    provider: Text = ""
    tool: Text = ""
    key: Text = Field("", description="The id of the API key that models were called with.")
    source: Text = ""
    check: Text = Field("", description="A guardrail that found something.")
    unsupported: Flag = ""
    denied: Flag = ""
    feedback: Text = Field("", description="good or bad.")
    incident: Text = ""
    since: Text = Field("", description="A moment such as 2026-01-31T10:00:00Z, or a span such as 24h.")
    until: Text = ""
    turn: Text = ""
    sort: Text = Field("", description="newest, cost or latency.")
    after: Text = Field("", description="The `after` of the page before.")
    limit: int = Field(PAGE, ge=1, le=500)


class ListedTurn(BaseModel):
    """A turn in clear. `steps` are the places of its first and its last step in the chain; `subject` is the opaque id of whose it is."""

    turn: str
    at: str
    ended: str | None
    feature: str
    release: str | None
    arm: str | None
    outcome: Outcome
    mode: str | None
    claims: int
    supported: int
    models: list[str]
    providers: list[str]
    tools: list[str]
    checks: list[str]
    sources: list[str]
    denied: int
    asked: int
    tokens: int
    cost_usd: float
    ms: float
    feedback: float | None
    key: str | None
    conversation: str | None
    subject: str
    steps: list[int]


class Slot(BaseModel):
    """How many turns began in so many seconds."""

    start: datetime
    seconds: int
    outcomes: dict[str, int]


class TurnList(BaseModel):
    """A page of turns. `total` counts all that were found; `behind` are steps of evidence that were not read yet."""

    turns: list[ListedTurn]
    total: int
    after: str | None
    slots: list[Slot]
    behind: int


class StoryStep(BaseModel):
    """A step, told in a sentence. `body` is what it holds of words, as far as whoever asks may see it."""

    seq: int
    kind: str
    at: datetime
    sentence: str
    facts: dict[str, Any]
    body: dict[str, Any] | None
    erased: bool
    hash: str


class TurnIncident(BaseModel):
    id: str
    title: str
    status: str


class TurnStory(BaseModel):
    """`sight` is `own` where the caller asked, `inspected` where they are on record for the look, and `clear` where no words are shown."""

    turn: str
    sight: Sight
    inspectable: bool
    erased: bool
    facts: ListedTurn | None
    story: list[StoryStep]
    answer: PastTurn | None
    proof: Proof
    incidents: list[TurnIncident]


class Inspection(BaseModel):
    model_config = ConfigDict(extra="forbid")

    why: str = Field("", max_length=500, description="Kept with the record of the look.")


@router.get("/v1/turns", response_model=TurnList, responses=problems(401, 404, 422))
async def turns(_: Overseer, application: App, services: Services, query: Annotated[TurnQuery, Query()]) -> Response:
    """Turns of everybody, newest first or by cost or latency: what they came to, and none of their words."""
    return reply(await asyncio.to_thread(_listed, services, application.clock.now(), query))


@router.get("/v1/turns/{turn}", response_model=TurnStory, responses=problems(401, 404))
async def turn(turn: str, principal: Looker, services: Services) -> Response:
    """What happened in a turn, step by step. Your own with its words, as far as you may read what they rest on today; those of others, for whoever oversees the
    tenant, without any."""
    return reply(look_record(await asyncio.to_thread(look, services, principal, turn)))


@router.post("/v1/turns/{turn}/inspect", response_model=TurnStory, responses=problems(401, 404, 422))
async def inspected(turn: str, given: Inspection, principal: Inspector, services: Services) -> Response:
    """The same with its words, as far as you may read what they rest on. That you looked is on record before anything is shown."""
    return reply(look_record(await asyncio.to_thread(inspect, services, principal, turn, given.why)))


def found_record(services: TenantServices, filters: Filters, most: int) -> dict[str, Any]:
    """Turns as JSON tells them."""
    services.operations.freshen()
    found = services.operations.turns.find(filters, most)
    return {
        "turns": [each.record() for each in found.turns],
        "total": found.total,
        "after": found.following or None,
        "slots": found.slots,
        "behind": found.behind,
    }


def look_record(found: Look) -> dict[str, Any]:
    """A turn as JSON tells it."""
    return {
        "turn": found.turn,
        "sight": found.sight,
        "inspectable": found.inspectable,
        "erased": found.erased,
        "facts": found.row.record() if found.row else None,
        "story": [
            {
                "seq": step.seq,
                "kind": step.kind,
                "at": step.at,
                "sentence": moment.sentence,
                "facts": step.facts,
                "body": step.body,
                "erased": step.erased,
                "hash": step.hash,
            }
            for step, moment in zip(found.steps, tell(found.steps), strict=True)
        ],
        "answer": found.answer,
        "proof": found.proof,
        "incidents": [{"id": each.id, "title": each.title, "status": each.status} for each in found.incidents],
    }


def _listed(services: TenantServices, now: datetime, query: TurnQuery) -> dict[str, Any]:
    given = query.model_dump(exclude={"limit"})
    return found_record(services, read_filters(given, now), query.limit)
