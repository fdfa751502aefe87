"""``/v1/releases`` and ``/v1/environments``: which releases there are, which is in force where; the way there and back."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from aver.core.errors import Forbidden
from aver.releases import Environment, Release
from aver.releases.types import under_way
from aver.server.application import Application
from aver.server.http.auth import Actor, App, Overseer, Releaser
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


class Yes(BaseModel):
    role: str = Field(description="The role in which it is said; the key has to have it.")
    note: str = Field("", description="What was looked at; it is kept.")


class Signed(BaseModel):
    digest: str
    role: str
    by: str
    at: datetime


class Forward(BaseModel):
    release: str = Field(description="A tag or a digest.")
    reason: str = Field("", description="Why; it is on record with every tenant.")
    force: bool = Field(False, description="Without what it lacks: needs a reason, and a role of the key that may.")


class Back(BaseModel):
    reason: str = Field(description="Why; it is on record with every tenant.")
    to: str | None = Field(
        None, description="An earlier release of the environment: a tag or a digest; by default, the one before."
    )


@router.get("/v1/releases", response_model=ReleaseList, responses=problems(401, 403))
async def releases(_: Overseer, application: App) -> Response:
    """The releases of the installation, newest first. Needs the permission `oversee`."""
    return reply(await asyncio.to_thread(_releases, application))


@router.get("/v1/environments", response_model=EnvironmentList, responses=problems(401, 403))
async def environments(_: Overseer, application: App) -> Response:
    """Which release is in force where. Needs the permission `oversee`."""
    found = await asyncio.to_thread(registry(application).environments)
    return reply({"environments": [_environment(each) for each in found]})


@router.post("/v1/releases/{release}/sign-offs", response_model=Signed, responses=problems(401, 403, 404, 422))
async def sign_off(release: str, wanted: Yes, principal: Actor, application: App) -> Response:
    """Say, in a role that the release asks for, that it may be promoted. Needs that role."""
    if wanted.role not in principal.roles:
        raise Forbidden(f"This key does not have the role {wanted.role[:60]!r}", "Ask somebody who has it.")
    return reply(await asyncio.to_thread(_sign_off, application, release, wanted, principal.user))


@router.post("/v1/environments/{name}/promote", response_model=InForce, responses=problems(401, 403, 404, 409, 422))
async def promote(name: str, wanted: Forward, principal: Releaser, application: App) -> Response:
    """Put a release in force, for every tenant, once it lacks nothing. Needs the permission `release`."""
    forward = partial(registry(application).promote, roles=principal.roles, force=wanted.force)
    now = await asyncio.to_thread(forward, name, wanted.release, principal.user, wanted.reason)
    return reply(_environment(now))


@router.post("/v1/environments/{name}/rollback", response_model=InForce, responses=problems(401, 403, 404, 409, 422))
async def rollback(name: str, wanted: Back, principal: Releaser, application: App) -> Response:
    """Put an earlier release in force again, for every tenant, on every replica within a second; a rollout that is under way ends. Nothing is
    evaluated. Needs the permission `release`."""
    back = registry(application).rollback
    now = await asyncio.to_thread(back, name, principal.user, wanted.reason, wanted.to)
    return reply(_environment(now))


def _sign_off(application: Application, reference: str, wanted: Yes, user: str) -> dict[str, Any]:
    releases = registry(application)
    release = releases.get(reference)
    given = releases.sign_off(release, wanted.role, by=user, note=wanted.note)
    return {"digest": release.digest, "role": given.role, "by": given.by, "at": given.at}


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
