"""``/scim/v2``: the people and groups of the caller's tenant, for its identity provider (RFC 7644). The token is an API key with the
permission ``provision``, which also says whose tenant it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse

from aver.core.errors import AverError, Conflict, InvalidInput
from aver.identity.scim import Query as ScimQuery
from aver.identity.scim import Scim
from aver.identity.scim.service import MOST
from aver.server.failures import Malformed
from aver.server.http.auth import App, Provisioner
from aver.server.http.scim_schemas import CONFIGURATION, RESOURCE_TYPES, SCHEMAS
from aver.server.wire import to_json

__all__ = ["router"]

_TYPE = "application/scim+json"
_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


class Resource(BaseModel):
    """A user, a group or a list of them, as RFC 7643 has them."""

    model_config = ConfigDict(extra="allow")

    schemas: list[str]


class ScimProblem(BaseModel):
    schemas: list[str]
    status: str
    detail: str
    scimType: str = ""  # noqa: N815 - the protocol's own spelling


class _Answer(JSONResponse):
    """An answer in SCIM's own media type."""

    media_type = _TYPE


class _Scim(APIRoute):
    """A route whose failures are SCIM's."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handler = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handler(request)
            except AverError as error:
                return _problem(error)
            except RequestValidationError as error:
                first = error.errors()[0]
                return _problem(Malformed(f"{first['loc'][-1]}: {first['msg']}", "Send what RFC 7644 describes."))

        return answered


router = APIRouter(prefix="/scim/v2", tags=["scim"], route_class=_Scim, default_response_class=_Answer)


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ScimProblem} for status in sorted({400, 401, 403, 500, *statuses})}


def _of(request: Request, principal: Provisioner, application: App) -> Scim:
    return Scim(application.directory, principal.tenant, f"{str(request.base_url).rstrip('/')}/scim/v2", principal.user)


Of = Annotated[Scim, Depends(_of)]


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise Malformed("The body cannot be read as JSON", "Send UTF-8 JSON, not deeply nested.") from None
    if not isinstance(body, dict):
        raise Malformed("The body is no JSON object", "Send what RFC 7644 describes.")
    return body


Body = Annotated[dict[str, Any], Depends(_body)]


def _query(
    filter: Annotated[str, Query(max_length=2000)] = "",  # noqa: A002 - the address reads ?filter=
    start: Annotated[int, Query(alias="startIndex")] = 1,
    count: int | None = None,
    sort: Annotated[str, Query(alias="sortBy", max_length=200)] = "",
    order: Annotated[str, Query(alias="sortOrder", max_length=20)] = "ascending",
    attributes: Annotated[str, Query(max_length=2000)] = "",
    without: Annotated[str, Query(alias="excludedAttributes", max_length=2000)] = "",
) -> ScimQuery:
    return ScimQuery(filter, start, count, sort, order.casefold() == "descending", _names(attributes), _names(without))


Wanted = Annotated[ScimQuery, Depends(_query)]
_JSON = {"requestBody": {"required": True, "content": {_TYPE: {"schema": {"type": "object"}}}}}


@router.get("/Users", response_model=Resource, responses=_problems())
async def users(scim: Of, wanted: Wanted) -> Response:
    """The tenant's people."""
    return _reply(await asyncio.to_thread(scim.users, wanted))


@router.post("/Users", response_model=Resource, status_code=201, responses=_problems(409), openapi_extra=_JSON)
async def add_user(scim: Of, body: Body) -> Response:
    """Somebody new."""
    return _reply(await asyncio.to_thread(scim.add_user, body), 201)


@router.get("/Users/{user}", response_model=Resource, responses=_problems(404))
async def user(user: str, scim: Of, wanted: Wanted) -> Response:
    """One of them."""
    return _reply(wanted.shown(await asyncio.to_thread(scim.user, user)))


@router.put("/Users/{user}", response_model=Resource, responses=_problems(404, 409, 412), openapi_extra=_JSON)
async def replace_user(user: str, scim: Of, body: Body, request: Request) -> Response:
    """Somebody, as the client says in whole."""
    return _reply(await asyncio.to_thread(scim.replace_user, user, body, request.headers.get("if-match", "")))


