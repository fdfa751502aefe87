"""What a provider's error answer means: its class, its words without keys, and how long to wait."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import orjson

from aver.core.errors import (
    ContentFiltered,
    ContextOverflow,
    ProviderDenied,
    ProviderError,
    ProviderExhausted,
    ProviderRefused,
    ProviderThrottled,
    RequestRejected,
)

__all__ = ["Words", "refusal", "retry_after", "scrub", "unknown_finish", "unreadable", "words"]

Kinds = Mapping[str, type[ProviderRefused]]
_LONGEST_MESSAGE = 300
_LIKE_A_KEY = re.compile(
    r"\S*\*{3,}\S*|\b(?:sk|pk|key|gsk|xai|hf|api)[-_][\w-]{6,}|\bAIza[\w-]{10,}|\bA[KS]IA[0-9A-Z]{12,}|Bearer\s+\S+",
    re.IGNORECASE,
)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s|$)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}
_CODES: Kinds = {
    "context_length_exceeded": ContextOverflow,
    "exceed_context_size_error": ContextOverflow,
    "string_above_max_length": ContextOverflow,
    "content_filter": ContentFiltered,
    "content_policy_violation": ContentFiltered,
    "ResponsibleAIPolicyViolation": ContentFiltered,
    "invalid_prompt": ContentFiltered,
    "data_inspection_failed": ContentFiltered,
    "insufficient_quota": ProviderExhausted,
    "billing_hard_limit_reached": ProviderExhausted,
    "billing_not_active": ProviderExhausted,
    "account_deactivated": ProviderDenied,
    "invalid_api_key": ProviderDenied,
    "model_not_found": ProviderDenied,
    "DeploymentNotFound": ProviderDenied,
    "rate_limit_exceeded": ProviderThrottled,
    "rate_limit_error": ProviderThrottled,
    "RateLimitReached": ProviderThrottled,
}
"""What servers of OpenAI's protocol say in ``code`` and ``type``."""
_TOO_LONG = (
    "context length",
    "context window",
    "context size",
    "context limit",
    "input length exceeds",
    "input is too long",
    "input token count",
    "inputs` tokens",
    "inputs` must have less",
    "inputs tokens +",
    "maximum model length",
    "maximum prompt length",
    "prompt is too long",
    "reduce the length of",
    "request too large for",
    "too many input tokens",
    "too many tokens",
)
"""Wordings of OpenAI, vLLM, SGLang, TGI, llama.cpp, Ollama, Groq, Mistral, xAI, Anthropic, Gemini, Bedrock and Cohere for a request that
is longer than the model reads."""
_FILTERED = (
    "content exists risk",
    "content management policy",
    "content policy",
    "flagged as potentially violating",
    "safety system",
)
_USED_UP = (
    "credit balance is too low",
    "exceeded your current quota",
    "insufficient balance",
    "insufficient credits",
    "out of credits",
    "requires more credits",
)
_REQUEST = frozenset({0, 400, 402, 403, 404, 413, 422, 429})
_WORDINGS: tuple[tuple[type[ProviderRefused], frozenset[int], tuple[str, ...]], ...] = (
    (ContextOverflow, _REQUEST - {402, 403}, _TOO_LONG),
    (ContentFiltered, frozenset({0, 400, 403, 422}), _FILTERED),
    (ProviderExhausted, _REQUEST, _USED_UP),
)
_STATUSES: dict[int, type[ProviderRefused]] = {
    401: ProviderDenied,
    402: ProviderExhausted,
    403: ProviderDenied,
    408: ProviderRefused,
    409: ProviderRefused,
    425: ProviderRefused,
    429: ProviderThrottled,
}
"""Any other 4xx means that the request is wrong."""
_NEXT_STEPS: dict[type[ProviderRefused], str] = {
    ProviderThrottled: "Wait, or raise the limit with the provider.",
    ProviderExhausted: "Check the account's balance and quota with the provider.",
    ProviderDenied: "Check the provider's key and what it may do.",
    ContextOverflow: "Ask with less text, or use a model that reads more.",
    ContentFiltered: "Reword the request, or use a model with another content policy.",
    RequestRejected: "Read the provider's message and mend the request.",
    ProviderRefused: "Try again, or see the provider's status.",
}


class Words(NamedTuple):
    """What an error's body says. ``codes`` are its ``code``, ``type``, ``status`` and their like, most telling first."""

    message: str = ""
    codes: tuple[str, ...] = ()


def refusal(status: int, headers: Mapping[str, str], body: bytes, kinds: Kinds | None = None) -> ProviderRefused:
    """The error for an answer with an error status: its class by its codes (``kinds`` first, then those of OpenAI's servers), by its
    wording, by its status. ``status`` 0 is an error within a stream. ``headers`` have lower-case names."""
    said = words(body)
    status = status or next((int(code) for code in said.codes if code.isdigit() and len(code) == 3), 0)
    kind = _by_code(said, kinds or {}) or _kind(status, said)
    what = f"The model provider answered with status {status}" if status else "The model provider reported an error"
    cause = what + (f": {shown}" if (shown := scrub(said.message)) else "")
    wait = retry_after(headers)
    return kind(cause, _next_step(kind, status, wait), retry_after=wait)


