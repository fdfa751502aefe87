"""The long tail of providers, through LiteLLM's library where it is installed: bodies in OpenAI's protocol in, the same out.

Reference: https://docs.litellm.ai/docs/completion/input.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import AsyncIterator, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import orjson

from aver.core.errors import (
    ContentFiltered,
    ContextOverflow,
    MissingExtra,
    ProviderDenied,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    RequestRejected,
    StreamTruncated,
)
from aver.core.settings import ModelTimeouts
from aver.gateway.wire.openai_fields import as_json
from aver.gateway.wire.refusals import refusal, scrub

__all__ = ["LiteLLM"]

_FIELDS = frozenset(
    {
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "modalities",
        "model",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "reasoning_effort",
        "response_format",
        "seed",
        "service_tier",
        "stop",
        "stream_options",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
    }
)
"""What a caller may say. LiteLLM takes every argument for its own too (``api_base``, ``fallbacks``, ``mock_response``): with those a caller
could have the credential sent elsewhere."""
_KINDS: dict[str, type[ProviderRefused]] = {
    "ContextWindowExceededError": ContextOverflow,
    "ContentPolicyViolationError": ContentFiltered,
    "AuthenticationError": ProviderDenied,
    "PermissionDeniedError": ProviderDenied,
    "NotFoundError": ProviderDenied,
    "LiteLLMUnknownProvider": ProviderDenied,
    "UnsupportedParamsError": RequestRejected,
    "ServiceUnavailableError": ProviderRefused,
    "BadGatewayError": ProviderRefused,
    "InternalServerError": ProviderRefused,
}
"""By LiteLLM's names; those that are not here are known by their wording and status."""
_NAMES = re.compile(r"^(?:(?:litellm\.)?\w+(?:Error|Exception)(?:: | - ))+")
"""What LiteLLM writes before the provider's own words."""


class LiteLLM:
    """Calls models by LiteLLM's names, such as ``together_ai/…``. ``base_url`` is where the model is, for providers that have no fixed
    place. Raises :class:`~aver.core.errors.MissingExtra` when the library is not installed."""

    def __init__(self, base_url: str = "", options: Mapping[str, str] | None = None) -> None:
        if find_spec("litellm") is None:
            raise MissingExtra("litellm", "litellm")
        self._place: dict[str, Any] = dict(options or {}) | ({"api_base": base_url} if base_url else {})

    async def whole(self, body: Mapping[str, Any], credential: str | None, timeouts: ModelTimeouts) -> bytes:
        """The reply to ``body`` in one piece, as a server of OpenAI's protocol would send it. Raises
        :class:`~aver.core.errors.ProviderError` alone."""
        library = await _loaded()
        try:
            longest = timeouts.total if timeouts.whole is None else min(timeouts.whole, timeouts.total)
            async with asyncio.timeout(longest):
                reply = await library.acompletion(**self._arguments(body, credential, timeouts, stream=False))
            return as_json(_plain(reply))
        except ProviderError:
            raise
        except Exception as error:  # LiteLLM raises what it likes
            raise _failure(error, credential) from error

    async def chunks(
        self, body: Mapping[str, Any], credential: str | None, timeouts: ModelTimeouts
    ) -> AsyncIterator[bytes]:
        """The reply to ``body`` as the events of a stream, ``data: [DONE]`` at its end. Raises
        :class:`~aver.core.errors.ProviderError` alone."""
        library, now = await _loaded(), asyncio.get_running_loop().time
        ends, stream = now() + timeouts.total, None
        try:
            async with asyncio.timeout_at(min(ends, now() + timeouts.first_token)):
                stream = await library.acompletion(**self._arguments(body, credential, timeouts, stream=True))
                chunk = await anext(stream, None)
            while chunk is not None:
                yield b"data: " + as_json(_event(chunk, stream)) + b"\n\n"
                # Never around the yield: it would be the caller who is cancelled.
                async with asyncio.timeout_at(min(ends, now() + timeouts.stall)):
                    chunk = await anext(stream, None)
            yield b"data: [DONE]\n\n"
        except ProviderError:
            raise
        except Exception as error:  # LiteLLM raises what it likes
            raise _failure(error, credential) from error
        finally:
            if stream is not None:
                await stream.aclose()

    def _arguments(
        self, body: Mapping[str, Any], credential: str | None, timeouts: ModelTimeouts, *, stream: bool
    ) -> dict[str, Any]:
        said = {name: value for name, value in body.items() if name in _FIELDS}
        if not stream:
            said.pop("stream_options", None)
        limits = {"timeout": timeouts.total, "num_retries": 0, "max_retries": 0}
        return said | self._place | limits | {"api_key": credential, "stream": stream, "drop_params": True}


async def _loaded() -> Any:
    """The library, whose import takes seconds: those are nobody's time to answer."""
    return await asyncio.to_thread(_library)


@cache
def _library() -> Any:
    """LiteLLM, which reads ``.env`` files, fetches prices and reports on itself unless told not to."""
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    library: Any = import_module("litellm")
    library.telemetry = False
    library.suppress_debug_info = True
    library.turn_off_message_logging = True
    for name in ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router"):
        logging.getLogger(name).disabled = True
    return library


def _plain(reply: Any) -> dict[str, Any]:
    plain: dict[str, Any] = reply.model_dump(mode="json", exclude_none=True, warnings=False)
    return plain


def _event(chunk: Any, stream: Any) -> dict[str, Any]:
    """LiteLLM makes up a finish for a stream that ended without one (what it heard itself is kept in ``stream``), and an empty choice
    beside the usage."""
    event = _plain(chunk)
    if not any(choice.get("finish_reason") for choice in event.get("choices", ())):
        return event | {"choices": []} if event.get("usage") else event
    if not (stream.received_finish_reason or stream.intermittent_finish_reason):
        raise StreamTruncated("The model provider's stream ended before its finish", "Try again.")
    return event


def _failure(error: Exception, credential: str | None) -> ProviderError:
    """LiteLLM's exceptions are named for what happened, and carry the provider's answer where there was one."""
    error = getattr(error, "original_exception", None) or error  # of a stream that broke off
    name = type(error).__name__
    if isinstance(error, TimeoutError) or name == "Timeout":
        return ProviderTimeout("The model provider did not answer in time", "Try again, or raise the timeouts.")
    message = _NAMES.sub("", str(getattr(error, "message", "") or error))
    message = scrub(message, [credential] if credential else [])
    status = getattr(error, "status_code", None)
    if not isinstance(status, int) or _never_arrived(error):
        return ProviderError(
            f"The model provider cannot be reached through LiteLLM: {message or name}", "Check base_url and the model."
        )
    headers = getattr(error, "litellm_response_headers", None) or {}
    told = {str(key).lower(): str(value) for key, value in headers.items()}
    return refusal(status, told, orjson.dumps({"message": message, "code": name}), _KINDS)


def _never_arrived(error: BaseException | None) -> bool:
    """Whether there was no answer at all: LiteLLM gives such failures a status of its own making."""
    while error is not None:
        if type(error).__name__ == "APIConnectionError":
            return True
        error = error.__cause__ or error.__context__
    return False
