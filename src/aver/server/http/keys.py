"""``/v1/keys``: the API keys of the tenant's service accounts, and one's own."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from aver.core.principal import Principal
from aver.policy.access import Permission
from aver.server.administering import create_key, revoke_key, rotate_key
from aver.server.application import Application
from aver.server.http.auth import Admin, App
from aver.server.http.replies import problems, reply
from aver.store import ApiKey

__all__ = ["router"]

router = APIRouter(tags=["people"])

Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=100)]
Days = Annotated[float, Field(gt=0, le=3660)]


class Key(BaseModel):
    """An API key without its secret. Of somebody whom the tenant knows, `groups` and `roles` narrow what they have today; none of them is all."""

    id: str
    user: str
    groups: list[str]
    roles: list[str]
    scopes: list[str] = Field(description="The only permissions it is for; none is all that the roles give.")
    created: datetime
    expires: datetime | None


class KeyList(BaseModel):
    keys: list[Key]


class NewKey(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user: str = Field(min_length=1, max_length=200, description="A service account of your tenant, or you yourself.")
    groups: Names = []
    roles: Names = []
    scopes: list[Permission] = Field([], max_length=20)
    days: Days | None = Field(None, description="After so many days it opens nothing.")


class Rotation(BaseModel):
    model_config = ConfigDict(extra="forbid")

    overlap_hours: float = Field(0, ge=0, le=720, description="For so long the old key opens things too.")


class Made(Key):
    secret: str = Field(description="Shown this once.")


class Revoked(BaseModel):
    id: str
    revoked: bool


@router.get("/v1/keys", response_model=KeyList, responses=problems(401, 403))
async def listed(principal: Admin, application: App) -> Response:
    """The API keys of your tenant, oldest first."""
    found = await asyncio.to_thread(application.store.keys, principal.tenant)
    return reply({"keys": [_shown(each) for each in found]})


@router.post("/v1/keys", response_model=Made, status_code=201, responses=problems(401, 403, 404, 422))
async def create(wanted: NewKey, principal: Admin, application: App) -> Response:
    """Make a key for a service account or for yourself. Nobody else's can be made here: it would speak for them."""
    key, secret = await asyncio.to_thread(_create, application, principal, wanted)
    return reply({**_shown(key), "secret": secret}, 201)


@router.post("/v1/keys/{key}/rotate", response_model=Made, status_code=201, responses=problems(401, 403, 404, 422))
async def rotate(key: str, wanted: Rotation, principal: Admin, application: App) -> Response:
    """Make a key in place of one of a service account or of your own, for the same and as long."""

    new, secret = await asyncio.to_thread(rotate_key, application, principal, key, wanted.overlap_hours)
    return reply({**_shown(new), "secret": secret}, 201)


@router.delete("/v1/keys/{key}", response_model=Revoked, responses=problems(401, 403, 404))
async def revoke(key: str, principal: Admin, application: App) -> Response:
    """End a key of your tenant, whoever's it is, everywhere within a second."""
    await asyncio.to_thread(revoke_key, application, principal, key)
    return reply({"id": key, "revoked": True})


def _create(application: Application, principal: Principal, wanted: NewKey) -> tuple[ApiKey, str]:
    return create_key(
        application,
        principal,
        wanted.user,
        groups=wanted.groups,
        roles=wanted.roles,
        scopes=wanted.scopes,
        days=wanted.days,
    )


def _shown(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "user": key.user,
        "groups": sorted(key.groups),
        "roles": sorted(key.roles),
        "scopes": sorted(key.scopes or ()),
        "created": key.created,
        "expires": key.expires,
    }
