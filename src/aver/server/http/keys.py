"""``/v1/keys``: the API keys of the tenant's service accounts, and one's own."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from aver.core.errors import Forbidden, NotFound
from aver.core.principal import OWNER, Principal
from aver.policy.access import Permission, check
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

    def rotated() -> tuple[ApiKey, str]:
        _check_own(application, principal, _find(application, principal, key).user)
        overlap = timedelta(hours=wanted.overlap_hours)
        return application.api_keys.rotate(principal.tenant, key, overlap, principal.user)

    new, secret = await asyncio.to_thread(rotated)
    return reply({**_shown(new), "secret": secret}, 201)


@router.delete("/v1/keys/{key}", response_model=Revoked, responses=problems(401, 403, 404))
async def revoke(key: str, principal: Admin, application: App) -> Response:
    """End a key of your tenant, whoever's it is, everywhere within a second."""
    await asyncio.to_thread(application.revoke_key, principal.tenant, key, principal.user)
    return reply({"id": key, "revoked": True})


def _create(application: Application, principal: Principal, wanted: NewKey) -> tuple[ApiKey, str]:
    _check_own(application, principal, wanted.user)
    lifetime = None if wanted.days is None else timedelta(days=wanted.days)
    scopes: frozenset[str] = frozenset(wanted.scopes)
    if principal.scopes is not None:
        # What a key may not do, no key that it makes may.
        scopes = scopes & principal.scopes if scopes else principal.scopes
    make = application.api_keys.create
    return make(principal.tenant, wanted.user, wanted.groups, wanted.roles, scopes, lifetime, principal.user)


def _check_own(application: Application, principal: Principal, user: str) -> None:
    person = application.directory.find(principal.tenant, user)
    if person is None:
        raise NotFound("There is no such service account", "Add it: POST /v1/people with kind service.")
    if person.kind != "service" and person.user != principal.user:
        raise Forbidden("A key of somebody else would speak for them", "Have them make it, or add a service account.")
    if OWNER in person.roles:
        check(principal, "own")


def _find(application: Application, principal: Principal, key: str) -> ApiKey:
    for each in application.store.keys(principal.tenant):
        if each.id == key:
            return each
    raise NotFound("There is no such key, or it is not your tenant's", "See them: GET /v1/keys.")


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
