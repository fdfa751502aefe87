"""``/v1/releases`` and ``/v1/environments``: which releases there are, which is in force where; and the way back."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from aver.releases import Environment, Release
from aver.releases.types import under_way
from aver.server.application import Application
from aver.server.http.auth import Admin, App
from aver.server.http.replies import problems, reply
from aver.server.releasing import registry

__all__ = ["router"]

router = APIRouter(tags=["releases"])


class Released(BaseModel):
    """A release. ``digest`` names it everywhere; ``environments`` are those that it is in force in."""

    digest: str
    tags: list[str]
    environments: list[str]
    created: datetime
    created_by: str
    note: str


class InForce(BaseModel):
    """An environment, and the release in force there; empty before the first."""

    name: str
    digest: str
    previous: str = Field(description="What a rollback goes back to.")
    changed: datetime | None
    rollout: bool = Field(description="Whether another release is being let in.")


class ReleaseList(BaseModel):
    releases: list[Released]


class EnvironmentList(BaseModel):
    environments: list[InForce]


class Back(BaseModel):
    reason: str = Field(description="Why; it is on record with every tenant.")
    to: str | None = Field(
        None, description="An earlier release of the environment: a tag or a digest; by default, the one before."
    )


@router.get("/v1/releases", response_model=ReleaseList, responses=problems(401, 403))
async def releases(_: Admin, application: App) -> Response:
    """The releases of the installation, newest first. Needs the role `admin`."""
    return reply(await asyncio.to_thread(_releases, application))


@router.get("/v1/environments", response_model=EnvironmentList, responses=problems(401, 403))
async def environments(_: Admin, application: App) -> Response:
    """Which release is in force where. Needs the role `admin`."""
    found = await asyncio.to_thread(registry(application).environments)
    return reply({"environments": [_environment(each) for each in found]})


@router.post("/v1/environments/{name}/rollback", response_model=InForce, responses=problems(401, 403, 404, 409, 422))
async def rollback(name: str, wanted: Back, principal: Admin, application: App) -> Response:
    """Put an earlier release in force again, for every tenant, on every replica within a second; a rollout that is under way ends. Nothing is
    evaluated. Needs the role `admin`."""
    back = registry(application).rollback
    now = await asyncio.to_thread(back, name, principal.user, wanted.reason, wanted.to)
    return reply(_environment(now))


def _releases(application: Application) -> dict[str, Any]:
    found = registry(application)
    pins = found.pins()
    return {"releases": [_release(each, pins) for each in found.all()]}


def _release(release: Release, pins: dict[str, Environment]) -> dict[str, Any]:
    return {
        "digest": release.digest,
        "tags": release.tags,
        "environments": [name for name, each in pins.items() if each.digest == release.digest],
        "created": release.created,
        "created_by": release.created_by,
        "note": release.provenance.note,
    }


def _environment(environment: Environment) -> dict[str, Any]:
    return {
        "name": environment.name,
        "digest": environment.digest,
        "previous": environment.previous,
        "changed": environment.changed,
        "rollout": under_way(environment.rollout),
    }
