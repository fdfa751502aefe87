"""Aver as an MCP server: what a tenant knows, and the features it has, as tools of whoever has a key.

::

    app = McpApp(application)                            # an ASGI application, to be mounted; close() it in the end
    await serve_stdio(application, os.environ["AVER_API_KEY"])

Whoever calls has the rights of the key's principal, on every call: no session outlives a request, so that none can be taken over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic_core import to_jsonable_python
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from aver import __version__
from aver.agents.tools.mcp.results import LABEL
from aver.agents.tools.schema import Schema
from aver.agents.tools.types import Result
from aver.core.errors import AverError, MissingExtra, Unauthenticated
from aver.core.labels import ANYTHING, combined, read_label
from aver.core.principal import Principal
from aver.policy.access import check
from aver.server.application import Application
from aver.server.http.auth import authenticate
from aver.server.http.problems import problem_response

__all__ = ["Feature", "McpApp", "knowledge_features", "serve_stdio"]

_log = logging.getLogger("aver.mcp")
_PRINCIPAL = "aver.principal"
_MOST_PASSAGES = 50
_ABOUT = "Answers and passages from the organisation's documents, of those that the holder of the key may read."


@dataclass(frozen=True)
class Feature:
    """What is offered as a tool: ``run`` acts for the principal it is given, with arguments that fit ``parameters``, JSON Schema of an
    object. ``reads``: it changes nothing."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    run: Callable[[Principal, Mapping[str, Any]], Awaitable[Result]] = field(repr=False)
    reads: bool = True

    def problems(self, arguments: Mapping[str, Any]) -> list[str]:
        return Schema(self.parameters, f"The schema of {self.name!r}").problems(arguments)


def knowledge_features(application: Application) -> list[Feature]:
    """``search`` and ``ask``, over the documents of the caller's tenant that the caller may read."""

    async def search(principal: Principal, arguments: Mapping[str, Any]) -> Result:
        check(principal, "read")
        services = await application.services(principal.tenant)
        limit = arguments.get("limit", 8)
        hits = await asyncio.to_thread(services.search, principal, arguments["query"], limit)
        services.read_by(principal, "search", "mcp", [(hit.document, hit.version) for hit in hits])
        label = await asyncio.to_thread(services.declared.label, {hit.document for hit in hits})
        return Result({"passages": to_jsonable_python(hits)}, "", label=label)

    async def ask(principal: Principal, arguments: Mapping[str, Any]) -> Result:
        check(principal, "ask")
        services = await application.services(principal.tenant)
        await asyncio.to_thread(services.require_agreement, principal)
        answer = await services.assistant.ask(principal, arguments["question"], arguments.get("conversation"))
        told = to_jsonable_python(answer)
        value = {name: told[name] for name in ("answer", "abstained", "citations", "conversation", "turn")}
        steps = await asyncio.to_thread(services.assistant.evidence, principal, answer.turn)
        label = combined(read_label((step.body or {}).get("label") or None) for step in steps if step.kind == "called")
        return Result(value, answer.answer, label=label)

    text = {"type": "string", "minLength": 1}
    return [
        Feature(
            "search",
            "Finds passages in the organisation's documents. Each comes with its document, version and place.",
            _object({"query": text, "limit": {"type": "integer", "minimum": 1, "maximum": _MOST_PASSAGES}}, "query"),
            search,
        ),
        Feature(
            "ask",
            "Answers a question from the organisation's documents. Each sentence is verified against what it cites; without "
            "a source it abstains. Give the conversation of an answer to go on from it.",
            _object({"question": text, "conversation": text}, "question"),
            ask,
        ),
    ]


