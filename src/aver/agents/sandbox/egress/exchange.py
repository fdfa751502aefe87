"""One connection of a tool to the proxy, and the one that the proxy makes for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import h11

from aver.agents.sandbox.egress.types import Host
from aver.agents.sandbox.egress.vault import Vault

__all__ = ["Exchange", "Refusal"]

_CHUNK = 2**16
_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-authorization", b"proxy-connection", b"te", b"upgrade", b"host", b"expect"}
)
"""Headers that are between two neighbours alone, and ``Host``, which is the declared one."""

Spend = Callable[[int], None]


class Refusal(Exception):
    """What the proxy answers itself: a status, and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Exchange:
    """One request of the tool's and the answer to it. ``sent`` and ``received`` count the bytes of the far side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_CHUNK)
        self.far: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.sent = self.received = 0
        self._answers = True

    async def request(self) -> h11.Request:
        """The head of what the tool asks. Raises ``EOFError`` when it asks nothing."""
        event = await self._next(self._http, self._reader)
        if isinstance(event, h11.Request):
            return event
        raise EOFError

    async def tunnel(self, spend: Spend) -> None:
        """Carry bytes both ways until either side ends."""
        assert self.far is not None
        await self._next(self._http, self._reader)
        self._answers = False
        self._writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        early, _ = self._http.trailing_data
        reader, writer = self.far
        self._send(writer, early, spend)

        async def out() -> None:
            while data := await self._reader.read(_CHUNK):
                self._send(writer, data, spend)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()

        async def back() -> None:
            while data := await reader.read(_CHUNK):
                spend(len(data))
                self.received += len(data)
                self._writer.write(data)
                await self._writer.drain()

        sending, receiving = asyncio.ensure_future(out()), asyncio.ensure_future(back())
        try:
            await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
            await receiving
        finally:
            sending.cancel()
            receiving.cancel()
            await asyncio.gather(sending, receiving, return_exceptions=True)

    async def forward(self, request: h11.Request, path: str, host: Host, vault: Vault, spend: Spend) -> None:
        """Ask the far side what the tool asks, and give its answer back. Where secrets are sent the answer is read whole first, and cleared
        of them."""
        assert self.far is not None
        reader, writer = self.far
        has_secrets = vault.knows(host.name)
        http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_CHUNK)
        usual = host.port == (443 if host.tls else 80)
        name = f"[{host.name}]" if ":" in host.name else host.name
        kept = [(b"Host", (name if usual else f"{name}:{host.port}").encode()), (b"Connection", b"close")]
        for header, value in vault.put_in(host.name, request.headers.raw_items()):
            if header.lower() not in _HOP_BY_HOP and not (has_secrets and header.lower() == b"accept-encoding"):
                kept.append((header, value))
        out = http.send(h11.Request(method=request.method, target=path.encode(), headers=kept))
        self._send(writer, out or b"", spend)
        while isinstance(event := await self._next(self._http, self._reader), h11.Data):
            self._send(writer, http.send(event) or b"", spend)
            await writer.drain()
        self._send(writer, http.send(h11.EndOfMessage()) or b"", spend)
        await writer.drain()
        await self._answer(http, reader, vault if has_secrets else None, spend)

    async def _answer(
        self, http: h11.Connection, reader: asyncio.StreamReader, vault: Vault | None, spend: Spend
    ) -> None:
        body = bytearray()
        head: h11.Response | None = None
        while not isinstance(event := await self._next(http, reader), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                head = event
                if vault is None:
                    self._say(_passed_on(event, None))
                elif any(name == b"content-encoding" and value != b"identity" for name, value in event.headers):
                    raise Refusal(502, "The answer is compressed, so that no secret can be looked for in it")
            elif isinstance(event, h11.Data):
                spend(len(event.data))
                self.received += len(event.data)
                if vault is None:
                    self._say(event)
                    await self._writer.drain()
                else:
                    body += event.data
            elif isinstance(event, h11.InformationalResponse):
                continue
            else:
                raise EOFError  # noqa: TRY004 - the far side has gone, or speaks of something else
        if vault is not None and head is not None:
            self._say(_passed_on(head, vault))
            self._say(h11.Data(data=vault.take_out(bytes(body))))
        self._say(h11.EndOfMessage())
        await self._writer.drain()

    async def refuse(self, refusal: Refusal) -> None:
        """Tell the tool, where nothing has been answered yet."""
        if not self._answers:
            return
        with contextlib.suppress(OSError, h11.LocalProtocolError):
            said = refusal.reason.encode("utf-8", "replace") + b"\n"
            headers = [("Content-Length", str(len(said))), ("Content-Type", "text/plain"), ("Connection", "close")]
            if refusal.status == 407:
                headers.append(("Proxy-Authenticate", "Basic"))
            self._say(h11.Response(status_code=refusal.status, headers=headers))
            self._say(h11.Data(data=said))
            self._say(h11.EndOfMessage())
            await self._writer.drain()

    def close(self) -> None:
        if self.far is not None:
            self.far[1].close()

    def _say(self, event: h11.Event) -> None:
        self._writer.write(self._http.send(event) or b"")

    def _send(self, writer: asyncio.StreamWriter, data: bytes, spend: Spend) -> None:
        spend(len(data))
        self.sent += len(data)
        writer.write(data)

    @staticmethod
    async def _next(http: h11.Connection, reader: asyncio.StreamReader) -> object:
        while (event := http.next_event()) is h11.NEED_DATA:
            http.receive_data(await reader.read(_CHUNK))
        return event


def _passed_on(head: h11.Response, vault: Vault | None) -> h11.Response:
    """The head of an answer as the tool gets it; its connection ends with the answer."""
    dropped = {b"connection", b"keep-alive", b"transfer-encoding", b"upgrade"} | (
        {b"content-length"} if vault else set()
    )
    kept = [
        (name, vault.take_out(value) if vault else value)
        for name, value in head.headers.raw_items()
        if name.lower() not in dropped
    ]
    return h11.Response(
        status_code=head.status_code,
        reason=vault.take_out(head.reason) if vault else head.reason,
        headers=[*kept, (b"Connection", b"close")],
    )
