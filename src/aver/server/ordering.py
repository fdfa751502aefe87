"""Who rewords questions and orders passages anew: what the settings and the bundle name for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aver.agents.reranking import MakeCall
    from aver.core.settings import Settings
    from aver.gateway import Gateway
    from aver.gateway.config.types import GatewayConfig
    from aver.knowledge.reranking import Reranker

__all__ = [
    "ASSISTANT",
    "EXTRACTIVE",
    "FEATURES",
    "QUERIES",
    "RERANK",
    "SEARCH",
    "SOURCES",
    "reranker",
    "reranker_name",
    "rewriter_name",
]

ASSISTANT = "assistant"
"""The name of the feature that answers from documents, where a model's is expected."""
SEARCH, SOURCES = "search", "sources"
"""Names of the features that find passages without an answer, and that take documents in."""
FEATURES = frozenset({ASSISTANT, SEARCH, SOURCES})
"""The features that there are beside agents, by the names under which they can be stopped."""
EXTRACTIVE = "extractive"
"""What a bundle calls the model that needs none."""
RERANK, QUERIES = "rerank", "queries"
"""Names of routes or models that have these tasks when a bundle declares them."""


def rewriter_name(config: GatewayConfig) -> str:
    return QUERIES if QUERIES in config.routes or QUERIES in config.models else ""


def reranker_name(settings: Settings, config: GatewayConfig) -> str:
    """The route or model called ``rerank``, else the cross-encoder of the settings, else nobody."""
    if RERANK in config.routes or RERANK in config.models:
        return RERANK
    return f"cross-encoder:{settings.reranker}" if settings.reranker else ""


def reranker(
    settings: Settings, config: GatewayConfig, gateway: Callable[[], Gateway]
) -> Callable[[MakeCall], Reranker] | None:
    """What makes a turn's reranker. A route whose first model is of a provider that reranks is asked to; any other is asked, as a chat
    model, for an order."""
    name = reranker_name(settings, config)
    if not name:
        return None
    if name != RERANK:
        from aver.knowledge.adapters.cross_encoder import CrossEncoderReranker

        loaded = CrossEncoderReranker(settings.reranker or "")
        return lambda _: loaded
    from aver.agents.reranking import ChatReranker, RouteReranker

    made = RouteReranker if _reranks(config, name) else ChatReranker
    return lambda call: made(gateway(), name, call)


def _reranks(config: GatewayConfig, name: str, depth: int = 8) -> bool:
    if name in config.models:
        model = config.models[name]
        able = model.capabilities is None or "rerank" in model.capabilities
        return able and config.providers[model.provider].kind == "cohere"
    route = config.routes.get(name)
    return bool(route and route.arms and depth and _reranks(config, route.arms[0].target, depth - 1))
