"""Where well-known providers are reached."""

from __future__ import annotations

from collections.abc import Mapping

from aver.gateway.config.types import ProviderKind

__all__ = ["OPENAI_COMPATIBLE", "base_url"]

_OPENAI = "https://api.openai.com/v1"
OPENAI_COMPATIBLE = {
    "cerebras": "https://api.cerebras.ai/v1",
    "deepinfra": "https://api.deepinfra.com/v1/openai",
    "deepseek": "https://api.deepseek.com/v1",
    "fireworks": "https://api.fireworks.ai/inference/v1",
    "groq": "https://api.groq.com/openai/v1",
    "mistral": "https://api.mistral.ai/v1",
    "moonshot": "https://api.moonshot.ai/v1",
    "nvidia": "https://integrate.api.nvidia.com/v1",
    "ollama": "http://127.0.0.1:11434/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "perplexity": "https://api.perplexity.ai",
    "sambanova": "https://api.sambanova.ai/v1",
    "together": "https://api.together.xyz/v1",
    "xai": "https://api.x.ai/v1",
}
"""Providers of the kind ``openai`` that are known by their own name, so that ``groq: {kind: openai}`` does not send Groq's key to OpenAI."""
_FIXED = {
    "responses": _OPENAI,
    "anthropic": "https://api.anthropic.com",
    "gemini": "https://generativelanguage.googleapis.com",
    "cohere": "https://api.cohere.com",
}


def base_url(name: str, kind: ProviderKind, options: Mapping[str, str]) -> str:
    """The address of the provider ``name`` where none is written; nothing where none is known."""
    if kind == "openai":
        return OPENAI_COMPATIBLE.get(name, _OPENAI)
    if kind == "bedrock" and "region" in options:
        return f"https://bedrock-runtime.{options['region']}.amazonaws.com"
    if kind == "vertex":
        location = options.get("location", "global")
        return f"https://{'' if location == 'global' else location + '-'}aiplatform.googleapis.com"
    return _FIXED.get(kind, "")
