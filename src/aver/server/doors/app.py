"""Which path is whose door, and how one call goes through: identify, read, answer."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Receive, Scope, Send

from aver.core.errors import AverError, InvalidInput, NotFound
from aver.core.labels import ANYTHING, Label, read_label
from aver.gateway.calls import Call
from aver.gateway.types import Family
from aver.gateway.wire.registry import door
from aver.gateway.wire.types import Door
from aver.policy.access import Permission, check
from aver.server.application import Application, TenantServices
from aver.server.doors import models
from aver.server.doors.exchange import Exchange, Gone
from aver.server.doors.keys import Caller, KeyCache
from aver.server.failures import Internal, MethodNotAllowed, where
from aver.server.wire import to_json

if TYPE_CHECKING:
    from aver.server.doors.agent import AgentReply
    from aver.server.doors.feature import FeatureReply
    from aver.server.serving import Serving
    from aver.server.servings import Lent

__all__ = ["Doors"]

_CHAT: Mapping[str, Family] = {
    "/v1/chat/completions": "openai",
    "/v1/responses": "responses",
    "/v1/messages": "anthropic",
}
_FAMILIES: Mapping[str, Family] = {
    **_CHAT,
    "/v1/messages/count_tokens": "anthropic",
    "/v1/embeddings": "openai",
    "/v1/rerank": "openai",
}
_MODELS = "/v1/models"
_FEEDBACK = "/v1/feedback"
_WORDS = ("reason", "correction", "comment")
"""What feedback may have beside its score."""
_METRICS = "/metrics"
_ELSEWHERE: Mapping[str, str] = {
    **{
        path.removeprefix("/v1"): path
        for path in ("/v1/chat/completions", "/v1/responses", "/v1/embeddings", "/v1/rerank", _MODELS)
    },
    "/v2/rerank": "/v1/rerank",
}
"""Where clients ask that were given an address without /v1, as other gateways allow; and Cohere's newer client."""
_LABEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LONGEST_MODEL = 200

log = logging.getLogger("aver.http")

_Handler = Callable[["_Visit"], Awaitable[None]]


class Doors:
    """An ASGI application: the doors, and ``rest`` for every other path."""

    def __init__(self, application: Application, rest: ASGIApp) -> None:
        self.application = application
        self.keys = KeyCache(application.store)
        application.on_revoked(self.keys.forget)
        self.rest = rest
        self._servings = application.servings
        self._largest = application.settings.max_request_mb * 2**20
        self._handlers: dict[str, _Handler] = {
            **dict.fromkeys(_CHAT, _chat),
            "/v1/messages/count_tokens": _count,
            "/v1/embeddings": _embeddings,
            "/v1/rerank": _rerank,
            _FEEDBACK: _feedback,
            _METRICS: _metrics,
        }

    @property
    def needs(self) -> Mapping[str, Permission]:
        """Which permission each address takes."""
        return {path: _needed(path) for path in (*self.paths, f"{_MODELS}/{{model}}")}

    @property
    def paths(self) -> frozenset[str]:
        """What is answered here; below the models' path there is one more for each."""
        return frozenset({*self._handlers, _MODELS})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        path = _ELSEWHERE.get(path, path)
        handler = self._handlers.get(path)
        if handler is None and scope["type"] == "http" and (path == _MODELS or path.startswith(_MODELS + "/")):
            handler = _models
        if handler is _feedback and scope["method"] != "POST":  # what people said is read elsewhere
            handler = None
        if handler is None or scope["type"] != "http":
            await self.rest(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send, self._largest)
        family = _FAMILIES.get(path, "anthropic" if exchange.header(b"anthropic-version") else "openai")
        await self._serve(exchange, family, handler, path)

    async def _serve(self, exchange: Exchange, family: Family, handler: _Handler, path: str) -> None:
        error: AverError
        try:
            _check_method(exchange.scope["method"], "GET" if handler in (_models, _metrics) else "POST")
            caller = await self.keys.find(exchange.secret())
            check(caller.principal, _needed(path))
            services = await self.application.services(caller.principal.tenant)
            _check_tenant(exchange.header(b"x-aver-tenant"), services)
            if handler in _OF_NO_RELEASE:
                await handler(_Visit(self.application, exchange, family, caller, services))
            else:
                with await self._servings.lend(caller.principal) as lent:
                    await handler(_Visit(self.application, exchange, family, caller, services, lent))
        except Gone:
            return
        except AverError as refusal:
            error = refusal
        except BaseException as unexpected:
            if exchange.gone:
                return
            if not isinstance(unexpected, Exception):
                raise
            # Not log.exception: the message of an error may quote a question or a document.
            log.error("unexpected", extra={"request": exchange.id, "error": where(unexpected)})  # noqa: TRY400
            error = Internal(exchange.id)
        else:
            return
        finally:
            exchange.unwatch()
        if not exchange.started:
            body = None if handler in (_feedback, _metrics) else door(family).error(error, exchange.id)
            await exchange.refuse(error, body)