class McpApp:
    """The features over streamable HTTP, as an ASGI application that answers at every path below where it is mounted."""

    def __init__(self, application: Application, features: Sequence[Feature] | None = None) -> None:
        self._application = application
        self._features = features if features is not None else knowledge_features(application)
        self._handle: Callable[[Scope, Receive, Send], Awaitable[None]] | None = None
        self._starting = asyncio.Lock()
        self._closing: asyncio.Event | None = None
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            scope[_PRINCIPAL] = await authenticate(self._application, _bearer(Request(scope)))
            handle = await self._ready()
        except AverError as error:
            proof = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthenticated) else None
            await problem_response(error, proof)(scope, receive, send)
            return
        await handle(scope, receive, send)

    async def close(self) -> None:
        """End what is being answered."""
        if self._task is not None and self._closing is not None:
            self._closing.set()
            await self._task
            self._task = self._handle = None

    async def _ready(self) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        async with self._starting:
            if self._handle is None:
                ready: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
                self._closing = asyncio.Event()
                self._task = asyncio.create_task(self._run(ready, self._closing))
                self._handle = await ready
            return self._handle

    async def _run(self, ready: asyncio.Future[Any], closing: asyncio.Event) -> None:
        """Everything that is answered belongs to one task, which begins and ends it."""
        try:
            server = _server(self._features, _of_request)
            from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

            manager = StreamableHTTPSessionManager(server, json_response=True, stateless=True)
        except AverError as error:
            ready.set_exception(error)
            return
        async with manager.run():
            ready.set_result(manager.handle_request)
            await closing.wait()


async def serve_stdio(application: Application, key: str, features: Sequence[Feature] | None = None) -> None:
    """The features over this process's standard input and output, for whoever ``key`` stands for, until the input ends.

    Raises :class:`~aver.core.errors.Unauthenticated` for a key that stands for nobody. It is looked up again at each call, so that one
    that was revoked ends what it allowed.
    """
    await authenticate(application, key)

    async def caller(_: Any) -> Principal:
        return await authenticate(application, key)

    server = _server(features if features is not None else knowledge_features(application), caller)
    from mcp.server.stdio import stdio_server

    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def _server(features: Sequence[Feature], caller: Callable[[Any], Awaitable[Principal]]) -> Any:
    """The library's server of ``features``. Raises :class:`~aver.core.errors.MissingExtra`."""
    try:
        import mcp_types as types
        from mcp.server.lowlevel import Server
        from mcp.shared.exceptions import MCPError
    except ImportError:
        raise MissingExtra("mcp", "mcp") from None
    known = {each.name: each for each in features}

    async def listed(_: Any, __: Any) -> Any:
        return types.ListToolsResult(
            tools=[
                types.Tool(
                    name=each.name,
                    description=each.description,
                    input_schema=dict(each.parameters),
                    annotations=types.ToolAnnotations(read_only_hint=each.reads, open_world_hint=False),
                )
                for each in features
            ]
        )

    async def called(context: Any, params: Any) -> Any:
        feature, arguments = known.get(params.name), params.arguments or {}
        if feature is None:
            raise MCPError(code=types.INVALID_PARAMS, message=f"There is no tool {params.name[:60]!r}")
        if wrong := feature.problems(arguments):
            return _failed(types, f"The arguments do not fit: {'; '.join(wrong)}.")
        try:
            result = await feature.run(await caller(context), arguments)
        except AverError as error:
            return _failed(types, f"{error.cause}. {error.next_step}")
        except Exception:  # noqa: BLE001 - a feature may raise anything, and nothing of the inside is told
            _log.exception("The feature %s failed", feature.name)
            return _failed(types, "It failed here, for a reason that stands in the log.")
        structured = result.value if isinstance(result.value, dict) else None
        content = types.TextContent(text=result.text or _text(result.value))
        meta = None if result.label == ANYTHING else {LABEL: result.label.plain()}
        return types.CallToolResult(
            content=[content], structured_content=structured, is_error=result.failed, _meta=meta
        )

    return Server("aver", version=__version__, instructions=_ABOUT, on_list_tools=listed, on_call_tool=called)


async def _of_request(context: Any) -> Principal:
    principal = context.request.scope.get(_PRINCIPAL) if context.request is not None else None
    if not isinstance(principal, Principal):
        raise Unauthenticated("The request carries no API key", "Send the header Authorization: Bearer aver_...")
    return principal


def _bearer(request: Request) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthenticated("The request carries no API key", "Send the header Authorization: Bearer aver_...")
    return key.strip()


def _failed(types: Any, said: str) -> Any:
    return types.CallToolResult(content=[types.TextContent(text=said)], is_error=True)


def _text(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _object(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": [*required], "additionalProperties": False}
