"""OpenAI's models as Azure serves them: other addresses, and a filter that reports what it found.

Reference: https://learn.microsoft.com/azure/ai-foundry/openai/reference. ``base_url`` is the resource, such as
``https://NAME.openai.azure.com``. With the option ``api_version`` a model's id is the name of its deployment and stands in the address;
without it, or with ``v1`` or ``preview``, Azure's newer address is used, and it stands in the body.
"""

from __future__ import annotations

from urllib.parse import quote

from aver.gateway.wire.openai import OpenAIChat
from aver.gateway.wire.openai_embeddings import OpenAIEmbeddings
from aver.gateway.wire.types import Endpoint

__all__ = ["AzureChat", "AzureEmbeddings"]


class AzureChat(OpenAIChat):
    """A :class:`~aver.gateway.wire.types.ChatDialect`."""

    def url(self, endpoint: Endpoint) -> str:
        return _url(endpoint, "chat/completions")


class AzureEmbeddings(OpenAIEmbeddings):
    """An :class:`~aver.gateway.wire.types.EmbedDialect`."""

    def url(self, endpoint: Endpoint) -> str:
        return _url(endpoint, "embeddings")


def _url(endpoint: Endpoint, what: str) -> str:
    root = endpoint.base_url.rstrip("/").removesuffix("/v1").removesuffix("/openai")
    version = endpoint.options.get("api_version", "v1")
    if version in ("v1", "latest", "preview"):
        return f"{root}/openai/v1/{what}" + ("?api-version=preview" if version == "preview" else "")
    return f"{root}/openai/deployments/{quote(endpoint.model, safe='')}/{what}?api-version={quote(version)}"
