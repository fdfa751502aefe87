"""Whom LiteLLM means by the first word of a model's name."""

from __future__ import annotations

import re
from typing import NamedTuple

from aver.gateway.config.endpoints import OPENAI_COMPATIBLE
from aver.gateway.config.types import ProviderKind

__all__ = ["Vendor", "identify"]


class Vendor(NamedTuple):
    """``key`` is the variable that LiteLLM takes the credential from where none is written; nothing for servers of one's own."""

    name: str
    kind: ProviderKind
    key: str = ""
    base_url: str = ""


def _alike(name: str, key: str) -> Vendor:
    """A provider that speaks OpenAI's protocol."""
    return Vendor(name, "openai", key, OPENAI_COMPATIBLE[name])


_OPENAI = Vendor("openai", "openai", "OPENAI_API_KEY")
_RESPONSES = Vendor("openai-responses", "responses", "OPENAI_API_KEY")
_ANTHROPIC = Vendor("anthropic", "anthropic", "ANTHROPIC_API_KEY")
_GEMINI = Vendor("gemini", "gemini", "GEMINI_API_KEY")
_VERTEX = Vendor("vertex", "vertex")
_BEDROCK = Vendor("bedrock", "bedrock")
_COHERE = Vendor("cohere", "cohere", "COHERE_API_KEY")
_OLLAMA = Vendor("ollama", "openai", "", OPENAI_COMPATIBLE["ollama"])
_OWN = Vendor("own", "openai")
_LITELLM = Vendor("litellm", "litellm")

_VENDORS = {
    "openai": _OPENAI,
    "azure": Vendor("azure", "azure", "AZURE_API_KEY"),
    "anthropic": _ANTHROPIC,
    "gemini": _GEMINI,
    "vertex_ai": _VERTEX,
    "vertex_ai_beta": _VERTEX,
    "bedrock": _BEDROCK,
    "bedrock_converse": _BEDROCK,
    "cohere": _COHERE,
    "cohere_chat": _COHERE,
    "cerebras": _alike("cerebras", "CEREBRAS_API_KEY"),
    "deepinfra": _alike("deepinfra", "DEEPINFRA_API_KEY"),
    "deepseek": _alike("deepseek", "DEEPSEEK_API_KEY"),
    "fireworks_ai": _alike("fireworks", "FIREWORKS_API_KEY"),
    "groq": _alike("groq", "GROQ_API_KEY"),
    "mistral": _alike("mistral", "MISTRAL_API_KEY"),
    "moonshot": _alike("moonshot", "MOONSHOT_API_KEY"),
    "nvidia_nim": _alike("nvidia", "NVIDIA_NIM_API_KEY"),
    "openrouter": _alike("openrouter", "OPENROUTER_API_KEY"),
    "perplexity": _alike("perplexity", "PERPLEXITYAI_API_KEY"),
    "sambanova": _alike("sambanova", "SAMBANOVA_API_KEY"),
    "together_ai": _alike("together", "TOGETHERAI_API_KEY"),
    "xai": _alike("xai", "XAI_API_KEY"),
    "ollama": _OLLAMA,
    "ollama_chat": _OLLAMA,
    "hosted_vllm": Vendor("vllm", "openai"),
    "lm_studio": Vendor("lm-studio", "openai"),
    "llamafile": Vendor("llamafile", "openai"),
    "xinference": Vendor("xinference", "openai"),
    "openai_like": _OWN,
    "custom_openai": _OWN,
    "litellm_proxy": Vendor("litellm-proxy", "openai"),
}
_BY_NAME = (
    (r"(gpt-|chatgpt-|o[1-9](-|$)|text-embedding-)", _OPENAI),
    (r"claude", _ANTHROPIC),
    (r"gemini", _VERTEX),
    (r"(command|embed-|rerank-)", _COHERE),
)
"""How LiteLLM knows models without a first word."""
_BEDROCK_REGION = re.compile(r"(?:(?:converse|converse_like|invoke)/)?(?:([a-z]{2}(?:-[a-z]+)+-\d)/)?")


def identify(model: str, declared: str, mode: str, *, own_address: bool) -> tuple[Vendor, str, str]:
    """The vendor of LiteLLM's ``model``, the model's name there, and its region where the name tells it. ``declared`` is LiteLLM's
    ``custom_llm_provider``; ``own_address`` whether an ``api_base`` is written."""
    word, slash, rest = model.partition("/")
    if declared and word != declared:
        word, rest = declared, model
    elif not slash or (word not in _VENDORS and own_address and not declared):
        by_name = next((vendor for pattern, vendor in _BY_NAME if re.match(pattern, model)), None)
        return by_name or (_OWN if own_address else _LITELLM), model, ""
    vendor = _VENDORS.get(word, _LITELLM)
    if vendor is _OPENAI and (mode == "responses" or rest.startswith("responses/")):
        return _RESPONSES, rest.removeprefix("responses/"), ""
    if vendor is _BEDROCK:
        prefix = _BEDROCK_REGION.match(rest)
        assert prefix is not None  # matches the empty string
        return vendor, rest[prefix.end() :], prefix[1] or ""
    if vendor is _VERTEX and not rest.startswith(("gemini", "text-embedding", "text-multilingual", "projects/")):
        return _LITELLM, model, ""  # Vertex serves other makers' models over their own protocols
    return vendor, f"{word}/{rest}" if vendor is _LITELLM else rest, ""
