"""A timestamp authority as tests use it: ``openssl ts`` behind HTTP, with certificates of its own."""

from __future__ import annotations

import subprocess
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Tsa", "authority"]

_CONFIG = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
{certs}
signer_key = {folder}/tsa.key
signer_digest = {digest}
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def authority(folder: Path, name: str = "root", curve: ec.EllipticCurve | None = None) -> tuple[x509.Certificate, Key]:
    """A root, in ``NAME.pem``, whose key is of RSA unless it is of a ``curve``."""
    key = _key(curve)
    certificate = _certificate("A root", key, None, key, ca=True)
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    return certificate, key


class Tsa:
    """Answers queries at ``url``; ``mangle`` is given each answer before it is sent."""

    def __init__(
        self,
        folder: Path,
        *,
        purpose: bool = True,
        curve: ec.EllipticCurve | None = None,
        digest: str = "sha256",
        with_root: bool = True,
    ) -> None:
        """``with_root``: tokens carry the root beside the signer's certificate."""
        certs = f"certs = {folder}/root.pem" if with_root else ""
        self.folder = folder
        self.roots = folder / "root.pem"
        self.mangle = lambda answer: answer
        self._root, self._root_key = authority(folder, curve=curve)
        mine = self._key = _key(curve)
        (folder / "tsa.pem").write_bytes(self.signer(purpose=purpose).public_bytes(Encoding.PEM))
        plain = mine.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "tsa.key").write_bytes(plain)
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(_CONFIG.format(folder=folder, digest=digest, certs=certs))
        tsa = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                answer = tsa.mangle(tsa.reply(body))
                self.send_response(200)
                self.send_header("content-type", "application/timestamp-reply")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/tsa"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Tsa:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self.close()

    def close(self) -> None:
        """For one that was never served."""
        self._server.server_close()

    def signer(self, *, purpose: bool) -> x509.Certificate:
        """A certificate of the authority's key, for timestamps or for something else."""
        return _certificate("An authority", self._key, self._root, self._root_key, ca=False, purpose=purpose)

    def reply(self, query: bytes) -> bytes:
        asked, answer = self.folder / "query.tsq", self.folder / "answer.tsr"
        asked.write_bytes(query)
        command = [
            "openssl",
            "ts",
            "-reply",
            "-queryfile",
            asked,
            "-config",
            self.folder / "tsa.cnf",
            "-section",
            "one",
        ]
        subprocess.run([*command, "-out", answer], check=True, capture_output=True)
        return answer.read_bytes()


def _key(curve: ec.EllipticCurve | None) -> Key:
    return ec.generate_private_key(curve) if curve else rsa.generate_private_key(65537, 2048)


def _certificate(
    name: str,
    key: Key,
    issuer: x509.Certificate | None,
    signing: Key,
    *,
    ca: bool,
    purpose: bool = True,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if not ca:
        usage = ExtendedKeyUsageOID.TIME_STAMPING if purpose else ExtendedKeyUsageOID.EMAIL_PROTECTION
        built = built.add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
    return built.sign(signing, hashes.SHA256())
