"""One deployment of a model: its provider's address, dialect and credential, over the transport."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from aver.core.errors import AverError, ProviderDenied, ProviderError, RequestRejected
from aver.gateway.calling.gathering import gather, scatter
from aver.gateway.calling.plausible import estimate, plausible
from aver.gateway.calls import Call
from aver.gateway.config.types import Model, ProviderConfig
from aver.gateway.saving.prefix import hint
from aver.gateway.transport import Poster, Response
from aver.gateway.types import ChatDelta, ChatRequest, Completion, Finish, Mode, Text, ToolCall, ToolResult, Usage
from aver.gateway.waits import Waits, truncated
from aver.gateway.wire import registry
from aver.gateway.wire.refusals import scrub
from aver.gateway.wire.types import (
    ChatDialect,
    Embeddings,
    EmbeddingsRequest,
    Endpoint,
    HttpRequest,
    Reranked,
    RerankRequest,
    Signer,
    StreamReader,
)

__all__ = ["Asking", "CannotTell", "Source", "Upstream", "UpstreamStream"]

T = TypeVar("T")
_OLDER_SERVER = (400, 422)


class CannotTell(RequestRejected):
    """This family has no words for a part of the request; another may. Nothing was sent."""


@dataclass(slots=True)
class Asking:
    """How a call is put to one upstream. ``chat`` is asked in place of the call's own; ``max_tokens`` bounds the output where the caller
    set no bound; ``total`` is how many seconds the reply may take. ``read`` is the size of the text in bytes, ``read_most`` the most
    tokens that the request can be.

    ``dropped`` takes the names of what the provider could not be told; ``doubt`` is then what usage it reported, where that cannot be
    right.
    """

    call: Call
    total: float
    chat: ChatRequest | None = None
    max_tokens: int | None = None
    read: int = 0
    read_most: int = 0
    dropped: list[str] = field(default_factory=list)
    doubt: str = ""


class Upstream:
    """Raises :class:`~aver.core.errors.ProviderError` and nothing else, but for a request that its own door finds wrong."""

    mode: Mode = "generated"

    def __init__(
        self,
        provider: ProviderConfig,
        model: Model,
        transport: Poster,
        signer: Signer | None = None,
        dialect: ChatDialect | None = None,
    ) -> None:
        self.provider = provider
        self.model = model
        self._transport = transport
        self._signer = signer
        self._dialect = dialect
        self._endpoint = Endpoint(provider.base_url, model.id, provider.options)
        self._without_options = False

    @property
    def dialect(self) -> ChatDialect:
        if self._dialect is None:
            self._dialect = registry.chat_dialect(self.provider.kind)
        return self._dialect

    async def complete(self, asking: Asking) -> Completion:
        """The whole reply, its usage filled in."""
        waits = Waits(self.provider.timeouts, asking.total, silent=True)
        exchange = await self._chat(asking, waits, stream=False)
        try:
            if exchange.kind == "text/event-stream":
                return await self._gathered(exchange, waits, asking)
            completion = self._whole(await exchange.body())
        finally:
            exchange.close()
        written = sum(len(part.text) for part in completion.parts if isinstance(part, Text))
        written += sum(len(part.arguments) for part in completion.parts if isinstance(part, ToolCall))
        if completion.usage is None:
            return replace(completion, usage=estimate(asking.read, written))
        if completion.finish == "stop" and not completion.parts and _owes_words(asking):
            raise _nothing()
        usage, asking.doubt = plausible(completion.usage, asking.read, asking.read_most, written)
        return replace(completion, usage=usage) if asking.doubt else completion

    async def open(self, asking: Asking) -> UpstreamStream:
        """A reply that streams, its response begun."""
        waits = Waits(self.provider.timeouts, asking.total, silent=False)
        exchange = await self._chat(asking, waits, stream=True)
        try:
            if exchange.kind == "application/json":  # a server that does not stream
                waits.silent = True
                return UpstreamStream(exchange, waits, asking, None, scatter(self._whole(await exchange.body())))
            if exchange.kind == "text/html":
                raise _page()  # noqa: TRY301 - closed as any other failure is
            same = self._forwards(asking)
            reader = self.dialect.reader(asked_usage=not same or _asks_usage(asking.call))
            return UpstreamStream(exchange, waits, asking, reader, raw=same)
        except BaseException:
            exchange.close()
            raise

    async def embed(self, request: EmbeddingsRequest, total: float) -> Embeddings:
        dialect = registry.embed_dialect(self.provider.kind)
        http = _told(lambda: dialect.request(request, self._endpoint))
        embeddings = dialect.embeddings(await self._post(http, total, dialect.error))
        if embeddings.usage is None:
            return replace(embeddings, usage=estimate(sum(map(len, request.texts)), 0))
        return embeddings

    async def rerank(self, request: RerankRequest, total: float) -> Reranked:
        dialect = registry.rerank_dialect(self.provider.kind)
        http = _told(lambda: dialect.request(request, self._endpoint))
        return dialect.reranked(await self._post(http, total, dialect.error))

    async def count(self, call: Call, total: float) -> int | None:
        """The input tokens as the provider counts them; ``None`` where it does not count."""
        dialect: Any = self.dialect
        if not hasattr(dialect, "count_request") or not self._forwards(Asking(call, total)) or call.body is None:
            return None
        http = dialect.count_request(call.body, self._endpoint)
        counted: int = dialect.counted(await self._post(http, total, dialect.error))
        return counted

    def _forwards(self, asking: Asking) -> bool:
        call = asking.call
        return asking.chat is None and call.body is not None and call.family == self.dialect.family

    def _request(self, asking: Asking, *, stream: bool) -> HttpRequest:
        if self._forwards(asking) and asking.call.body is not None:
            body: Mapping[str, Any] = asking.call.body
            if self._without_options:
                body = {name: value for name, value in body.items() if name != "stream_options"}
            return self.dialect.forward(body, self._endpoint, stream=stream, max_tokens=asking.max_tokens)
        chat = hint(asking.chat or asking.call.chat, self.dialect.family)
        if asking.max_tokens is not None and (chat.max_tokens is None or not 0 < chat.max_tokens <= asking.max_tokens):
            chat = replace(chat, max_tokens=asking.max_tokens)
        return self.dialect.request(chat, self._endpoint, stream=stream)

    async def _chat(self, asking: Asking, waits: Waits, *, stream: bool) -> Response:
        """The response, its status good."""
        while True:
            request = _told(lambda: self._request(asking, stream=stream))
            exchange = await self._send(request, waits)
            if exchange.status == 200:
                if request.dropped:
                    asking.dropped += [name for name in request.dropped if name not in asking.dropped]
                return exchange
            answer = await exchange.refusal()
            if (
                stream
                and not self._without_options
                and exchange.status in _OLDER_SERVER
                and b"stream_options" in answer
            ):
                self._without_options = True  # an older server: its usage will be estimated
                self._endpoint = replace(self._endpoint, options={**self._endpoint.options, "stream_usage": "no"})
                continue
            raise self._safe(self.dialect.error(exchange.status, exchange.headers, answer))

    async def _post(
        self, request: HttpRequest, total: float, error: Callable[[int, Mapping[str, str], bytes], ProviderError]
    ) -> bytes:
        exchange = await self._send(request, Waits(self.provider.timeouts, total, silent=True))
        try:
            if exchange.status != 200:
                raise self._safe(error(exchange.status, exchange.headers, await exchange.refusal()))
            return await exchange.body()
        finally:
            exchange.close()

    async def _send(self, request: HttpRequest, waits: Waits) -> Response:
        if self.provider.headers:
            request.headers.update(self.provider.headers)
        if self._signer is not None:
            try:
                await self._signer.sign(request)
            except ProviderError:
                raise
            except AverError as error:  # the keeper of the secret failed: another provider may answer
                raise ProviderDenied(error.cause, error.next_step, retry_after=error.retry_after) from error
        return await self._transport.post(request, waits, self.provider.timeouts.connect)

    def _whole(self, body: bytes) -> Completion:
        if body[:1] == b"<" or body[:64].lstrip()[:1] == b"<":
            raise _page()
        return self.dialect.completion(body)

    async def _gathered(self, exchange: Response, waits: Waits, asking: Asking) -> Completion:
        """From a server that streams whatever it is asked."""
        stream = UpstreamStream(exchange, waits, asking, self.dialect.reader(asked_usage=True))
        deltas: list[ChatDelta] = []
        while batch := await stream.read():
            deltas += batch
        return gather(deltas, family=self.dialect.family)

    def _safe(self, error: ProviderError) -> ProviderError:
        """``error`` without the credential, should the provider have repeated it."""
        secrets = (
            [secret for secret in self._signer.secrets() if secret and secret in error.cause] if self._signer else []
        )
        if not secrets:
            return error
        return type(error)(scrub(error.cause, secrets), error.next_step, retry_after=error.retry_after)


class Source(Protocol):
    """Where the bytes of a stream come from."""

    async def read(self) -> bytes: ...

    def done(self) -> None: ...

    def close(self) -> None: ...


class UpstreamStream:
    """A reply as it arrives. :meth:`read` it to its end, or :meth:`close` it."""

    __slots__ = (
        "_asking",
        "_exchange",
        "_failed",
        "_over",
        "_raw",
        "_reader",
        "_waits",
        "called",
        "finish",
        "texts",
        "usage",
        "whole",
        "written",
    )

    def __init__(
        self,
        exchange: Source,
        waits: Waits,
        asking: Asking,
        reader: StreamReader | None,
        whole: list[ChatDelta] | None = None,
        *,
        raw: bool = False,
    ) -> None:
        self._exchange = exchange
        self._waits = waits
        self._asking = asking
        self._reader = reader
        self._raw = raw
        self._over = False
        self._failed: ProviderError | None = None
        """What follows the deltas that came with it."""
        self.whole = whole
        self.texts: list[str] = []
        self.written = 0
        """Characters of all that the model wrote, thoughts and arguments included."""
        self.called = False
        """It began to ask for a tool."""
        self.finish: Finish | None = None
        self.usage: Usage | None = None

    async def read(self) -> list[ChatDelta]:
        """The deltas of one network read, the last of all with the usage; nothing at the end.

        Raises :class:`~aver.core.errors.StreamTruncated` when the reply ends without saying how it finished.
        """
        if self._over:
            return []
        if self._reader is None:
            self._over = True
            return self._noted(self.whole or [])
        if self._failed is not None:
            raise self._failed
        while not self._reader.done and (chunk := await self._exchange.read()):
            try:
                deltas = self._reader.feed(chunk)
            except ProviderError as error:
                deltas, self._failed = self._reader.read, error
                if not deltas:
                    raise
            if deltas:
                return self._noted(deltas)
        return self._ended()

    def close(self) -> None:
        """Stop the provider."""
        self._over = True
        self._exchange.close()

    def so_far(self) -> Usage:
        """What was used until now, worked out from the text."""
        return self.usage or estimate(self._asking.read, self.written)

    @property
    def begun(self) -> bool:
        """Whether there is anything that a caller would notice."""
        return bool(self.written or self.called or self.finish)

    def _noted(self, deltas: list[ChatDelta]) -> list[ChatDelta]:
        wrote = False
        for delta in deltas:
            if delta.text:
                self.texts.append(delta.text)
                self.written += len(delta.text)
                wrote = True
            if delta.tool is not None:
                self.written += len(delta.tool.arguments)
                self.called = wrote = True
            if delta.reasoning is not None:
                self.written += len(delta.reasoning.text)
                wrote = True
            if delta.finish is not None:
                if delta.finish == "stop" and not self.begun and not deltas[0].text and self._owes_words():
                    raise _nothing()
                self.finish = delta.finish
            if delta.usage is not None:
                delta.usage = self._checked(delta.usage)
            if not self._raw:
                delta.raw = None
        if wrote:
            self._waits.heard()
        if self.finish is not None:
            if self.whole is not None and self.usage is None:
                deltas[-1].usage = self._checked(None)
            if not self._waits.finished:
                self._waits.finish()
        return deltas

    def _owes_words(self) -> bool:
        return _owes_words(self._asking)

    def _ended(self) -> list[ChatDelta]:
        self._over = True
        if self.finish is None:
            self._exchange.close()
            raise truncated()
        if self._reader is not None and self._reader.done:
            self._exchange.done()
        else:
            self._exchange.close()
        if self.usage is not None:
            return []
        return [ChatDelta(usage=self._checked(None), raw=b"" if self._raw else None)]

    def _checked(self, reported: Usage | None) -> Usage:
        if reported is None:
            self.usage = estimate(self._asking.read, self.written)
        else:
            asking = self._asking
            self.usage, asking.doubt = plausible(reported, asking.read, asking.read_most, self.written)
        return self.usage


def _owes_words(asking: Asking) -> bool:
    """Whether an answer without a word is none. After the result of a tool a model may have nothing to add."""
    messages = (asking.chat or asking.call.chat).messages
    return not messages or not any(isinstance(part, ToolResult) for part in messages[-1].parts)


def _nothing() -> ProviderError:
    return ProviderError("The model provider answered with nothing at all", "Try again, or ask another model.")


def _told(make: Callable[[], HttpRequest]) -> HttpRequest:
    try:
        return make()
    except RequestRejected as error:
        raise CannotTell(error.cause, error.next_step) from error


def _asks_usage(call: Call) -> bool:
    """Only chat completions leave the usage out unless it is asked for."""
    if not call.asked_usage or call.family != "openai" or call.body is None:
        return call.asked_usage
    options = call.body.get("stream_options")
    return isinstance(options, dict) and bool(options.get("include_usage"))


def _page() -> ProviderError:
    return ProviderError("The model provider's answer is a web page", "Check that base_url is the API.")
