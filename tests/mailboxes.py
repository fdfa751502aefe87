"""Mailboxes over real IMAP: a server that behaves, pymap, and one that says what a test has it say."""

from __future__ import annotations

import argparse
import asyncio
import imaplib
import ipaddress
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

__all__ = ["Mailbox", "certificate", "mailbox_server", "misbehaving"]

USER, PASSWORD = "help@example.org", 'b\u00e4r und "Hund" \\ caf\u00e9'


def certificate(folder: Path) -> tuple[Path, Path]:
    """Of this machine, by itself: the certificate and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "server.pem", folder / "server.key"
    files[0].write_bytes(made.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


@dataclass(frozen=True)
class Mailbox:
    """What a server keeps for :data:`USER`, and how it is changed, by a client that may."""

    port: int
    trusted: ssl.SSLContext

    @contextmanager
    def client(self) -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=30) as client:
            client.starttls(self.trusted)
            client.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode())
            yield client

    def put(self, *mails: bytes, folder: str = "INBOX") -> None:
        with self.client() as client:
            for mail in mails:
                assert client.append(folder, "", None, mail)[0] == "OK"

    def flags(self, folder: str = "INBOX") -> list[bytes]:
        """Of each mail, what is remembered of it, such as that it was read."""
        with self.client() as client:
            client.select(folder, readonly=True)
            return client.fetch("1:*", "(FLAGS)")[1]


@contextmanager
def mailbox_server(folder: Path) -> Iterator[Mailbox]:
    """pymap, on a port of its own, until the block ends. It encrypts by STARTTLS, and takes no password before."""
    from proxyprotocol.reader import ProxyProtocolReader
    from pymap.backend.dict import DictBackend
    from pymap.imap import IMAPServer, IMAPService
    from pysasl.hashing import BuiltinHash

    file, key = certificate(folder)
    parser = argparse.ArgumentParser()
    IMAPService.add_arguments(parser)
    DictBackend.add_subparser("dict", parser.add_subparsers())
    given = ["--host", "127.0.0.1", "--cert", str(file), "--key", str(key)]
    args = parser.parse_args([*given, "dict", "--demo-user", USER, "--demo-password", PASSWORD])
    args.passlib_cfg, args.debug = None, False
    listening = socket.create_server(("127.0.0.1", 0))
    loop, ready, ended = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        backend, config = await DictBackend.init(args, hash_context=BuiltinHash(rounds=1), invalid_user_sleep=0.0)
        config.apply_context()
        async with AsyncExitStack() as stack:
            await backend.start(stack)
            answered = ProxyProtocolReader(config.proxy_protocol).get_callback(IMAPServer(backend.login, config))
            server = await asyncio.start_server(answered, sock=listening)
            ready.set()
            await ended.wait()
            server.close()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(30), "the mail server did not start"
    try:
        yield Mailbox(listening.getsockname()[1], ssl.create_default_context(cafile=str(file)))
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(30)


Answer = Callable[[str, Callable[[bytes], None]], None]
"""Given a command without its tag, and what sends bytes."""


@contextmanager
def misbehaving(
    folder: Path, answer: Answer, greeting: bytes = b"* OK ready\r\n", *, encrypted: bool = True
) -> Iterator[Mailbox]:
    """A server, encrypted from the first byte on or never, that lets everybody in and answers everything with what ``answer`` sends, then with ``OK``."""
    file, key = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)

    class Session(socketserver.StreamRequestHandler):
        def setup(self) -> None:
            if encrypted:
                self.request = context.wrap_socket(self.request, server_side=True)
            super().setup()

        def handle(self) -> None:
            self.wfile.write(greeting)
            while line := self.rfile.readline():
                tag, _, command = line.decode().strip().partition(" ")
                answer(command, self.wfile.write)
                if command.startswith("AUTHENTICATE"):
                    self.wfile.write(b"+ \r\n")
                    self.rfile.readline()
                elif command == "CAPABILITY":
                    self.wfile.write(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n")
                self.wfile.write(tag.encode() + b" OK done\r\n")

        def finish(self) -> None:
            self.request.close()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Whoever leaves in the middle is the point."""

    with Server(("127.0.0.1", 0), Session) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield Mailbox(server.server_address[1], ssl.create_default_context(cafile=str(file)))
        finally:
            server.shutdown()
            thread.join(30)
