"""The client of one MCP server: connected when it is first needed and again when it broke, and never more than it was approved for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

import aver
from aver.agents.tools.mcp.messages import (
    Channel,
    Hearing,
    Message,
    answer,
    error_of,
    failure,
    library,
    notification,
    request,
)
from aver.agents.tools.mcp.results import result_of
from aver.agents.tools.operation import Hints, Operation
from aver.agents.tools.pins import digest_of
from aver.agents.tools.types import Result
from aver.core.clock import Clock, SystemClock
from aver.core.errors import Unavailable, Undecided

__all__ = ["Client"]

_LISTED_FOR = 300.0
"""Seconds after which a list of tools is asked for again before the next call."""
_MOST_PAGES, _MOST_TOOLS = 100, 1000
_NOT_GIVEN = ("sampling/createMessage", "elicitation/create", "roots/list")
"""What a server may ask of clients that offer it. Aver offers none: a model's words, a person's answers and the names of folders would
come from what a server wrote."""
_KEY = "aver/idempotency-key"


class Client:
    """The server called ``name`` in errors. ``opened`` makes a channel to it, which is told what the server says of its own accord.

    A connection agrees on a version of the protocol first: by ``initialize``, or where the server knows that no more, on that of
    2026-07-28. Then it is asked for its tools, and again when it says that they changed, and after five minutes: what a tool says
    now is compared with what it said when it was approved at every call.
    """

    def __init__(
        self, name: str, opened: Callable[[Hearing], Awaitable[Channel]], *, seconds: float, clock: Clock | None = None
    ) -> None:
        self.name = name
        self.refused: Counter[str] = Counter()
        """What it asked for and was not given, and how often."""
        self._opened = opened
        self._seconds = seconds
        self._clock = clock or SystemClock()
        self._channel: Channel | None = None
        self._who: dict[str, Any] = {}
        """What every request says about who asks, in versions of the protocol without a handshake."""
        self._number = 0
        self._connecting = asyncio.Lock()
        self._operations: dict[str, Operation] = {}
        self._listed = -_LISTED_FOR

    async def operations(self) -> list[Operation]:
        """What the server offers now. Raises :class:`~aver.core.errors.Unavailable` where it cannot be asked."""
        self._listed = -_LISTED_FOR
        await self._ready()
        return [*self._operations.values()]

    async def close(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()

    async def _call(self, approved: Operation, arguments: Mapping[str, Any], key: str) -> Result:
        """Raises :class:`~aver.core.errors.Unavailable` where the tool certainly did not run: it is not as approved, the server is not
        there or did not take the call; :class:`~aver.core.errors.Undecided` where it may have."""
        channel = await self._ready()
        current = self._operations.get(approved.name)
        if current is None:
            raise Unavailable(f"{self.name} does not have {approved.name!r} any more", "Approve what it has now.")
        if current.digest != approved.digest:
            said = f"{self.name} says something else of {approved.name!r} than was approved, so it is in quarantine"
            raise Unavailable(said, "Compare what it says now, and approve it anew.")
        before = self.refused.copy()
        meta = {_KEY: key} if key else {}
        params = {"name": approved.name, "arguments": dict(arguments), **({"_meta": meta} if meta else {})}
        mirrored = self._mirrored(approved, arguments) if self._who else {}
        result = await self._asked(channel, "tools/call", params, mirrored)
        return result_of(result, [*(self.refused - before)])

    async def _ready(self) -> Channel:
        """A channel over which the server's tools are known. Raises :class:`~aver.core.errors.Unavailable`, whatever goes wrong: nothing
        is brought about by it."""
        async with self._connecting:
            try:
                async with asyncio.timeout(self._seconds):
                    if self._channel is None or self._channel.closed:
                        await self.close()
                        self._channel = await self._connected()
                        self._listed = -_LISTED_FOR
                    now = self._clock.monotonic()
                    if now - self._listed >= _LISTED_FOR:
                        self._listed = now  # it may say meanwhile that they changed
                        self._operations = {each.name: each for each in await self._list(self._channel)}
            except BaseException as error:
                self._listed = -_LISTED_FOR
                if isinstance(error, TimeoutError):
                    said = f"{self.name} was not ready within {self._seconds:g} s"
                    raise Unavailable(said, "Look at it, and try again.") from None
                if isinstance(error, Undecided):
                    raise Unavailable(error.cause, error.next_step) from None
                raise
            return self._channel

    async def _connected(self) -> Channel:
        channel = await self._opened(self._hear)
        try:
            await self._greet(channel)
        except BaseException:
            await channel.close()
            raise
        return channel

    async def _greet(self, channel: Channel) -> None:
        """Agree on a version of the protocol."""
        types = library()
        self._who = {}
        who = {"name": "Aver", "version": aver.__version__}
        hello = {"protocolVersion": types.version.LATEST_HANDSHAKE_VERSION, "capabilities": {}, "clientInfo": who}
        reply = await channel.ask(request(self._next(), "initialize", hello))
        if _code(reply) in (types.METHOD_NOT_FOUND, types.UNSUPPORTED_PROTOCOL_VERSION):
            channel.version = types.version.LATEST_MODERN_VERSION
            self._who = {
                types.PROTOCOL_VERSION_META_KEY: channel.version,
                types.CLIENT_INFO_META_KEY: who,
                types.CLIENT_CAPABILITIES_META_KEY: {},
            }
            await self._asked(channel, "server/discover", {})
            return
        agreed = self._result(reply).get("protocolVersion")
        if not isinstance(agreed, str) or agreed not in types.version.HANDSHAKE_PROTOCOL_VERSIONS:
            said = f"{self.name} speaks a version of the protocol that Aver does not, {str(agreed)[:40]!r}"
            raise Unavailable(said, "Bring the older of the two up to date.")
        channel.version = agreed
        await channel.tell(notification("notifications/initialized"))

    async def _list(self, channel: Channel) -> list[Operation]:
        types, found, cursor = library(), [], None
        for _ in range(_MOST_PAGES):
            page = self._typed(
                types.ListToolsResult, await self._asked(channel, "tools/list", {"cursor": cursor} if cursor else {})
            )
            found += page.tools
            cursor = page.next_cursor
            if not cursor or len(found) > _MOST_TOOLS:
                break
        if cursor or len(found) > _MOST_TOOLS:
            raise Unavailable(f"{self.name} has more than {_MOST_TOOLS:,} tools, or no end of them", "Offer fewer.")
        try:
            return [self._operation(each) for each in found]
        except (ValueError, TypeError, RecursionError):
            said = f"{self.name} describes a tool by what is no JSON, or is nested too deeply"
            raise Unavailable(said, "Have it corrected, or leave it out.") from None

    def _operation(self, tool: Any) -> Operation:
        about = tool.description or tool.title or tool.name
        hints = tool.annotations
        operation: Operation

        async def run(arguments: Mapping[str, Any], key: str) -> Result:
            return await self._call(operation, arguments, key)

        operation = Operation(
            tool.name,
            about,
            tool.input_schema,
            run,
            tool.output_schema,
            hints=Hints(
                read_only=hints and hints.read_only_hint,
                destructive=hints and hints.destructive_hint,
                open_world=hints and hints.open_world_hint,
                idempotent=hints and hints.idempotent_hint,
            ),
            digest=digest_of(tool.name, about, tool.input_schema, tool.output_schema),
        )
        return operation

    async def _asked(
        self, channel: Channel, method: str, params: dict[str, Any], mirrored: Mapping[str, str] = MappingProxyType({})
    ) -> Mapping[str, Any]:
        headers = dict(mirrored)
        if self._who:  # since 2026-07-28
            params["_meta"] = {**self._who, **params.get("_meta", {})}
            headers["Mcp-Method"] = method
        return self._result(await channel.ask(request(self._next(), method, params), headers))

    def _mirrored(self, approved: Operation, arguments: Mapping[str, Any]) -> dict[str, str]:
        """Headers that repeat what is called, and those arguments that its schema wants repeated."""
        try:
            from mcp.shared.inbound import (
                encode_header_value,
                find_invalid_x_mcp_header,
                mcp_param_headers,
                x_mcp_header_map,
            )
        except ImportError:
            said = f"{self.name} speaks a version of the protocol for which the mcp package is not installed"
            raise Unavailable(said, "Run: pip install 'aver[mcp]'") from None
        if find_invalid_x_mcp_header(approved.parameters) is not None:
            said = f"The schema of {approved.name!r} names headers that cannot be"
            raise Unavailable(said, f"Have {self.name} corrected.")
        headers = mcp_param_headers(x_mcp_header_map(approved.parameters), arguments)
        return {"Mcp-Name": encode_header_value(approved.name), **headers}

    def _result(self, reply: Message) -> Mapping[str, Any]:
        if error := error_of(reply, self.name):
            raise error
        result = reply["result"]
        return result if isinstance(result, dict) else {}

    def _typed(self, kind: Any, value: Mapping[str, Any]) -> Any:
        from pydantic import ValidationError

        try:
            return kind.model_validate(value, by_name=False)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)[0]
            said = f"{self.name} does not keep to its protocol: {'.'.join(map(str, found['loc']))}: {found['msg']}"
            raise Unavailable(said[:300], "Bring it up to date, or leave it out.") from None

    def _hear(self, message: Message) -> Message | None:
        method = message["method"]
        if "id" not in message:
            if method == "notifications/tools/list_changed":
                self._listed = -_LISTED_FOR
            return None
        if method == "ping":
            return answer(message, {})
        known = method if method in _NOT_GIVEN else "something unknown"
        self.refused[known] += 1
        return failure(message, library().METHOD_NOT_FOUND, "Aver does not offer this")

    def _next(self) -> int:
        self._number += 1
        return self._number


def _code(reply: Message) -> Any:
    error = reply.get("error")
    return error.get("code") if isinstance(error, dict) else None
