"""An HTTP proxy for one call of one tool: it connects to declared hosts, and to nothing else.

``CONNECT`` makes a tunnel, in which only the tool and the far side know what is said. A plain request is read, and sent on: with TLS where
the host is declared so, and with its secrets. A host that has secrets is spoken to in that way alone.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
from base64 import b64encode
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import h11

from aver.agents.sandbox.egress.addresses import Unreachable, addresses
from aver.agents.sandbox.egress.exchange import Exchange, Refusal
from aver.agents.sandbox.egress.types import Connection, Host, Network
from aver.agents.sandbox.egress.vault import Vault
from aver.core.errors import InvalidInput

__all__ = ["Proxy"]

_PATIENCE = 10.0
"""Seconds to connect to one address."""
_MOST_AT_ONCE, _MOST = 16, 1000
"""Connections that a call may have open, and make."""
_LONGEST_NAME, _LONGEST_METHOD = 253, 20
"""Characters of a host's name (RFC 1035) and of a method: what a tool asks for is kept in its report."""


class Proxy:
    """Answers on a socket until it is closed. ``connections`` is what was tried, in the order in which it ended.

    Raises :class:`~aver.core.errors.InvalidInput` for a declaration that nothing could come of.
    """

    def __init__(self, network: Network, tls: ssl.SSLContext | None = None) -> None:
        _check(network)
        self._hosts = {(host.name.lower().rstrip("."), host.port): host for host in network.hosts}
        self._vault = Vault(network.secrets)
        self._left = network.megabytes * 2**20
        self._tls = tls or ssl.create_default_context()
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._accepted = 0
        self.connections: list[Connection] = []
        self.token = f"aver:{secrets.token_urlsafe(18)}"
        """``user:password`` that the tool sends: on this machine others could find the port."""

    @property
    def placeholders(self) -> Mapping[str, str]:
        return self._vault.placeholders

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def answer(self, listener: socket.socket) -> None:
        """Answer on a socket that is listened on already, in whatever network namespace it is."""
        self._server = await asyncio.start_server(self._accept, sock=listener)

    async def listen(self) -> int:
        """Answer on a port of this machine; returns it."""
        listener = socket.create_server(("127.0.0.1", 0))
        await self.answer(listener)
        port: int = listener.getsockname()[1]
        return port

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        self._accepted += 1
        try:
            if self._accepted > _MOST:
                if self._accepted == _MOST + 1:
                    self.connections.append(
                        Connection("", 0, "", f"More than {_MOST} connections, and none of the rest")
                    )
            elif len(self._serving) > _MOST_AT_ONCE:
                self.connections.append(Connection("", 0, "", f"More than {_MOST_AT_ONCE} connections at once"))
            else:
                await self._serve(Exchange(reader, writer))
        except asyncio.CancelledError:
            pass  # the call is over; the stream's protocol would report it as an error otherwise
        finally:
            self._serving.discard(task)
            writer.close()

    async def _serve(self, tool: Exchange) -> None:
        """One request, and whatever follows from it."""
        host, port, method, refused = "", 0, "", "The tool ended first"
        try:
            request = await tool.request()
            self._identify(request)
            method, host, port, path = _asked(request)
            declared = self._declared(host, port, method)
            tool.far = await self._connect(declared, tls=declared.tls and method != "CONNECT")
            if method == "CONNECT":
                await tool.tunnel(self._spend)
            else:
                await tool.forward(request, path, declared, self._vault, self._spend)
            refused = ""
        except Refusal as refusal:
            refused = refusal.reason
            await tool.refuse(refusal)
        except (OSError, EOFError, h11.ProtocolError, asyncio.IncompleteReadError) as error:
            refused = f"The connection broke: {type(error).__name__}"
            await tool.refuse(Refusal(502, refused))
        finally:
            tool.close()
            self.connections.append(Connection(host, port, method, refused, tool.sent, tool.received))

    def _identify(self, request: h11.Request) -> None:
        expected = b"Basic " + b64encode(self.token.encode())
        said = [value for name, value in request.headers if name == b"proxy-authorization"]
        if not any(secrets.compare_digest(value, expected) for value in said):
            raise Refusal(407, "The proxy is this tool's alone: use the address in HTTP_PROXY, its password included")

    def _declared(self, host: str, port: int, method: str) -> Host:
        declared = self._hosts.get((host, port))
        if declared is None and method != "CONNECT" and port == 80:
            of_name = [each for (name, _), each in self._hosts.items() if name == host and each.tls]
            declared = of_name[0] if len(of_name) == 1 else None
        if declared is None:
            raise Refusal(403, f"{host}:{port} is not declared by this tool")
        if method == "CONNECT" and self._vault.knows(declared.name):
            raise Refusal(403, f"Speak http to {host}, not https: its secret is put in here, where TLS begins")
        return declared

    async def _connect(self, host: Host, *, tls: bool) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            found = await addresses(host)
        except Unreachable as error:
            raise Refusal(403, str(error)) from None
        reason = ""
        for address in found:
            try:
                async with asyncio.timeout(_PATIENCE):
                    context = self._tls if tls else None
                    name = host.name if tls else None
                    return await asyncio.open_connection(address, host.port, ssl=context, server_hostname=name)
            except (OSError, TimeoutError) as error:
                reason = str(error) or type(error).__name__
        raise Refusal(502, f"{host.name}:{host.port} cannot be connected to: {reason}")

    def _spend(self, size: int) -> None:
        """Take ``size`` bytes from those that the tool may exchange; raises when none are left."""
        self._left -= size
        if self._left < 0:
            raise Refusal(403, "The tool has exchanged all the bytes that it may")


def _check(network: Network) -> None:
    names = {host.name.lower() for host in network.hosts}
    for host in network.hosts:
        if (
            not host.name.isascii()
            or not host.name
            or set(host.name) & set("/@?#[]* \t\r\n")
            or not 0 < host.port < 2**16
        ):
            raise InvalidInput(f"{host.name!r}, port {host.port}, is no host", "Write the name or the address alone.")
    for secret in network.secrets:
        if not secret.value or not secret.value.isprintable() or not secret.variable.isidentifier():
            raise InvalidInput(
                f"The secret {secret.variable!r} has no name or no value that a header could have", "Set it."
            )
        if missing := [name for name in secret.hosts if name.lower() not in names]:
            cause = f"The secret {secret.variable!r} is for {missing[0]!r}, which is no declared host"
            raise InvalidInput(cause, "Declare the host, or leave it out of the secret's.")


def _asked(request: h11.Request) -> tuple[str, str, int, str]:
    """Method, host, port and path of what a proxy is asked for."""
    method = request.method.decode("ascii")
    try:
        text = request.target.decode("ascii")
        parts = urlsplit(f"//{text}" if method == "CONNECT" else text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or len(host) > _LONGEST_NAME or len(method) > _LONGEST_METHOD:
        raise Refusal(400, "A proxy is asked for a host, by a method, of a usual length")
    if (method == "CONNECT" and not port) or (method != "CONNECT" and parts.scheme != "http"):
        raise Refusal(400, "A proxy is asked for http://HOST/PATH, or to CONNECT to HOST:PORT")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return method, host.lower().rstrip("."), port or 80, path
