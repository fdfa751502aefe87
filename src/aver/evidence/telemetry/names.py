"""What things are called outside: OpenTelemetry's names at one version, Aver's own, and the names that other conventions have for them.

Names of ``gen_ai.*`` are in development and change from version to version, so one version is spoken within, that of
:data:`SCHEMA_URL` (https://github.com/open-telemetry/semantic-conventions/tree/v1.41.1/docs/gen-ai), and :func:`translator` renames at the
edge, just before anything is sent. Aver's own names begin with ``aver.`` and follow the same rules
(https://opentelemetry.io/docs/specs/semconv/general/naming/).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_args

from aver.core.settings import Conventions

__all__ = ["CONVENTIONS", "FACTS", "PROVIDERS", "RENAMES", "SCHEMA_URL", "Attributes", "Value", "translator"]

SCHEMA_URL = "https://opentelemetry.io/schemas/1.41.1"

Value = str | bool | int | float | list[str]
Attributes = dict[str, Value]

CONVENTIONS: tuple[Conventions, ...] = get_args(Conventions)

FACTS: Mapping[str, str] = {
    # what a turn goes by
    "feature": "aver.feature.name",
    "release": "aver.release.digest",
    "environment": "aver.environment.name",
    "rollout": "aver.rollout.id",
    "stage": "aver.rollout.stage",
    "arm": "aver.rollout.arm",
    "shadow_of": "aver.rollout.shadow_of",
    "conversation": "gen_ai.conversation.id",
    "config": "aver.config.digest",
    # a call of a model
    "call": "aver.call.id",
    "operation": "gen_ai.operation.name",
    "provider": "gen_ai.provider.name",
    "model": "gen_ai.request.model",
    "asked": "aver.call.asked",
    "route": "aver.call.route",
    "strategy": "aver.call.strategy",
    "attempts": "aver.call.attempts",
    "cache": "aver.call.cache",
    "unpriced": "aver.cost.unpriced",
    "estimated": "aver.usage.estimated",
    "input_tokens": "gen_ai.usage.input_tokens",
    "cached_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_tokens": "gen_ai.usage.cache_creation.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
    "streamed": "gen_ai.request.stream",
    # what was found, checked, decided and done
    "passages": "aver.retrieval.passages",
    "documents": "aver.retrieval.documents",
    "rerank": "aver.retrieval.rerank",
    "place": "aver.check.place",
    "texts": "aver.check.texts",
    "checks": "aver.check.names",
    "outcomes": "aver.check.outcomes",
    "kinds": "aver.check.kinds",
    "sentences": "aver.answer.sentences",
    "supported": "aver.answer.supported",
    "citations": "aver.answer.citations",
    "abstained": "aver.answer.abstained",
    "mode": "aver.answer.mode",
    "tool": "gen_ai.tool.name",
    "action": "gen_ai.tool.call.id",
    "policies": "aver.decision.policies",
    "origins": "aver.decision.origins",
    "approval": "aver.approval.id",
    "cause": "aver.refusal.cause",
    "error": "error.type",
}
"""Facts of evidence that leave, by what they are called outside. A fact that is not named here stays within."""

PROVIDERS: Mapping[str, str] = {
    "azure": "azure.ai.openai",
    "azure_openai": "azure.ai.openai",
    "azure-openai": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex": "gcp.vertex_ai",
    "vertex_ai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
"""What the conventions call providers that a bundle usually calls otherwise; any other name is sent as it is declared."""

RENAMES: Mapping[Conventions, Mapping[str, str]] = {
    "1.41.1": {},
    # https://github.com/open-telemetry/semantic-conventions/blob/v1.37.0/CHANGELOG.md: the provider was the system before.
    "1.36.0": {
        "gen_ai.provider.name": "gen_ai.system",
        "gen_ai.usage.cache_read.input_tokens": "aver.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens": "aver.usage.cache_creation.input_tokens",
        "gen_ai.usage.reasoning.output_tokens": "aver.usage.reasoning.output_tokens",
        "gen_ai.request.stream": "aver.call.streamed",
        "gen_ai.response.time_to_first_chunk": "aver.call.time_to_first_chunk",
    },
    # https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md
    "openinference": {
        "gen_ai.provider.name": "llm.provider",
        "gen_ai.request.model": "llm.model_name",
        "gen_ai.usage.input_tokens": "llm.token_count.prompt",
        "gen_ai.usage.output_tokens": "llm.token_count.completion",
        "gen_ai.usage.cache_read.input_tokens": "llm.token_count.prompt_details.cache_read",
        "gen_ai.usage.cache_creation.input_tokens": "llm.token_count.prompt_details.cache_write",
        "gen_ai.usage.reasoning.output_tokens": "llm.token_count.completion_details.reasoning",
        "aver.cost.usd": "llm.cost.total",
        "gen_ai.conversation.id": "session.id",
        "gen_ai.agent.name": "agent.name",
        "gen_ai.tool.name": "tool.name",
        "gen_ai.tool.call.id": "tool_call.id",
    },
}
"""By the conventions that a receiver speaks, what they call differently. What 1.36.0 has no name for moves to Aver's namespace."""

_INFERENCE_KINDS = {
    "chat": "LLM",
    "embeddings": "EMBEDDING",
    "rerank": "RERANKER",
    "retrieval": "RETRIEVER",
    "invoke_agent": "AGENT",
    "execute_tool": "TOOL",
}
_SYSTEM_NAMES = {"azure.ai.openai": "az.ai.openai", "x_ai": "xai"}


def translator(conventions: Conventions) -> Callable[[Attributes], Attributes]:
    """What renames the attributes of a span, a log or a measurement on their way to a receiver that speaks ``conventions``."""
    names = RENAMES[conventions]
    if conventions == "openinference":
        return lambda attributes: _named(attributes, names) | _kind(attributes)
    if conventions == "1.36.0":
        return lambda attributes: _named(_former(attributes), names)
    return lambda attributes: attributes


def _named(attributes: Attributes, names: Mapping[str, str]) -> Attributes:
    return {names.get(name, name): value for name, value in attributes.items()}


def _former(attributes: Attributes) -> Attributes:
    provider = str(attributes.get("gen_ai.provider.name"))
    known = {"gen_ai.provider.name": _SYSTEM_NAMES[provider]} if provider in _SYSTEM_NAMES else {}
    return attributes | known


def _kind(attributes: Attributes) -> Attributes:
    """The kind that OpenInference wants of every span."""
    operation = attributes.get("gen_ai.operation.name")
    step = attributes.get("aver.step.kind")
    if operation is None and step is None:
        return {}
    guarded = (
        "GUARDRAIL" if step in ("checked", "decided", "refused") else "EVALUATOR" if step == "verified" else "CHAIN"
    )
    return {"openinference.span.kind": _INFERENCE_KINDS.get(str(operation), guarded)}
