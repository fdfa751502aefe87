"""``/v1/controls``, ``/v1/anchors``, ``/v1/packs``, ``/v1/inventory``: what an auditor asks for."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from starlette.responses import FileResponse

from aver.governance.controls.reading import find, plain_frameworks
from aver.governance.controls.service import check
from aver.server.governing import period_of
from aver.server.http.auth import Admin, App, Auditor, Overseer, Services
from aver.server.http.replies import problems, reply
from aver.server.stocktaking import stock_of

__all__ = ["router"]

router = APIRouter(tags=["governance"])

Outcome = Literal["met", "not_met", "no_data"]
Frameworks = Annotated[list[str], Query(description="Names of frameworks; all, if left out.")]
Since = Annotated[str, Query(description="From when: RFC 3339, or a span back such as 90d, which is the default.")]
Until = Annotated[str, Query(description="Until when: RFC 3339; until now, if left out.")]


class Queried(BaseModel):
    query: str
    params: dict[str, Any]
    outcome: Outcome
    said: str
    numbers: dict[str, float]
    samples: list[int] = Field(description="Places in the chain of steps that it rests on, or that speak against it.")


class Checked(BaseModel):
    framework: str
    control: str
    title: str
    outcome: Outcome
    at: datetime
    results: list[Queried]


class Controls(BaseModel):
    since: datetime
    until: datetime
    results: list[Checked]


class Told(BaseModel):
    id: str
    kind: Literal["file", "s3", "timestamp", "witness"]
    seq: int = Field(description="How many steps the chain had.")
    at: datetime
    statement: dict[str, Any]
    receipt: dict[str, Any]
    problem: str = Field(description="Why the place could not be told; empty where it was.")


class AnchorList(BaseModel):
    anchors: list[Told]


class Pack(BaseModel):
    id: str
    since: datetime
    until: datetime
    steps: int
    bytes: int
    digest: str = Field(description="SHA-256 of the file.")
    fingerprint: str
    outcomes: dict[str, int]
    by: str


class PackList(BaseModel):
    packs: list[Pack]


class Wanted(BaseModel):
    since: str = Field("", max_length=60, description="From when: RFC 3339, or a span back such as 90d.")
    until: str = Field("", max_length=60, description="Until when: RFC 3339; until now, if left out.")
    frameworks: list[str] = Field(default_factory=list, max_length=20, description="All, if left out.")


class Thing(BaseModel):
    kind: Literal["feature", "model", "prompt", "dataset", "tool", "source"]
    name: str
    owner: str
    risk: Literal["minimal", "limited", "high", "undeclared"]
    purpose: str
    used_by: list[str]
    since: datetime | None
    release: str
    in_force: list[str]


class SignedOff(BaseModel):
    role: str
    by: str
    at: datetime
    note: str


class InForce(BaseModel):
    digest: str
    tags: list[str]
    environments: list[str]
    created: datetime
    created_by: str
    sign_offs: list[SignedOff]


class Stock(BaseModel):
    items: list[Thing]
    releases: list[InForce]
    unowned: int
    unclassified: int


@router.get("/v1/controls", response_model=Controls, responses=problems(401, 403, 404, 422))
async def controls(
    _: Auditor,
    services: Services,
    application: App,
    framework: Frameworks = [],  # noqa: B006 - a query parameter
    since: Since = "",
    until: Until = "",
) -> Response:
    """The result of each control over the evidence of a period. Needs the permission `audit`."""
    found = find(framework)
    begin, end = period_of(since, until, application.clock.now())
    results = await asyncio.to_thread(check, services.store, found, begin, end)
    return reply({"since": begin, "until": end, "results": results})


@router.get("/v1/anchors", response_model=AnchorList, responses=problems(401, 403))
async def anchors(_: Auditor, services: Services) -> Response:
    """The states of the chain that places outside were told, newest first. Needs the permission `audit`."""
    return reply({"anchors": await asyncio.to_thread(services.anchors.recent)})


@router.post("/v1/anchors", response_model=AnchorList, responses=problems(401, 403, 409, 422))
async def anchor(_: Admin, services: Services) -> Response:
    """Tell every declared place how the chain stands. Needs the permission `administer`."""
    return reply({"anchors": await asyncio.to_thread(services.anchors.anchor)})


@router.get("/v1/packs", response_model=PackList, responses=problems(401, 403))
async def packs(_: Auditor, services: Services) -> Response:
    """The evidence packs that were made here, newest first; the last 20 are kept. Needs the permission `audit`."""
    return reply({"packs": await asyncio.to_thread(services.shelf.all)})


@router.post("/v1/packs", response_model=Pack, status_code=201, responses=problems(401, 403, 404, 409, 413, 422))
async def make_pack(wanted: Wanted, principal: Auditor, services: Services, application: App) -> Response:
    """Make an evidence pack; it takes a minute for 600,000 steps. Needs the permission `audit`."""
    begin, end = period_of(wanted.since, wanted.until, application.clock.now())
    frameworks = plain_frameworks(find(wanted.frameworks))
    made = await asyncio.to_thread(services.shelf.make, begin, end, frameworks, principal.user)
    return reply(made, 201)


@router.get(
    "/v1/packs/{pack}",
    response_class=FileResponse,
    responses={200: {"content": {"application/zip": {}}}, **problems(401, 403, 404)},
)
async def pack_file(pack: str, principal: Auditor, services: Services) -> Response:
    """A pack, to be verified with `aver-verify.py`. Who took it is on record. Needs the permission `audit`."""
    path = await asyncio.to_thread(services.shelf.file, pack)
    await asyncio.to_thread(services.read_by, principal, "pack", "http", (), pack)
    return FileResponse(path, media_type="application/zip", filename=f"{pack}.zip")


@router.get("/v1/inventory", response_model=Stock, responses=problems(401, 403))
async def inventory(_: Overseer, services: Services, application: App) -> Response:
    """Features, models, prompts, datasets, tools and sources with their owners and risk classes; the releases in force, and who signed them off. Needs the
    permission `oversee`."""
    found = await asyncio.to_thread(stock_of, application, services)
    told = {"unowned": found.unowned, "unclassified": found.unclassified}
    return reply({"items": found.items, "releases": found.releases, **told})
