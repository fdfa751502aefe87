"""An MCP server at an address, spoken to over streamable HTTP
(https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType

from aver.agents.tools.mcp.messages import Hearing, Message, is_reply, read, write
from aver.agents.tools.text import clean
from aver.agents.tools.web import Answering, Reply, Web
from aver.core.errors import ProviderError, Unavailable, Undecided
from aver.gateway.wire.sse import EventReader

__all__ = ["Http"]

_SESSION, _VERSION = "mcp-session-id", "MCP-Protocol-Version"
_FAREWELL = 2.0
"""Seconds in which a server is told that a session has ended."""
_REFUSAL = 2**16
"""Bytes of an answer that is an error which are read."""
_SEE = "See there whether it did what it was asked."


class Http:
    """A session with one server. No stream is held open between calls: what a server wants to say it says while it answers."""

    def __init__(self, web: Web, header: str, hearing: Hearing) -> None:
        self._web = web
        self._header = header
        self._hearing = hearing
        self._session = ""
        self.version = ""
        self.closed = False

    async def ask(self, message: Message, headers: Mapping[str, str] = MappingProxyType({})) -> Message:
        async with self._asked("POST", message, headers) as answering:
            self._session = answering.headers.get(_SESSION, self._session)
            if answering.status == 404 and self._session:
                self.closed = True
                raise Unavailable(f"{self._web.name} does not know the session any more", "Call again.")
            if answering.status != 200:
                return self._refused(await answering.whole(_REFUSAL))
            kind = answering.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind == "text/event-stream":
                return await self._streamed(answering, message)
            reply = await answering.whole(self._web.largest)
        if reply.cut:
            raise Undecided(f"{self._web.name} answered with more than is read", _SEE)
        return self._replied(read(self._web.mask(reply.body)), message)

    async def tell(self, message: Message) -> None:
        with contextlib.suppress(Unavailable, Undecided):
            async with self._asked("POST", message) as answering:
                await answering.whole(_REFUSAL)

    async def close(self) -> None:
        self.closed = True
        try:
            if self._session:
                with contextlib.suppress(Unavailable, Undecided, TimeoutError):
                    async with asyncio.timeout(_FAREWELL), self._asked("DELETE", None) as answering:
                        await answering.whole(_REFUSAL)
        finally:
            await self._web.close()

    @contextlib.asynccontextmanager
    async def _asked(
        self, method: str, message: Message | None, more: Mapping[str, str] = MappingProxyType({})
    ) -> AsyncIterator[Answering]:
        headers = {"Accept": "application/json, text/event-stream", **more}
        if self._session:
            headers[_SESSION] = self._session
        if self.version:
            headers[_VERSION] = self.version
        body = None
        if message is not None:
            headers["Content-Type"] = "application/json"
            body = write(message)
        if secret := await self._web.credential():
            headers[self._header] = f"Bearer {secret}" if self._header.lower() == "authorization" else secret
        async with self._web.asked(method, self._web.base, headers, body) as answering:
            yield answering

    async def _streamed(self, answering: Answering, message: Message) -> Message:
        """The reply among the events of a stream; what else the server says there is answered meanwhile."""
        reader, size = EventReader(), 0
        with contextlib.suppress(ProviderError):  # an event without end
            async for piece in answering.pieces():
                size += len(piece)
                if size > self._web.largest:
                    break
                for event in reader.feed(piece):
                    said = read(self._web.mask(event.data))
                    if said is not None and not is_reply(said):
                        if (reply := self._hearing(said)) is not None:
                            await self.tell(reply)
                    elif said is None and not event.data.lstrip().startswith(b"{"):
                        continue  # chatter
                    elif said is None or said.get("id") == message["id"]:
                        return self._replied(said, message)
            else:
                raise Undecided(f"{self._web.name} ended its answer before it had come to it", _SEE)
        raise Undecided(f"{self._web.name} answered with more than is read", _SEE)

    def _replied(self, said: Message | None, message: Message) -> Message:
        if said is None or not is_reply(said) or said.get("id") != message["id"]:
            raise Undecided(f"{self._web.name} answered with what is no reply of its protocol", _SEE)
        return said

    def _refused(self, reply: Reply) -> Message:
        """An error of the protocol where the body is one; else what the status says."""
        body = self._web.mask(reply.body)
        said = read(body)
        if said is not None and "error" in said:
            return said
        words = " ".join(clean(body[:800].decode("utf-8", "replace"))[0].split())[:200]
        told = f"{self._web.name} answered with status {reply.status}" + (f": {words}" if words else "")
        if reply.status in (401, 403):
            raise Unavailable(f"{self._web.name} does not let Aver in (status {reply.status})", "Check its credential.")
        if 300 <= reply.status < 500:
            after = reply.headers.get("retry-after", "")
            seconds = float(after) if after.isdecimal() and len(after) < 6 else None
            raise Unavailable(told, "Check its address, or try again later.", retry_after=seconds)
        raise Undecided(told, _SEE)
