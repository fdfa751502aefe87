"""``/v1/me`` and ``/v1/people``: who the caller is, and who else is in the tenant with which roles."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from aver.core.principal import Principal
from aver.policy.access import PERMISSIONS, allowed
from aver.server.administering import add_person, grant_roles, remove_person, set_active
from aver.server.application import Application
from aver.server.http.auth import Admin, App, Auditor, Identified, Overseer
from aver.server.http.replies import problems, reply
from aver.server.identity import changes_of
from aver.store import Person, PersonKind

__all__ = ["router"]

router = APIRouter(tags=["people"])

Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=100)]


class Me(BaseModel):
    """Whom the request speaks for. `permissions` are what the roles give, as far as the API key is for it."""

    tenant: str
    user: str
    groups: list[str]
    roles: list[str]
    permissions: list[str]


class Somebody(BaseModel):
    """A person or a service account. `granted` are the roles that were given here; `roles` those and what groups and claims are mapped to."""

    id: str
    user: str
    kind: PersonKind
    active: bool
    provisioned: bool
    name: str
    email: str
    groups: list[str]
    granted: list[str]
    roles: list[str]
    created: datetime
    changed: datetime


class PeopleList(BaseModel):
    people: list[Somebody]


class NewPerson(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user: str = Field(min_length=1, max_length=200)
    kind: PersonKind = "person"
    name: str = Field("", max_length=200)
    email: str = Field("", max_length=200)
    groups: Names = Field([], description="Until an identity provider says which.")
    roles: Names = []


class Granting(BaseModel):
    model_config = ConfigDict(extra="forbid")

    roles: Names = Field(description="All the roles that are given here; those that groups are mapped to stay.")


class Activity(BaseModel):
    model_config = ConfigDict(extra="forbid")

    active: bool


class Removed(BaseModel):
    id: str
    removed: bool


class ChangeOf(BaseModel):
    """A change of people, groups, roles, API keys or the identity provider, or a sign-in. `about` is whom or what it is of."""

    seq: int
    kind: str
    at: datetime
    about: str
    by: str
    facts: dict[str, Any]


class ChangeList(BaseModel):
    changes: list[ChangeOf]


@router.get("/v1/me", response_model=Me, responses=problems(401))
async def me(principal: Identified, application: App) -> Response:
    """Who you are here, and what you may do."""
    tenant = await asyncio.to_thread(lambda: application.tenant(principal.tenant).store.tenant.name)
    permissions = [each for each in PERMISSIONS if allowed(principal, each)]
    said = {"user": principal.user, "groups": sorted(principal.groups), "roles": sorted(principal.roles)}
    return reply({"tenant": tenant, **said, "permissions": permissions})


@router.get("/v1/people", response_model=PeopleList, responses=problems(401, 403))
async def listed(principal: Overseer, application: App) -> Response:
    """Everybody of your tenant, service accounts included, oldest first."""
    found = await asyncio.to_thread(application.directory.people, principal.tenant)
    return reply({"people": [_shown(each) for each in found]})


@router.get("/v1/people/changes", response_model=ChangeList, responses=problems(401, 403, 422))
async def changes(
    principal: Auditor,
    application: App,
    after: Annotated[int, Query(ge=0, description="Only changes behind this number of the chain.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Response:
    """Every change of people, groups, roles and API keys, and every sign-in, as evidence has it, oldest first."""
    services = await application.services(principal.tenant)
    found = await asyncio.to_thread(changes_of, services.ledger, after, limit)
    return reply({"changes": found})


@router.post("/v1/people", response_model=Somebody, status_code=201, responses=problems(401, 403, 409, 422))
async def add(wanted: NewPerson, principal: Admin, application: App) -> Response:
    """Add a person or a service account. To make somebody owner takes an owner."""
    return reply(_shown(await asyncio.to_thread(_add, application, principal, wanted)), 201)


@router.get("/v1/people/{person}", response_model=Somebody, responses=problems(401, 403, 404))
async def one(person: str, principal: Overseer, application: App) -> Response:
    """One of them, by id or user name."""
    return reply(_shown(await asyncio.to_thread(application.directory.person, principal.tenant, person)))


@router.put("/v1/people/{person}/roles", response_model=Somebody, responses=problems(401, 403, 404, 409, 422))
async def grant(person: str, wanted: Granting, principal: Admin, application: App) -> Response:
    """Give somebody these roles and no others, in force everywhere within a second. To make an owner, or to take that from one, takes an owner;
    the last owner stays one."""

    return reply(_shown(await asyncio.to_thread(grant_roles, application, principal, person, wanted.roles)))


@router.put("/v1/people/{person}/active", response_model=Somebody, responses=problems(401, 403, 404, 409, 422))
async def activate(person: str, wanted: Activity, principal: Admin, application: App) -> Response:
    """Let somebody act, or not any more: their sessions and API keys open nothing from now on, everywhere within a second. The last owner
    stays active."""

    return reply(_shown(await asyncio.to_thread(set_active, application, principal, person, wanted.active)))


@router.delete("/v1/people/{person}", response_model=Removed, responses=problems(401, 403, 404, 409))
async def remove(person: str, principal: Admin, application: App) -> Response:
    """Forget somebody, with their sessions and API keys. What they asked stays in evidence until it is erased."""

    removed = await asyncio.to_thread(remove_person, application, principal, person)
    return reply({"id": removed, "removed": True})


def _add(application: Application, principal: Principal, wanted: NewPerson) -> Person:
    about = {"name": wanted.name, "email": wanted.email}
    return add_person(
        application, principal, wanted.user, wanted.kind, **about, groups=wanted.groups, roles=wanted.roles
    )


def _shown(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "user": person.user,
        "kind": person.kind,
        "active": person.active,
        "provisioned": person.provisioned,
        "name": person.profile.name,
        "email": person.profile.email,
        "groups": sorted(person.groups),
        "granted": sorted(person.granted),
        "roles": sorted(person.roles),
        "created": person.created,
        "changed": person.changed,
    }
