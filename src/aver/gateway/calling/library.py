"""Requests that a library of this process carries, in place of the transport: OpenAI's protocol without a wire of Aver's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from aver.core.errors import MissingExtra, ProviderError
from aver.gateway.config.types import ProviderConfig
from aver.gateway.transport import close_later
from aver.gateway.waits import Waits
from aver.gateway.wire.types import HttpRequest

if TYPE_CHECKING:
    from aver.gateway.adapters.litellm import LiteLLM

__all__ = ["LibraryTransport"]


class LibraryTransport:
    """LiteLLM's library as a :class:`~aver.gateway.transport.Poster`. It keeps the provider's timeouts itself."""

    def __init__(self, provider: ProviderConfig) -> None:
        self._provider = provider
        self._library: LiteLLM | None = None

    async def post(self, request: HttpRequest, waits: Waits, connect: float) -> _Exchange:  # noqa: ARG002 - a poster's
        """Raises :class:`~aver.core.errors.ProviderError`, also when the library is not installed: another model may answer."""
        library = self._library = self._library or self._open()
        body: dict[str, Any] = orjson.loads(request.body)
        credential = request.headers.get("Authorization", "").removeprefix("Bearer ") or None
        timeouts = self._provider.timeouts
        if not body.get("stream"):
            whole = await library.whole(body, credential, timeouts)
            return _Exchange(waits, "application/json", whole, None)
        chunks = library.chunks(body, credential, timeouts)
        first = await anext(chunks, b"")
        return _Exchange(waits, "text/event-stream", first, chunks)

    def _open(self) -> LiteLLM:
        from aver.gateway.adapters.litellm import LiteLLM

        try:
            return LiteLLM(self._provider.base_url, self._provider.options)
        except MissingExtra as error:
            raise ProviderError(error.cause, error.next_step) from error


class _Exchange:
    """A reply of the library's, in the form of a response."""

    status = 200
    headers: Mapping[str, str] = {}

    def __init__(self, waits: Waits, kind: str, first: bytes, rest: AsyncIterator[bytes] | None) -> None:
        self.kind = kind
        self._waits = waits
        self._first = first
        self._rest = rest

    async def read(self) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        try:
            return await anext(self._rest, b"") if self._rest is not None else b""
        except ProviderError:
            if self._waits.finished:
                return b""
            raise

    async def body(self) -> bytes:
        return await self.read()

    async def refusal(self) -> bytes:
        return b""

    def done(self) -> None:
        self.close()

    def close(self) -> None:
        if self._rest is not None:
            close_later(self._rest)
            self._rest = None