@router.patch("/Users/{user}", response_model=Resource, responses=_problems(404, 409, 412), openapi_extra=_JSON)
async def patch_user(user: str, scim: Of, body: Body, request: Request) -> Response:
    """Somebody, changed by operations. Without `active` nothing of theirs opens anything, everywhere within a second; the tenant's last
    owner stays active."""
    return _reply(await asyncio.to_thread(scim.patch_user, user, body, request.headers.get("if-match", "")))


@router.delete("/Users/{user}", status_code=204, response_model=None, responses=_problems(404, 409))
async def remove_user(user: str, scim: Of) -> Response:
    """Forget somebody, with their sessions and API keys."""
    await asyncio.to_thread(scim.remove_user, user)
    return Response(status_code=204)


@router.get("/Groups", response_model=Resource, responses=_problems())
async def groups(scim: Of, wanted: Wanted) -> Response:
    """The tenant's groups, with the ids of their members."""
    return _reply(await asyncio.to_thread(scim.groups, wanted))


@router.post("/Groups", response_model=Resource, status_code=201, responses=_problems(404, 409), openapi_extra=_JSON)
async def add_group(scim: Of, body: Body) -> Response:
    """A new group."""
    return _reply(await asyncio.to_thread(scim.add_group, body), 201)


@router.get("/Groups/{group}", response_model=Resource, responses=_problems(404))
async def group(group: str, scim: Of, wanted: Wanted) -> Response:
    """One of them, with its members."""
    return _reply(wanted.shown(await asyncio.to_thread(scim.group, group)))


@router.put("/Groups/{group}", response_model=Resource, responses=_problems(404, 409, 412), openapi_extra=_JSON)
async def replace_group(group: str, scim: Of, body: Body, request: Request) -> Response:
    """A group, as the client says in whole."""
    return _reply(await asyncio.to_thread(scim.replace_group, group, body, request.headers.get("if-match", "")))


@router.patch("/Groups/{group}", response_model=Resource, responses=_problems(404, 409, 412), openapi_extra=_JSON)
async def patch_group(group: str, scim: Of, body: Body, request: Request) -> Response:
    """A group, changed by operations: its name, who comes and who goes."""
    return _reply(await asyncio.to_thread(scim.patch_group, group, body, request.headers.get("if-match", "")))


@router.delete("/Groups/{group}", status_code=204, response_model=None, responses=_problems(404, 409))
async def remove_group(group: str, scim: Of) -> Response:
    """Forget a group; its people stay."""
    await asyncio.to_thread(scim.remove_group, group)
    return Response(status_code=204)


@router.get("/ServiceProviderConfig", response_model=Resource, responses=_problems())
async def configuration(_: Provisioner) -> Response:
    """What of SCIM there is here."""
    return _reply(CONFIGURATION)


@router.get("/ResourceTypes", response_model=Resource, responses=_problems())
async def resource_types(_: Provisioner) -> Response:
    """Users and groups."""
    return _reply(_all(RESOURCE_TYPES))


@router.get("/Schemas", response_model=Resource, responses=_problems())
async def schemas(_: Provisioner) -> Response:
    """The attributes that there are here."""
    return _reply(_all(SCHEMAS))


def _all(resources: list[dict[str, Any]]) -> dict[str, Any]:
    listed = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
    count = len(resources)
    return {
        "schemas": [listed],
        "totalResults": count,
        "startIndex": 1,
        "itemsPerPage": min(count, MOST),
        "Resources": resources,
    }


def _names(text: str) -> frozenset[str]:
    return frozenset(filter(None, map(str.strip, text.split(","))))


def _reply(resource: dict[str, Any], status: int = 200) -> Response:
    meta = resource.get("meta", {})
    headers = {"ETag": meta["version"]} if "version" in meta else {}
    if status == 201:
        headers["Location"] = meta["location"]
    return Response(to_json(resource), status, headers, _TYPE)


def _problem(error: AverError) -> Response:
    """A failure as RFC 7644, 3.12 has it. A refused change of who owns the tenant is a conflict, and says so."""
    kind = getattr(error, "kind", "")
    if not kind and isinstance(error, Conflict):
        kind = "mutability" if error.slug == "last-owner" else "uniqueness"
    status = 400 if isinstance(error, InvalidInput) and error.status == 422 else error.status
    body = {"schemas": [_ERROR], "status": str(status), "detail": f"{error.cause}. {error.next_step}"}
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return Response(to_json({**body, "scimType": kind} if kind else body), status, headers, _TYPE)