@dataclass(slots=True)
class _Visit:
    """One identified caller at one door."""

    application: Application
    exchange: Exchange
    family: Family
    caller: Caller
    services: TenantServices
    lent: Lent | None = None

    @property
    def serving(self) -> Serving:
        """The release that the caller goes by."""
        assert self.lent is not None
        return self.lent.serving

    @property
    def door(self) -> Door:
        return door(self.family)

    async def call(self, **more: Any) -> Call:
        """What the caller wants. Raises :class:`~aver.core.errors.InvalidInput`."""
        body, size = await self.exchange.json()
        name = body.get("model")
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_MODEL:
            raise InvalidInput("model: expected the name of a model", "/v1/models lists those you can use.")
        betas = self.exchange.header(b"anthropic-beta").decode("latin-1")
        if betas and self.family == "anthropic":
            body = {**body, "anthropic_beta": [each.strip() for each in betas.split(",") if each.strip()]}
        label = self.exchange.header(b"x-aver-feature").decode("latin-1")
        if label and not _LABEL.fullmatch(label):
            raise InvalidInput("X-Aver-Feature: expected a short name", "Use up to 64 of a-z, 0-9, '.', '_' and '-'.")
        return Call(
            principal=self.caller.principal,
            model=name,
            sink=self.services.record_call,
            chat_of=partial(self.door.chat, body),
            id=self.exchange.id,
            family=self.family,
            body=body,
            size=size,
            key=self.caller.key,
            feature=label,
            labels=self._labels(),
            release=self.lent.pin.release if self.lent else "",
            assigned=self.lent.pin.assigned if self.lent else {},
            traceparent=self.exchange.traceparent(),
            no_store=b"no-store" in self.exchange.header(b"cache-control"),
            stream=bool(body.get("stream")),
            asked_usage=self.family != "openai" or _asks_usage(body),
            **more,
        )

    def _labels(self) -> Mapping[str, Label]:
        """What the caller says of the request: how confidential it is, and where it may go."""
        level, regions = self.exchange.header(b"x-aver-level"), self.exchange.header(b"x-aver-regions")
        if not level and not regions:
            return {}
        named = [each.strip() for each in regions.decode("latin-1").split(",")] if regions else None
        try:
            label = read_label({"level": level.decode("latin-1").strip() or ANYTHING.level, "regions": named})
        except InvalidInput as error:
            raise InvalidInput(f"X-Aver-Level, X-Aver-Regions: {error.cause}", error.next_step) from None
        return {"caller": label}

    def agents(self) -> list[str]:
        """The names of the agents that the caller has."""
        if self.application.alone or not self.serving.bundle().agents:
            return []
        return [each.name for each in self.serving.agents.offered(self.services, self.caller.principal)]

    def feature_reply(self, call: Call) -> FeatureReply | AgentReply:
        """The turn of the feature that is called. ``conversation`` it keeps itself: by that name some protocols mean the provider's."""
        from aver.server.doors.agent import AgentReply
        from aver.server.doors.feature import FeatureReply

        body, principal = call.body or {}, call.principal
        chat = self.door.chat({name: value for name, value in body.items() if name != "conversation"})
        if call.model == self.application.feature:
            check(principal, "ask")
            if call.labels:
                said = "The assistant has the labels that are declared of its tenant and documents, and takes none of a caller"
                raise InvalidInput(said, "Leave out X-Aver-Level and X-Aver-Regions, or ask a model or an agent.")
            return FeatureReply(self.services, principal, body, chat, call.traceparent)
        check(principal, "act")
        label = call.labels.get("caller", ANYTHING)
        return AgentReply(self.application, self.services, principal, body, chat, label, call.traceparent)


async def _chat(visit: _Visit) -> None:
    call = await visit.call()
    feature = call.model == visit.application.feature or call.model in visit.agents()
    if call.stream:
        await (_stream_feature if feature else _stream)(visit, call)
    else:
        await (_whole_feature if feature else _whole)(visit, call)


async def _whole(visit: _Visit, call: Call) -> None:
    visit.exchange.watch()
    completion = await visit.serving.gateway.complete(call)
    if completion.raw and completion.family == call.family:
        body = completion.raw
    else:
        body = visit.door.completion(
            completion, call.body or {}, reply_id=completion.id or visit.exchange.id, model=call.model, created=_now()
        )
    await visit.exchange.answer(body)


async def _stream(visit: _Visit, call: Call) -> None:
    exchange = visit.exchange
    exchange.watch()
    reply = await visit.serving.gateway.open(call)
    writer = visit.door.writer(call.body or {}, reply_id=exchange.id, model=call.model, created=_now())
    try:
        batches = aiter(reply)
        first = await anext(batches)  # a failure before anything was written still has a status of its own
        await exchange.begin_stream()
        await exchange.write(writer.write(first))
        try:
            async for deltas in batches:
                await exchange.write(writer.write(deltas))
        except AverError as error:
            await exchange.end(writer.fail(error))
        else:
            await exchange.end(writer.end())
    finally:
        await reply.aclose()


