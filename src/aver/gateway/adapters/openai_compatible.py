"""Any server that speaks OpenAI's chat protocol: hosted models, vLLM, llama.cpp, Ollama, gateways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

import aiohttp

from aver.core.errors import InvalidInput, ProviderError, ProviderTimeout, StreamTruncated
from aver.core.settings import ModelTimeouts
from aver.gateway.adapters.openai_chat import Completion, body, refusal
from aver.gateway.adapters.sse import EventParser
from aver.gateway.types import ChatDelta, ChatRequest, Mode, Usage

__all__ = ["OpenAICompatible", "Prices"]

_LARGEST_ERROR = 64 * 2**10
_LARGEST_ANSWER = 16 * 2**20
_GRACE = 1.0
"""Seconds that a finished answer waits for its usage and its end marker."""
_CHARACTERS_PER_TOKEN = 4
"""Of English text under the tokenizers in use (https://platform.openai.com/tokenizer), for estimates only."""


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars per million tokens."""

    input: float
    output: float

    def cost(self, usage: Usage) -> float:
        return (usage.input_tokens * self.input + usage.output_tokens * self.output) / 1e6


class OpenAICompatible:
    """A :class:`~aver.gateway.types.Provider` at ``base_url``, which ends before ``/chat/completions``.

    Connections are kept and reused within one event loop. Without ``prices`` the cost of an answer is unknown (``None``), never
    zero. When the server reports no usage, tokens are estimated and marked so.
    """

    mode: Mode = "generated"

    def __init__(
        self,
        base_url: str,
        key: str | None,
        model: str,
        *,
        timeouts: ModelTimeouts | None = None,
        prices: Prices | None = None,
    ) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise InvalidInput(f"{base_url[:80]!r} is no base_url", "Write http://… or https://…, up to and with /v1.")
        self.name = f"openai-compatible:{model}"
        self._url = base_url.rstrip("/") + "/chat/completions"
        self._key = key or ""
        self._model = model
        self._timeouts = timeouts or ModelTimeouts()
        self._prices = prices
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asks_usage = True

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """The reply as it arrives. Leaving early closes the connection, so that the server stops writing.

        Raises :class:`~aver.core.errors.ProviderTimeout`; :class:`~aver.core.errors.ProviderRefused` on an error status or an error
        within the stream; :class:`~aver.core.errors.StreamTruncated` on a stream without a finish reason;
        :class:`~aver.core.errors.ProviderError` on no connection or an answer that is not the protocol's.
        """
        waits = _Waits(self._timeouts)
        response = await self._open(request, waits)
        completion = Completion()
        try:
            if response.content_type == "text/event-stream":
                parser = EventParser()
                while not completion.done and (chunk := await waits.read(response, completion)):
                    for data in parser.feed(chunk):
                        text = completion.event(data)
                        if text is not None:
                            waits.heard()
                        if text:
                            yield ChatDelta(text)
            else:
                yield ChatDelta(completion.whole(await waits.read_all(response, completion, _LARGEST_ANSWER)))
            if completion.finish is None:
                raise _truncated()
            yield ChatDelta(finish=completion.finish, usage=self._usage(request, completion))
            # What is left is the end of the body: once it is read, the connection can serve the next request.
            with suppress(ProviderError):
                await waits.read(response, completion)
        finally:
            response.close()

    async def close(self) -> None:
        """Closes the kept connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _open(self, request: ChatRequest, waits: _Waits) -> aiohttp.ClientResponse:
        """The response, its status good and its body unread."""
        while True:
            response = await self._post(body(request, self._model, ask_usage=self._asks_usage), waits)
            if response.status == 200:
                return response
            try:
                answer = await waits.read_all(response, Completion(), _LARGEST_ERROR)
            finally:
                response.close()
            if self._asks_usage and response.status in (400, 422) and b"stream_options" in answer:
                self._asks_usage = False  # an older server: its usage will be estimated
                continue
            raise refusal(self.name, response.status, answer, response.headers.get("Retry-After"), self._key)

    async def _post(self, data: bytes, waits: _Waits) -> aiohttp.ClientResponse:
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        try:
            async with waits.limit(Completion()):
                return await self._connections().post(self._url, data=data, headers=headers, allow_redirects=False)
        except aiohttp.ClientConnectorError as error:
            raise ProviderError(
                f"{self.name} cannot be reached at {error.host}:{error.port}",
                "Check base_url, and that the server runs.",
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise ProviderError(f"{self.name} broke off before it answered", "Try again, or see its log.") from error

    def _connections(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None or self._session.closed or self._loop is not loop:
            # Deadlines are kept here, by _Waits; the number of connections is bounded by whoever admits requests.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._timeouts.connect),
            )
            self._loop = loop
        return self._session

    def _usage(self, request: ChatRequest, completion: Completion) -> Usage:
        usage = completion.usage or Usage(
            _tokens(sum(len(message.content) for message in request.messages)),
            _tokens(completion.characters),
            estimated=True,
        )
        return replace(usage, cost_usd=self._prices.cost(usage) if self._prices else None)


class _Waits:
    """How long the parts of one reply may still take."""

    def __init__(self, timeouts: ModelTimeouts) -> None:
        self._timeouts = timeouts
        self._start = asyncio.get_running_loop().time()
        self._heard: float | None = None

    def heard(self) -> None:
        """The model wrote, or is at work."""
        self._heard = asyncio.get_running_loop().time()

    @asynccontextmanager
    async def limit(self, completion: Completion) -> AsyncIterator[None]:
        """Raises :class:`~aver.core.errors.ProviderTimeout` when what is inside takes longer than it may by now."""
        end, what = self._start + self._timeouts.total, f"did not finish within {self._timeouts.total:g} s"
        if completion.finish is not None:
            next_end, next_what = asyncio.get_running_loop().time() + _GRACE, "did not end its stream"
        elif self._heard is None:
            next_end = self._start + self._timeouts.first_token
            next_what = f"wrote nothing within {self._timeouts.first_token:g} s"
        else:
            next_end = self._heard + self._timeouts.stall
            next_what = f"stopped writing for {self._timeouts.stall:g} s"
        if next_end < end:
            end, what = next_end, next_what
        try:
            async with asyncio.timeout_at(end):
                yield
        except TimeoutError as error:
            if isinstance(error, aiohttp.ServerTimeoutError):
                what = f"did not accept a connection within {self._timeouts.connect:g} s"
            raise ProviderTimeout(f"The model provider {what}", "Try again, or raise the timeout.") from error

    async def read(self, response: aiohttp.ClientResponse, completion: Completion) -> bytes:
        """The next bytes, or none at the end. A reply that has its finish reason is whole, however its connection ends."""
        try:
            async with self.limit(completion):
                return await response.content.readany()
        except (ProviderTimeout, aiohttp.ClientError, OSError) as error:
            if completion.finish is not None:
                return b""
            if isinstance(error, ProviderTimeout):
                raise
            raise _truncated() from error

    async def read_all(self, response: aiohttp.ClientResponse, completion: Completion, limit: int) -> bytes:
        """The body, or its first ``limit`` bytes."""
        content = b""
        while len(content) < limit and (chunk := await self.read(response, completion)):
            content += chunk
        return content[:limit]


def _truncated() -> StreamTruncated:
    return StreamTruncated("The model provider's answer broke off", "Ask again; what was written so far is not whole.")


def _tokens(characters: int) -> int:
    return -(-characters // _CHARACTERS_PER_TOKEN)
