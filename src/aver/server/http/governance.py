"""``/v1/access``, ``/v1/governance``, ``/v1/holds``, ``/v1/retention``, ``/v1/erasures``, ``/v1/sessions``: who read what, what is kept, what is held, what
a person may ask for; and ``/v1/acceptable-use``, what people agree to."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from aver.core.principal import Principal, user_reader
from aver.governance.declaration import DataClass, Declaration
from aver.governance.holds import Hold
from aver.governance.persons import packed
from aver.governance.reading import Access, Readership
from aver.server.administering import erase_user
from aver.server.application import Application, TenantServices
from aver.server.http.auth import Admin, App, Auditor, Caller, Identified, Overseer, Services
from aver.server.http.fields import Text
from aver.server.http.replies import problems, reply
from aver.server.persons import end_session, person_data, standing_of

__all__ = ["router"]

router = APIRouter(tags=["governance"])

User = Annotated[Text, Field(min_length=1, max_length=200)]
Words = Annotated[Text, Field(min_length=1, max_length=2000)]
Names = Annotated[list[User], Field(max_length=1000)]


class Accesses(BaseModel):
    """`readership` is who may read the document now, where one was asked for and is there."""

    accesses: list[Access]
    readership: Readership | None = None


class Declared(BaseModel):
    """What is declared. `retention` are days by class of data; what is not named is kept for ever."""

    retention: dict[DataClass, int]
    region: str
    label: dict[str, Any]
    classification: list[dict[str, Any]]
    acceptable_use: dict[str, str] | None


class Declaring(BaseModel):
    model_config = ConfigDict(extra="forbid")

    declaration: Text = Field(max_length=200_000, description="The text of a `governance.yaml`.")


class HoldList(BaseModel):
    holds: list[Hold]


class Placing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    matter: Words
    reason: Words
    users: Names = []
    documents: Names = Field([], description="Ids of documents; the turns that rest on them are kept too.")


class Releasing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Words


class Applying(BaseModel):
    model_config = ConfigDict(extra="forbid")

    dry_run: bool = Field(True, description="Say what is due, and let nothing go.")


class Class(BaseModel):
    name: DataClass
    days: int
    before: datetime
    count: int
    held: int
    more: bool


class Applied(BaseModel):
    dry_run: bool
    classes: list[Class]


class Erasing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user: User


class Envelope(BaseModel):
    """A DSSE envelope; `aver erase verify` checks it."""

    payload: str
    payloadType: str  # noqa: N815 - DSSE's own name
    signatures: list[dict[str, str]]


class Rules(BaseModel):
    """What people agree to before they ask: empty where there is nothing. `agreed` is when the caller did."""

    digest: str
    text: str
    agreed: datetime | None


class Agreeing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    digest: Text = Field(max_length=64, description="Of the text that was read, as `GET /v1/acceptable-use` gives it.")


class Stands(BaseModel):
    user: str
    active: bool
    agreed: datetime | None


class Standing(BaseModel):
    digest: str
    people: list[Stands]


class Session(BaseModel):
    """Of the console. `id` opens nothing; `means` is how it was begun."""

    id: str
    user: str
    means: str
    begun: datetime
    seen: datetime
    ends: datetime


class SessionList(BaseModel):
    sessions: list[Session]


class Ended(BaseModel):
    id: str
    ended: bool


_ZIP: dict[int | str, dict[str, Any]] = {
    200: {"description": "A ZIP file with `person.json` and `person.html`.", "content": {"application/zip": {}}}
}


@router.get("/v1/access", response_model=Accesses, responses=problems(401, 403, 404, 422))
async def access(
    principal: Auditor,
    services: Services,
    user: Annotated[str | None, Query(max_length=200, description="Only what this user read.")] = None,
    document: Annotated[str | None, Query(max_length=200, description="Only who read this document.")] = None,
    since: Annotated[AwareDatetime | None, Query(description="Only what was read then or later.")] = None,
    after: Annotated[int, Query(ge=0, le=2**53, description="Only accesses behind this number of the chain.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Response:
    """Who was shown which passages in turns, and who read what outside of them, oldest first. Reading the log is on it."""

    def found() -> dict[str, Any]:
        log = services.governance.accesses
        could = log.readership(document) if document else None
        if user is not None:
            user_reader(user)
        entries = log.entries(user=user, document=document, since=since, after=after, most=limit)
        return {"accesses": entries, "readership": could}

    read = await asyncio.to_thread(found)
    services.read_by(principal, "access", "http")
    return reply(read)


@router.get("/v1/governance", response_model=Declared, responses=problems(401, 403))
async def declared(_: Overseer, services: Services) -> Response:
    """What your tenant declares of retention, labels, region and rules of use."""
    return reply((await asyncio.to_thread(services.declared.now)).plain())


@router.put("/v1/governance", response_model=Declared, responses=problems(401, 403, 413, 422, 503))
async def declare(wanted: Declaring, principal: Admin, services: Services) -> Response:
    """Declare it anew, in place of what was declared, in force everywhere within a second."""

    def changed() -> Declaration:
        declaration = Declaration.parse(wanted.declaration, "governance.yaml")
        services.governance.declare(declaration, principal.user)
        return declaration

    return reply((await asyncio.to_thread(changed)).plain())


@router.get("/v1/holds", response_model=HoldList, responses=problems(401, 403))
async def holds(_: Auditor, services: Services) -> Response:
    """Legal holds, oldest first, those that were released among them."""

    def found() -> list[Hold]:
        return services.governance.holds.all()

    return reply({"holds": await asyncio.to_thread(found)})


@router.post("/v1/holds", response_model=Hold, status_code=201, responses=problems(401, 403, 404, 413, 422))
async def place(wanted: Placing, principal: Admin, services: Services) -> Response:
    """Keep the content of these users, and these documents with the turns that rest on them, until the hold is released: neither retention nor an
    erasure takes them."""

    def placed() -> Hold:
        about = {"users": wanted.users, "documents": wanted.documents}
        return services.governance.holds.place(wanted.matter, wanted.reason, **about, by=principal.user)

    return reply(await asyncio.to_thread(placed), 201)


@router.post("/v1/holds/{hold}/release", response_model=Hold, responses=problems(401, 403, 404, 409, 413, 422))
async def release(hold: str, wanted: Releasing, principal: Admin, services: Services) -> Response:
    """Let retention and erasure go on."""
    released = await asyncio.to_thread(
        lambda: services.governance.holds.release(hold, wanted.reason, by=principal.user)
    )
    return reply(released)


@router.post("/v1/retention", response_model=Applied, responses=problems(401, 403, 409, 422))
async def retention(wanted: Applying, _: Admin, services: Services) -> Response:
    """Let everything go whose time is up, as is done every day anyway, or say what that is."""
    found = await asyncio.to_thread(lambda: services.governance.retention.apply(dry_run=wanted.dry_run))
    return reply({"dry_run": wanted.dry_run, "classes": found})


@router.post("/v1/erasures", response_model=Envelope, status_code=201, responses=problems(401, 403, 404, 409, 413, 422))
async def erase(wanted: Erasing, principal: Admin, application: App) -> Response:
    """Destroy the key of a user's content and end their access, for good. The receipt is shown this once, and says what was destroyed; a legal hold
    stops it with status 409. To erase an owner takes an owner."""
    return reply(await asyncio.to_thread(erase_user, application, principal, wanted.user), 201)


@router.get("/v1/me/export", responses={**_ZIP, **problems(401, 404, 503)}, response_class=Response)
async def own_export(principal: Identified, application: App, services: Services) -> Response:
    """Everything that is kept of you: what you asked and were answered, what is remembered, your feedback, keys, sessions and accesses."""
    return await _exported(application, services, principal, principal.user)


@router.get("/v1/people/{person}/export", responses={**_ZIP, **problems(401, 403, 404, 503)}, response_class=Response)
async def export(person: str, principal: Admin, application: App, services: Services) -> Response:
    """The same of somebody else, for them. It is in the access log."""
    found = await asyncio.to_thread(application.directory.person, principal.tenant, person)
    return await _exported(application, services, principal, found.user)


@router.get("/v1/acceptable-use", response_model=Rules, responses=problems(401, 403))
async def rules(principal: Caller, services: Services) -> Response:
    """The rules of use in force, and whether you agreed to them."""
    return reply(await asyncio.to_thread(_rules, services, principal))


@router.post("/v1/acceptable-use", response_model=Rules, responses=problems(401, 403, 409, 413, 422))
async def agree(wanted: Agreeing, principal: Caller, services: Services) -> Response:
    """Agree to the rules with this digest, which have to be those in force. Until then asking is refused (`acknowledgement-required`)."""

    def agreed() -> dict[str, Any]:
        services.governance.use.acknowledge(principal, wanted.digest)
        return _rules(services, principal)

    return reply(await asyncio.to_thread(agreed))


@router.get("/v1/acceptable-use/people", response_model=Standing, responses=problems(401, 403))
async def standing(_: Overseer, application: App, services: Services) -> Response:
    """Who of your tenant agreed to the rules in force, and who has not yet."""

    def found() -> dict[str, Any]:
        terms = services.governance.use.terms
        return {"digest": terms.digest if terms else "", "people": standing_of(application, services)}

    return reply(await asyncio.to_thread(found))


@router.get("/v1/sessions", response_model=SessionList, responses=problems(401, 403))
async def sessions(principal: Admin, application: App) -> Response:
    """Who of your tenant is signed in to the console, newest first."""
    return reply({"sessions": await asyncio.to_thread(application.sessions.of_tenant, principal.tenant)})


@router.delete("/v1/sessions/{session}", response_model=Ended, responses=problems(401, 403, 404))
async def end(session: str, principal: Admin, application: App) -> Response:
    """End a session of your tenant, everywhere within a second. Whoever it stood for may sign in again."""
    await asyncio.to_thread(end_session, application, principal.tenant, session, principal.user)
    return reply({"id": session, "ended": True})


async def _exported(application: Application, services: TenantServices, principal: Principal, user: str) -> Response:
    data = await asyncio.to_thread(person_data, application, services, user)
    services.read_by(principal, "person", "http")
    named = {"Content-Disposition": 'attachment; filename="person.zip"'}
    return Response(await asyncio.to_thread(packed, data), headers=named, media_type="application/zip")


def _rules(services: TenantServices, principal: Principal) -> dict[str, Any]:
    terms = services.governance.use.terms
    stands = services.governance.use.of(principal.user)
    return {"digest": stands.digest, "text": terms.text if terms else "", "agreed": stands.at}
