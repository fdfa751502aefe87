"""``/v1/agents``: which agents the caller has, and what they do, and did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from aver.agents.acting import ActionStatus, Outcome, OutcomeStatus, ToolStatus
from aver.core.errors import AverError
from aver.core.labels import read_label
from aver.core.principal import Principal
from aver.server import acting
from aver.server.application import TenantServices
from aver.server.http.auth import Actor, App, Services
from aver.server.http.fields import Labelled, Text, Traceparent
from aver.server.http.replies import problems, reply
from aver.server.http.streams import event, event_stream, while_connected
from aver.server.runner import follow
from aver.server.story import sentence

__all__ = ["router", "turn_events"]

router = APIRouter(tags=["agents"])


_STREAM = (
    "With `stream`, server-sent events: `step` (what happened, told in a sentence, with its `kind` and its place `seq` in the record), then "
    "`outcome` (the same document as without `stream`), or `error` (problem details). The turn goes on without whoever listens."
)


class Agent(BaseModel):
    """An agent: its name, which is a model's name at `/v1/chat/completions` too, and what it is for."""

    name: str
    about: str


class AgentList(BaseModel):
    agents: list[Agent]


class Task(BaseModel):
    model_config = ConfigDict(extra="forbid")

    agent: Text = Field(description="One of `/v1/agents`.")
    task: Text = Field(description="What is to be done, in the user's words.")
    conversation: Text | None = Field(None, description="Continue this conversation; a new one begins without it.")
    label: Labelled | None = Field(None, description="How confidential the task is, and where it may go.")
    stream: bool = Field(False, description=_STREAM)


class Turned(BaseModel):
    turn: str
    conversation: str
    task: str
    status: OutcomeStatus
    created: datetime


class TurnList(BaseModel):
    turns: list[Turned]


class Effected(BaseModel):
    """One effect. `compensation` is what became of taking it back, where the turn was aborted."""

    action: str
    tool: str
    arguments: dict[str, Any]
    status: ToolStatus
    compensation: str


class Action(BaseModel):
    """One call that the model asked for. `reason` says why it was refused, denied, asked about or rejected."""

    action: str
    tool: str
    arguments: dict[str, Any]
    status: ActionStatus
    reason: str
    approval: str


class TurnOutcome(BaseModel):
    """How a turn stands. `text` is the answer, or what became of it in words; `approvals` what it waits for; `actions` every call that was
    asked for, of which `performed` are the effects; `stopped` what is to be said of each tool that a switch stops."""

    turn: str
    conversation: str
    status: OutcomeStatus
    text: str
    output: Any
    error: str
    approvals: list[str]
    performed: list[Effected]
    actions: list[Action]
    stopped: list[str]


class Cancelled(BaseModel):
    turn: str
    cancelled: Literal[True]


@router.get("/v1/agents", response_model=AgentList, responses=problems(401))
async def agents(principal: Actor, services: Services, application: App) -> Response:
    """The agents that you have."""
    found = await acting.offered(application, services, principal)
    return reply({"agents": [{"name": each.name, "about": each.about} for each in found]})


@router.post(
    "/v1/agents/turns",
    response_model=TurnOutcome,
    responses={
        200: {"description": _STREAM, "content": {"text/event-stream": {}}},
        **problems(400, 401, 403, 404, 413, 422, 503),
    },
)
async def begin(
    body: Task, request: Request, principal: Actor, services: Services, application: App, traceparent: Traceparent
) -> Response:
    """Have an agent do something. Answered once it is done or waits for an approval; it goes on also when you leave."""
    await asyncio.to_thread(services.require_agreement, principal)
    label = read_label(body.label and body.label.model_dump())
    asked = (body.agent, body.task, body.conversation)
    turn = await acting.begin(application, services, principal, *asked, traceparent=traceparent, label=label)
    going = application.runner.go_on(services, turn)
    if body.stream:
        return event_stream(turn_events(services, principal, turn))
    await while_connected(request, _rested(going))
    return reply(await asyncio.to_thread(lambda: services.turns.outcome(principal, turn)))


@router.get("/v1/agents/turns", response_model=TurnList, responses=problems(401))
async def turns(principal: Actor, services: Services) -> Response:
    """Your turns, newest first."""
    return reply({"turns": await asyncio.to_thread(lambda: services.turns.listed(principal))})


@router.get("/v1/agents/turns/{turn}", response_model=TurnOutcome, responses=problems(401, 404))
async def turn(turn: str, principal: Actor, services: Services) -> Response:
    """How one of your turns stands: its answer, each effect it came to, and what it waits for."""
    return reply(await asyncio.to_thread(lambda: services.turns.outcome(principal, turn)))


@router.get(
    "/v1/agents/turns/{turn}/events",
    responses={200: {"description": _STREAM, "content": {"text/event-stream": {}}}, **problems(401, 404)},
)
async def events(turn: str, principal: Actor, services: Services) -> Response:
    """One of your turns as it happens, from its beginning: what is on record first, then each step as it is recorded, until it has ended or
    waits for an approval."""
    await asyncio.to_thread(lambda: services.turns.outcome(principal, turn))
    return event_stream(turn_events(services, principal, turn))


@router.post("/v1/agents/turns/{turn}/cancel", response_model=Cancelled, responses=problems(401, 404))
async def cancel(turn: str, principal: Actor, services: Services, application: App) -> Response:
    """End one of your turns: nothing new is begun, and what can be taken back is."""
    await asyncio.to_thread(lambda: services.turns.cancel(principal, turn))
    application.runner.wake()
    return reply({"turn": turn, "cancelled": True})


async def turn_events(services: TenantServices, principal: Principal, turn: str) -> AsyncGenerator[bytes]:
    """A turn as server-sent events; a failure on the way is the last of them."""
    try:
        async for step in follow(services, principal, turn):
            yield event(
                "step", {"turn": turn, "seq": step.seq, "kind": step.kind, "at": step.at, "said": sentence(step)}
            )
        yield event("outcome", await asyncio.to_thread(services.turns.outcome, principal, turn))
    except AverError as error:
        yield event("error", error.problem())


async def _rested(going: asyncio.Task[Outcome]) -> Outcome:
    return await asyncio.shield(going)