def words(body: bytes) -> Words:
    """Reads ``{"error": {"message", "code", "type"}}`` and the forms that other servers use; a web page says nothing."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body.decode("utf-8", "replace").strip()
        return Words("" if text.startswith("<") else text)
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return Words(str(value) if isinstance(value, str) else "")
    error = value.get("error")
    inner: dict[str, Any] = error if isinstance(error, dict) else value
    nested = inner.get("innererror")
    codes = [nested.get("code")] if isinstance(nested, dict) else []
    codes += [inner.get(name) for name in ("code", "type", "error_type", "__type", "status", "object")]
    message = inner.get("message") or inner.get("detail") or inner.get("Message")
    if message is None and isinstance(error, str):
        message = error
    if isinstance(message, list | dict):
        message = orjson.dumps(message).decode()
    told = tuple(str(code) for code in codes if isinstance(code, str | int) and code != "error")
    return Words("" if message is None else str(message), told)


def _by_code(said: Words, kinds: Kinds) -> type[ProviderRefused] | None:
    for code in said.codes:
        if kind := kinds.get(code):
            return kind
    lower = said.message.lower()
    for code in said.codes:
        kind = _CODES.get(code)
        if kind is ProviderThrottled and "request too large" in lower:
            return ContextOverflow  # more in one request than a minute allows: waiting does not help
        if kind is ProviderThrottled and any(wording in lower for wording in _USED_UP):
            return ProviderExhausted
        if kind is not None:
            return kind
    return None


def _kind(status: int, said: Words) -> type[ProviderRefused]:
    """By wording and status, where no code tells."""
    lower = said.message.lower()
    for kind, statuses, wordings in _WORDINGS:
        if status in statuses and any(wording in lower for wording in wordings):
            return kind
    # What is not there is the model or the whole address: configured wrongly, or not this account's.
    if status == 404 and (not said.codes or "model" in lower or "deployment" in lower):
        return ProviderDenied
    if kind_of_status := _STATUSES.get(status):
        return kind_of_status
    return RequestRejected if 400 <= status < 500 else ProviderRefused


def _next_step(kind: type[ProviderRefused], status: int, wait: float | None) -> str:
    if 300 <= status < 400:
        return "Set base_url to the address that answers itself: a redirect is not followed with a key."
    if status == 404 and kind is ProviderDenied:
        return "Check base_url and the model's name."
    if wait and kind in (ProviderThrottled, ProviderRefused):
        return f"Try again in {math.ceil(wait)} seconds."
    return _NEXT_STEPS[kind]


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds to wait, from ``retry-after-ms``, ``retry-after`` (seconds, or a date, RFC 9110, 10.2.3), or how soon the limit that was met
    is reset (``x-ratelimit-reset-requests`` and ``-tokens``, such as ``1m3.5s``). ``now`` is in seconds since 1970."""
    if (told := _number(headers.get("retry-after-ms", ""))) is not None:
        return told / 1000
    after = headers.get("retry-after", "")
    if (told := _number(after)) is not None:
        return told
    if after and (date := _date(after)) is not None:
        sent = _date(headers.get("date", ""))  # the sender's clock, where it tells it
        return max(0.0, date - (sent or now or time.time()))
    resets = {
        what: duration
        for what in ("requests", "tokens")
        if (duration := _duration(headers.get(f"x-ratelimit-reset-{what}", ""))) is not None
    }
    met = [resets[what] for what in resets if headers.get(f"x-ratelimit-remaining-{what}") == "0"]
    return max(met or resets.values(), default=None)


def scrub(message: str, secrets: Iterable[str] = ()) -> str:
    """``message`` on one line, shortened, without ``secrets`` and what looks like a key."""
    for secret in secrets:
        if secret:
            message = message.replace(secret, "[key]")
    message = " ".join(_LIKE_A_KEY.sub("[key]", message).split()).rstrip(". ")
    return message if len(message) <= _LONGEST_MESSAGE else message[: _LONGEST_MESSAGE - 1] + "…"


def unreadable(why: str) -> ProviderError:
    """The error for bytes that are not the protocol's."""
    return ProviderError(
        f"The model provider's answer cannot be read: {scrub(why)}", "Check base_url and the kind of the provider."
    )


def unknown_finish(reason: object) -> ProviderError:
    """The error for an answer cut for an unknown reason, which must not pass as whole."""
    return ProviderError(
        f"The model provider ended its answer for the reason {str(reason)[:60]!r}", "Use another model."
    )


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError):
        return None


def _duration(text: str) -> float | None:
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
