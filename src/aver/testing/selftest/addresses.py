"""Addresses at which nothing good answers."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from aver.testing.selftest.faults import Address

__all__ = ["WrongAddresses"]

_HOST = "127.0.0.1"
_LISTENING = 0.2
"""Seconds."""
_UNRESOLVED = "http://provider.selftest.invalid"
"""``.invalid`` never exists (RFC 6761, 6.4)."""


class WrongAddresses:
    """A port that refuses connections, a name that does not exist, and a server whose certificate nobody vouches for, for as long as the
    ``async with`` block lasts.

    """

    def __init__(self) -> None:
        self._confided: list[bytes] = []
        # Bound but not listening: connections are refused, and nobody else gets the port.
        self._refusing = socket.socket()
        self._server: asyncio.Server

    async def __aenter__(self) -> Self:
        self._refusing.bind((_HOST, 0))
        self._server = await asyncio.start_server(self._confide, _HOST, 0, ssl=_self_signed())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._refusing.close()
        self._server.close()

    def url(self, address: Address) -> str:
        if address == "refused":
            return f"http://{_HOST}:{self._refusing.getsockname()[1]}"
        if address == "untrusted":
            return f"https://{_HOST}:{self._server.sockets[0].getsockname()[1]}"
        return _UNRESOLVED

    def confided(self, text: str) -> bool:
        """Whether somebody sent the server without a valid certificate a request that says ``text``, and a key with it."""
        return any(text.encode() in each for each in self._confided)

    async def _confide(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received = b""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_LISTENING):
                while chunk := await reader.read(65536):
                    received += chunk
        self._confided.append(received)
        writer.close()


def _self_signed() -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _HOST)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "server.pem"
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
        context.load_cert_chain(path)
    return context