async def _whole_feature(visit: _Visit, call: Call) -> None:
    from aver.server.doors.feature import attach

    visit.exchange.watch()
    await asyncio.to_thread(visit.services.require_agreement, visit.caller.principal)
    reply = visit.feature_reply(call)
    completion = await reply.completion()
    body = visit.door.completion(completion, call.body or {}, reply_id=completion.id, model=call.model, created=_now())
    await visit.exchange.answer(attach(body, reply.attached()))


async def _stream_feature(visit: _Visit, call: Call) -> None:
    from aver.server.doors.feature import attach_to_stream

    exchange = visit.exchange
    exchange.watch()
    await asyncio.to_thread(visit.services.require_agreement, visit.caller.principal)
    reply = visit.feature_reply(call)
    batches = aiter(reply)
    await anext(batches)
    writer = visit.door.writer(call.body or {}, reply_id=reply.turn, model=call.model, created=_now())
    await exchange.begin_stream()
    try:
        async for deltas in batches:
            data = writer.write(deltas)
            if reply.answer is not None:
                data = attach_to_stream(data + writer.end(), reply.attached())
            await exchange.write(data)
    except AverError as error:
        await exchange.end(writer.fail(error))
    else:
        await exchange.end()


async def _count(visit: _Visit) -> None:
    call = await visit.call()
    await visit.exchange.answer(await models.count(visit.serving.gateway, call))


async def _embeddings(visit: _Visit) -> None:
    from aver.server.doors import vectors

    call = await visit.call(operation="embeddings")
    visit.exchange.watch()
    await visit.exchange.answer(await vectors.embeddings(visit.serving.gateway, call))


async def _rerank(visit: _Visit) -> None:
    from aver.server.doors import vectors

    call = await visit.call(operation="rerank")
    visit.exchange.watch()
    await visit.exchange.answer(await vectors.rerank(visit.serving.gateway, call))


async def _feedback(visit: _Visit) -> None:
    from aver.gateway.feedback import Said

    body, _ = await visit.exchange.json()
    call, score = body.get("call"), body.get("score")
    known = {"call", "score"} <= body.keys() <= {"call", "score", *_WORDS}
    if not known or not isinstance(call, str) or not 0 < len(call) <= _LONGEST_MODEL:
        raise InvalidInput("Expected an object with call and score", 'Send {"call": "call_...", "score": 1}.')
    if not isinstance(score, int | float) or isinstance(score, bool):
        raise InvalidInput("score: expected a number", "Send one from 0 (useless) to 1 (right).")
    more = {name: body[name] for name in _WORDS if body.get(name) is not None}
    if not all(isinstance(each, str) for each in more.values()):
        raise InvalidInput("reason, correction and comment are texts", "Leave out what is not said.")
    said = Said(float(score), **more).checked()
    await asyncio.to_thread(visit.services.give_feedback, call, said, visit.caller.principal)
    await visit.exchange.answer(to_json({"call": call, "score": said.score, **more}))


async def _metrics(visit: _Visit) -> None:
    from aver.server import metrics

    found = await asyncio.to_thread(metrics.tenant_metrics, visit.application, visit.services)
    kind = (b"content-type", metrics.CONTENT_TYPE.encode())
    await visit.exchange.answer(metrics.exposition(found), kind=kind)


async def _models(visit: _Visit) -> None:
    path: str = visit.exchange.scope["path"]
    name = _ELSEWHERE.get(path, path).removeprefix(_MODELS).removeprefix("/")
    features = [visit.application.feature, *visit.agents()]
    await visit.exchange.answer(models.listed(visit.serving.gateway, visit.family, name, features))


def _needed(path: str) -> Permission:
    """What a caller at an address needs; for what a feature does, its permission too."""
    return "oversee" if path == _METRICS else "models"


_OF_NO_RELEASE = frozenset({_feedback, _metrics})
"""What is answered whatever is released."""


def _asks_usage(body: Mapping[str, Any]) -> bool:
    """In chat completions the usage of a stream comes only when asked for."""
    options = body.get("stream_options")
    return isinstance(options, dict) and bool(options.get("include_usage"))


def _check_method(used: str, expected: str) -> None:
    if used != expected:
        raise MethodNotAllowed(expected)


def _check_tenant(said: bytes, services: TenantServices) -> None:
    tenant = services.store.tenant
    if said and said.decode("utf-8", "replace") not in (tenant.id, tenant.name):
        raise NotFound(
            "There is no such tenant, or it is not yours", "Leave X-Aver-Tenant out: the API key says which it is."
        )


def _now() -> int:
    return int(time.time())
