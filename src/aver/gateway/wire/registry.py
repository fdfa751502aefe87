"""Which class speaks which protocol. Each is imported when it is first used."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, cast

from aver.core.errors import InvalidInput
from aver.gateway.config.types import ProviderKind
from aver.gateway.types import Family
from aver.gateway.wire.types import ChatDialect, Door, EmbedDialect, RerankDialect

__all__ = ["chat_dialect", "door", "embed_dialect", "rerank_dialect"]

_DOORS = {
    "openai": "openai:OpenAIDoor",
    "responses": "responses:ResponsesDoor",
    "anthropic": "anthropic:AnthropicDoor",
}
_CHAT = {
    "openai": "openai:OpenAIChat",
    "azure": "azure:AzureChat",
    "responses": "responses:ResponsesChat",
    "anthropic": "anthropic:AnthropicChat",
    "gemini": "gemini:GeminiChat",
    "vertex": "vertex:VertexChat",
    "bedrock": "bedrock:BedrockChat",
    "cohere": "cohere:CohereChat",
}
_EMBED = {
    "openai": "openai_embeddings:OpenAIEmbeddings",
    "azure": "azure:AzureEmbeddings",
    "gemini": "gemini:GeminiEmbeddings",
    "vertex": "vertex:VertexEmbeddings",
    "bedrock": "bedrock_embeddings:BedrockEmbeddings",
    "cohere": "cohere_embeddings:CohereEmbeddings",
}
_RERANK = {"cohere": "cohere_rerank:CohereRerank"}


def door(family: Family) -> Door:
    return cast(Door, _made(_DOORS[family]))


def chat_dialect(kind: ProviderKind) -> ChatDialect:
    return cast(ChatDialect, _of(_CHAT, kind, "text"))


def embed_dialect(kind: ProviderKind) -> EmbedDialect:
    """Raises :class:`~aver.core.errors.InvalidInput` for a kind of provider without embeddings."""
    return cast(EmbedDialect, _of(_EMBED, kind, "embeddings"))


def rerank_dialect(kind: ProviderKind) -> RerankDialect:
    """Raises :class:`~aver.core.errors.InvalidInput` for a kind of provider without reranking."""
    return cast(RerankDialect, _of(_RERANK, kind, "reranking"))


def _of(table: dict[str, str], kind: str, what: str) -> Any:
    if kind not in table:
        raise InvalidInput(f"A provider of the kind {kind!r} does not do {what}", f"Use one of {', '.join(table)}.")
    return _made(table[kind])


@cache
def _made(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(f"aver.gateway.wire.{module}"), name)()
