"""Timestamp tokens of RFC 3161: asked for, and verified by what verifies them in packs, so that no token is kept which an auditor's program would refuse."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from cryptography import x509

from aver.core.errors import InvalidInput, VerificationFailed
from aver.governance.anchors.der import encoded, integer, sequence
from aver.governance.proof.der import BOOLEAN, INTEGER, NULL, OCTETS, OID, SEQUENCE, read_der
from aver.governance.proof.terms import Bad
from aver.governance.proof.timestamp import certificates_in, stamped

__all__ = ["Stamp", "request", "roots_of", "token_of", "verified"]

_SHA256 = bytes.fromhex("608648016503040201")


class Stamp(NamedTuple):
    at: datetime
    serial: int
    authority: str
    """The subject of the certificate that signed."""


def request(digest: bytes) -> tuple[bytes, int]:
    """A query for a token of a SHA-256, and its nonce."""
    nonce = secrets.randbits(64)
    imprint = sequence(sequence(encoded(OID, _SHA256), encoded(NULL, b"")), encoded(OCTETS, digest))
    return sequence(integer(1), imprint, integer(nonce), encoded(BOOLEAN, b"\xff")), nonce


def token_of(answer: bytes) -> bytes:
    """The token in an authority's answer. Raises :class:`~aver.core.errors.VerificationFailed` where it gave none."""
    try:
        whole = read_der(answer)
        status = whole.part(0, SEQUENCE).part(0, INTEGER).number
        if status in (0, 1):
            return whole.part(1, SEQUENCE).raw
    except Bad:
        raise VerificationFailed(
            "The answer of the timestamp authority cannot be read", "Check its address, or take another."
        ) from None
    raise VerificationFailed(f"The timestamp authority refuses (status {status})", "Ask who runs it.")


def roots_of(file: bytes) -> Sequence[bytes]:
    """The certificates of a PEM file. Raises :class:`~aver.core.errors.InvalidInput` for what holds none."""
    try:
        return certificates_in(file)
    except (Bad, ValueError):
        raise InvalidInput(
            "The roots of the timestamp authority are no certificates", "Give a PEM file: anchors.timestamp.roots."
        ) from None


def verified(token: bytes, digest: bytes, roots: Sequence[bytes], nonce: int | None = None) -> Stamp:
    """What a token says of ``digest``, SHA-256. Raises :class:`~aver.core.errors.VerificationFailed` for one of something else, that was changed, or whose signer none
    of the ``roots`` vouches for at its time."""
    try:
        found = stamped(token, digest, roots)
    except Bad as bad:
        raise _fails(str(bad)) from None
    if found.vouching is None:
        raise _fails("no certificate that is trusted vouches for its signer")
    if nonce is not None and found.nonce != nonce:
        raise _fails("it answers another question")
    signer = x509.load_der_x509_certificate(found.signer)
    return Stamp(found.at, found.serial, signer.subject.rfc4514_string())


def _fails(why: str) -> VerificationFailed:
    return VerificationFailed(f"A timestamp token does not hold: {why}", "Keep it, and ask who runs the authority.")
