"""``/v1/feedback``: what people said of answers and what waits for a decision; ``POST /v1/feedback`` itself, by which they say it, is a door's."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from aver.ops.feedback.types import Act, Became, Dismissal, Item, Signal
from aver.server.application import TenantServices
from aver.server.http.auth import Giver, Services, Triager
from aver.server.http.replies import problems, reply

__all__ = ["record", "router"]

router = APIRouter(tags=["feedback"])


class Decided(BaseModel):
    act: Act
    of: str = Field(description="The id of what was made of the turn, or the reason why nothing was.")
    at: datetime


class Wrote(BaseModel):
    """What people wrote; empty where it was erased."""

    question: str
    correction: str
    comment: str
    tickets: list[str]


class Waiting(BaseModel):
    """A turn of the queue."""

    turn: str
    at: datetime
    feature: str
    release: str
    signals: list[Signal]
    reason: str = Field(description="The one that its asker gave; empty without.")
    waits: bool
    became: Decided | None
    words: Wrote


class Queue(BaseModel):
    items: list[Waiting]
    counts: dict[str, int] = Field(
        description='How many wait for each reason, `""` for all, and how many are `decided`.'
    )
    whole: bool = Field(description="False while older evidence is still being read.")


class Deciding(BaseModel):
    """What is to become of a turn."""

    act: Act
    note: str = Field("", max_length=2000)
    title: str = Field("", max_length=200, description="Of an incident: what is wrong.")
    document: str = Field(
        "", max_length=200, description="The document that is to be mended, of those that the turn looked at."
    )
    reason: Dismissal | None = Field(None, description="Why nothing is done.")


class TakenBack(BaseModel):
    call: str
    taken_back: bool


@router.get("/v1/feedback", response_model=Queue, responses=problems(401, 403, 422))
async def waiting(
    _: Triager,
    services: Services,
    signal: Signal | None = None,
    decided: bool = False,
    skip: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """The turns that wait for somebody to decide what becomes of them, the worst and newest first; or those that were decided, the latest first. Needs the permission
    `triage`."""
    return reply(await asyncio.to_thread(_queue, services, signal, decided=decided, skip=skip, most=limit))


@router.post("/v1/feedback/{turn}/decisions", response_model=Decided, responses=problems(401, 403, 404, 409, 422))
async def decide(turn: str, wanted: Deciding, principal: Triager, services: Services) -> Response:
    """Make a case, a seed for the red team or an incident of a turn, name a document to be mended, or dismiss it. What stands decided is not made again. Needs the
    permission `triage`."""
    given = wanted.model_dump() | {"reason": wanted.reason or "", "by": principal.user}
    became = await asyncio.to_thread(partial(services.triage.decide, turn, **given))
    return reply(_decided(became))


@router.delete("/v1/feedback/{call}", response_model=TakenBack, responses=problems(401, 404))
async def take_back(call: str, principal: Giver, services: Services) -> Response:
    """Take back what you said of a call or turn of yours. It stays in the sealed record, and counts no more."""
    await asyncio.to_thread(services.take_back_feedback, call, principal)
    return reply({"call": call, "taken_back": True})


def record(item: Item) -> dict[str, Any]:
    """An item as JSON, here and on the command line."""
    names = ("turn", "at", "feature", "release", "signals", "reason", "waits", "words")
    return {name: getattr(item, name) for name in names} | {"became": _decided(item.became) if item.became else None}


def _decided(became: Became) -> dict[str, Any]:
    return {"act": became.act, "of": became.of, "at": became.at}


def _queue(services: TenantServices, signal: Signal | None, *, decided: bool, skip: int, most: int) -> dict[str, Any]:
    desk = services.triage
    whole = desk.freshen()
    found = desk.items(signal, decided=decided, skip=skip, most=most)
    return {"items": [record(each) for each in found], "counts": desk.counts(), "whole": whole}
