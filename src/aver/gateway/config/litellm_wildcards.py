"""LiteLLM's wildcards, such as ``openai/*``, as the models they stand for: those whose price is known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from aver.gateway.config.litellm_vendors import identify
from aver.gateway.prices.types import Price

__all__ = ["meant"]

_PRICED_BY = {
    "openai": "openai.com",
    "anthropic": "claude.com",
    "gemini": "ai.google.dev",
    "vertex": "ai.google.dev",
    "cohere": "cohere.com",
    "mistral": "mistral.ai",
    "groq": "groq.com",
    "deepseek": "deepseek.com",
}
"""Whose page the prices of a vendor are from. Names at Bedrock end in a version that prices do not tell."""
_UNFINISHED = re.compile("claude-3")
"""Models whose names are known to the provider with a date alone."""


def meant(group: str, asked: str, prices: Iterable[Price]) -> Iterator[tuple[str, str]]:
    """The names that callers use, and LiteLLM's ``model`` for each: what stands for the asterisk of the one stands for that of the
    other. Nothing where the vendor's prices are not known."""
    word, slash, rest = asked.partition("/")
    host = _PRICED_BY.get(identify(asked, "", "chat", own_address=False)[0].name, "")
    if not (host and slash and group.count("*") == rest.count("*") == 1):
        return
    pattern = re.compile("(.*)".join(re.escape(part) for part in rest.split("*")))
    for price in prices:
        match = pattern.fullmatch(price.model)
        if match and not _UNFINISHED.match(price.model) and (urlsplit(price.source).hostname or "").endswith(host):
            yield group.replace("*", match[1]), f"{word}/{price.model}"
