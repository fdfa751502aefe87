"""``POST /v1/search`` and ``GET /v1/documents``: what the caller may read, and nothing about the rest."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from aver.agents.lineage import Citing, answers_citing
from aver.core.errors import NotFound
from aver.knowledge.layout import Spot
from aver.knowledge.lineage import Origin
from aver.knowledge.scope import Scope
from aver.knowledge.types import Document, DocumentText, Hit
from aver.server.application import TenantServices
from aver.server.http.auth import Overseer, Reader, Services
from aver.server.http.fields import Text
from aver.server.http.replies import problems, reply

__all__ = ["router"]

router = APIRouter(tags=["documents"])


class SearchQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    query: Text = Field(examples=["parental leave"])
    limit: int = Field(8, ge=1, le=100)
    sources: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        [], max_length=100, description="Only documents of these sources."
    )
    since: AwareDatetime | None = Field(None, description="Only documents that changed then or later.")
    as_of: AwareDatetime | None = Field(None, description="Documents as they were then.")


class Passages(BaseModel):
    passages: list[Hit] = Field(description="Best first.")


class Documents(BaseModel):
    documents: list[Document]


@router.post("/v1/search", response_model=Passages, responses=problems(401, 403, 413, 422, 503))
async def search(body: SearchQuery, principal: Reader, services: Services) -> Response:
    """Ranked passages of documents you may read."""
    scope = Scope(tuple(body.sources), since=body.since, as_of=body.as_of)
    hits = await asyncio.to_thread(services.search, principal, body.query, body.limit, scope)
    services.read_by(principal, "search", "http", [(hit.document, hit.version) for hit in hits])
    return reply({"passages": hits})


@router.get("/v1/documents", response_model=Documents, responses=problems(401))
async def documents(principal: Reader, services: Services) -> Response:
    """The documents you may read, each at its current version."""
    return reply({"documents": await asyncio.to_thread(services.knowledge.documents, principal)})


@router.get("/v1/documents/{document}", response_model=DocumentText, responses=problems(401, 404, 422))
async def document(
    document: str,
    principal: Reader,
    services: Services,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> Response:
    """The stored text of one version (the current one by default), what the offsets of citations refer to, and its blocks: what
    each is, and the page and box or the anchor where it stands in the source."""
    found = await asyncio.to_thread(services.knowledge.document, principal, document, version, blocks=True)
    services.read_by(principal, "document", "http", [(document, found.version)])
    return reply(found)


class Spots(BaseModel):
    spots: list[Spot] = Field(description="In reading order; empty in formats that have neither pages nor anchors.")


@router.get(
    "/v1/documents/{document}/versions/{version}/spots", response_model=Spots, responses=problems(401, 404, 422)
)
async def spots(
    document: str,
    version: Annotated[int, Path(ge=1, le=2**31 - 1)],
    principal: Reader,
    services: Services,
    start: Annotated[int, Query(ge=0, le=2**31 - 1)],
    end: Annotated[int, Query(ge=1, le=2**31 - 1)],
) -> Response:
    """Where in its source a citation's span stands: boxes on pages, as fractions of the page, or anchors."""
    found = await asyncio.to_thread(services.knowledge.locate, principal, document, version, start, end)
    return reply({"spots": found})


class DocumentLineage(BaseModel):
    versions: list[Origin] = Field(description="What each version was made of, the first one first.")
    answers: list[Citing] = Field(description="The tenant's answers that cite it, oldest first, without their words.")


@router.get("/v1/documents/{document}/lineage", response_model=DocumentLineage, responses=problems(401, 403, 404, 422))
async def lineage(
    document: str,
    _: Overseer,
    services: Services,
    since: Annotated[AwareDatetime | None, Query(description="Only answers given then or later.")] = None,
) -> Response:
    """Where every version of a document came from, and which answers cite it. For the permission ``oversee``, which need not be able to read the
    document: no text is told, nor who asked."""
    return reply(await asyncio.to_thread(_lineage, services, document, since))


def _lineage(services: TenantServices, document: str, since: datetime | None) -> dict[str, Any]:
    versions = services.knowledge.versions(document)
    if not versions:
        raise NotFound("There is no such document", "Take the id from a citation, or list yours: GET /v1/documents.")
    return {"versions": versions, "answers": list(answers_citing(services.ledger, [document], since))}
