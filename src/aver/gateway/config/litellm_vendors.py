"""Whom LiteLLM means by the first word of a model's name."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import NamedTuple

from aver.gateway.config.endpoints import OPENAI_COMPATIBLE
from aver.gateway.config.types import ProviderKind

__all__ = ["Vendor", "identify", "intended", "unserved"]


class Vendor(NamedTuple):
    """``key`` and ``place`` are the variables that LiteLLM takes the credential and the address from where none is written; ``own`` is a
    server that one runs oneself, which LiteLLM counts as free."""

    name: str
    kind: ProviderKind
    key: str = ""
    base_url: str = ""
    place: str = ""
    own: bool = False


def _alike(name: str, key: str) -> Vendor:
    """A provider that speaks OpenAI's protocol."""
    return Vendor(name, "openai", key, OPENAI_COMPATIBLE[name])


_OPENAI = Vendor("openai", "openai", "OPENAI_API_KEY", place="OPENAI_API_BASE")
_RESPONSES = Vendor("openai-responses", "responses", "OPENAI_API_KEY", place="OPENAI_API_BASE")
_ANTHROPIC = Vendor("anthropic", "anthropic", "ANTHROPIC_API_KEY")
_GEMINI = Vendor("gemini", "gemini", "GEMINI_API_KEY")
_VERTEX = Vendor("vertex", "vertex")
_BEDROCK = Vendor("bedrock", "bedrock")
_COHERE = Vendor("cohere", "cohere", "COHERE_API_KEY")
_OLLAMA = Vendor("ollama", "openai", "", OPENAI_COMPATIBLE["ollama"], "OLLAMA_API_BASE", own=True)
_OWN = Vendor("own", "openai")
_LITELLM = Vendor("litellm", "litellm")

_VENDORS = {
    "openai": _OPENAI,
    "azure": Vendor("azure", "azure", "AZURE_API_KEY", place="AZURE_API_BASE"),
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
    "hosted_vllm": Vendor("vllm", "openai", place="HOSTED_VLLM_API_BASE", own=True),
    "lm_studio": Vendor("lm-studio", "openai", place="LM_STUDIO_API_BASE", own=True),
    "llamafile": Vendor("llamafile", "openai", place="LLAMAFILE_API_BASE", own=True),
    "xinference": Vendor("xinference", "openai", place="XINFERENCE_API_BASE", own=True),
    "openai_like": _OWN,
    "custom_openai": _OWN,
    "litellm_proxy": Vendor("litellm-proxy", "openai", "LITELLM_PROXY_API_KEY", place="LITELLM_PROXY_API_BASE"),
}
_OF_THE_LIBRARY = frozenset(
    [
        "ai21",
        "ai21_chat",
        "aiml",
        "aleph_alpha",
        "amazon_nova",
        "anthropic_text",
        "anyscale",
        "azure_ai",
        "azure_text",
        "baseten",
        "bytez",
        "chutes",
        "clarifai",
        "cloudflare",
        "codestral",
        "cometapi",
        "compactifai",
        "dashscope",
        "databricks",
        "datarobot",
        "docker_model_runner",
        "featherless_ai",
        "friendliai",
        "galadriel",
        "gigachat",
        "github",
        "github_copilot",
        "gradient_ai",
        "heroku",
        "huggingface",
        "hyperbolic",
        "infinity",
        "jina_ai",
        "lambda_ai",
        "lemonade",
        "maritalk",
        "meta_llama",
        "minimax",
        "morph",
        "nebius",
        "nlp_cloud",
        "novita",
        "nscale",
        "oci",
        "oobabooga",
        "ovhcloud",
        "petals",
        "poe",
        "predibase",
        "publicai",
        "replicate",
        "sagemaker",
        "sagemaker_chat",
        "sap",
        "snowflake",
        "synthetic",
        "text-completion-openai",
        "triton",
        "v0",
        "vercel_ai_gateway",
        "volcengine",
        "voyage",
        "wandb",
        "watsonx",
        "watsonx_text",
        "xiaomi_mimo",
        "zai",
    ]
)
"""First words that LiteLLM knows, too, and Aver leaves to its library."""
_BY_NAME = (
    (r"(gpt-|chatgpt-|o[1-9](-|$)|text-embedding-)", _OPENAI),
    (r"claude", _ANTHROPIC),
    (r"gemini", _VERTEX),
    (r"(command|embed-|rerank-)", _COHERE),
)
"""How LiteLLM knows models without a first word."""
_UNSERVED = (
    (r"(tts-|.*-tts|whisper|.*-transcribe)", "speech"),
    (r"(dall-e|gpt-image|imagen|flux|stable-diffusion|sora|veo)", "making images"),
    (r"(omni-moderation|text-moderation)", "moderation"),
    (r".*realtime", "realtime"),
)
"""Models that answer with something else than words, by how their names begin."""
_BEDROCK_REGION = re.compile(r"(?:(?:converse|converse_like|invoke)/)?(?:([a-z]{2}(?:-[a-z]+)+-\d)/)?")


def identify(model: str, declared: str, mode: str, *, own_address: bool) -> tuple[Vendor, str, str]:
    """The vendor of LiteLLM's ``model``, the model's name there, and its region where the name tells it. ``declared`` is LiteLLM's
    ``custom_llm_provider``; ``own_address`` whether an ``api_base`` is written."""
    word, slash, rest = model.partition("/")
    if declared and word != declared:
        word, rest = declared, model
    elif not slash or (word not in _VENDORS and word not in _OF_THE_LIBRARY and own_address and not declared):
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


def intended(word: str) -> str:
    """The vendor's word that was probably meant; nothing where LiteLLM knows ``word``."""
    if word in _OF_THE_LIBRARY:
        return ""
    close = get_close_matches(word, _VENDORS, n=1, cutoff=0.8)
    return close[0] if close and close[0] != word else ""


def unserved(model: str, mode: str) -> str:
    """What a model is for, where Aver does not serve that; ``mode`` is LiteLLM's, if written."""
    name = model.rpartition("/")[2]
    return "" if mode else next((what for pattern, what in _UNSERVED if re.match(pattern, name)), "")
