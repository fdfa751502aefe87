"""Timestamp tokens of RFC 3161: asked for, and verified: what they are of, who signed them, and up to which root.

Read with RFC 5652 (the envelope), RFC 5035 and 5816 (which certificate signed).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from aver.core.errors import InvalidInput, VerificationFailed
from aver.governance.anchors.der import (
    BOOLEAN,
    INTEGER,
    NULL,
    OCTETS,
    OID,
    SEQUENCE,
    SET,
    TIME,
    Value,
    encoded,
    integer,
    read,
    sequence,
)

__all__ = ["Stamped", "request", "roots_of", "token_of", "verified"]

_SHA256 = bytes.fromhex("608648016503040201")
_SIGNED_DATA, _TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_CERTIFICATE, _CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.12", "1.2.840.113549.1.9.16.2.47"
_DIGESTS: dict[str, hashes.HashAlgorithm] = {
    "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
    "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
    "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
}
_LONGEST_CHAIN = 8


class Stamped(NamedTuple):
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
    whole = read(answer)
    status = whole.part(0, SEQUENCE).part(0, INTEGER).number
    if status not in (0, 1):
        raise VerificationFailed(f"The timestamp authority refuses (status {status})", "Ask who runs it.")
    return whole.part(1, SEQUENCE).raw


def roots_of(pem: bytes) -> Sequence[x509.Certificate]:
    """Raises :class:`~aver.core.errors.InvalidInput` for what is no PEM of certificates."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise InvalidInput(
            "The roots of the timestamp authority are no certificates", "Give a PEM file: anchors.timestamp.roots."
        ) from None


def verified(token: bytes, digest: bytes, roots: Sequence[x509.Certificate], nonce: int | None = None) -> Stamped:
    """What a token says of ``digest``, SHA-256. Raises :class:`~aver.core.errors.VerificationFailed` for one of something else, that was changed, or whose signer no
    root vouches for at its time."""
    outer = read(token)
    if outer.part(0, OID).oid != _SIGNED_DATA:
        raise _fails("it is no signed data")
    data = outer.part(1, 0xA0).part(0, SEQUENCE)
    carried = data.part(2, SEQUENCE)
    if carried.part(0, OID).oid != _TST_INFO:
        raise _fails("it holds no timestamp")
    info = carried.part(1, 0xA0).part(0, OCTETS).body
    told = read(info)
    imprint = told.part(2, SEQUENCE)
    if imprint.part(0).part(0, OID).body != _SHA256 or imprint.part(1, OCTETS).body != digest:
        raise _fails("it is of something else")
    at = _time(told.part(4, TIME))
    # After the time: accuracy, ordering, nonce; the nonce is the only whole number among them.
    given = next((each.number for each in told.parts[5:] if each.tag == INTEGER), None)
    if nonce is not None and given != nonce:
        raise _fails("it answers another question")
    signer = _signer(data, info, at)
    _check_chain(signer, _certificates(data), roots, at)
    return Stamped(at, told.part(3, INTEGER).number, signer.subject.rfc4514_string())


def _signer(data: Value, info: bytes, at: datetime) -> x509.Certificate:
    """The certificate whose key signed."""
    signers = [each for each in data.parts if each.tag == SET][-1].parts
    if len(signers) != 1:
        raise _fails("it has not one signer")
    said = signers[0]
    algorithm = _DIGESTS.get(said.part(2, SEQUENCE).part(0, OID).oid)
    attributes = said.part(3, 0xA0)
    if algorithm is None:
        raise _fails("it uses a digest that is not known")
    known = {each.part(0, OID).oid: each.part(1, SET).part(0) for each in attributes.parts}
    hashed = hashes.Hash(algorithm)
    hashed.update(info)
    if known.get(_MESSAGE_DIGEST) is None or known[_MESSAGE_DIGEST].body != hashed.finalize():
        raise _fails("its content was changed")
    if known.get(_CONTENT_TYPE) is None or known[_CONTENT_TYPE].oid != _TST_INFO:
        raise _fails("its content is of another type")
    issuer, serial = said.part(1, SEQUENCE).part(0).raw, said.part(1, SEQUENCE).part(1, INTEGER).number
    mine = [
        each
        for each in _certificates(data)
        if each.serial_number == serial and each.issuer.public_bytes() == issuer and _is_named(each, known)
    ]
    if not mine:
        raise _fails("the certificate of its signer is missing")
    _check_signature(mine[0], said.part(5, OCTETS).body, encoded(SET, attributes.body), algorithm)
    _check_purpose(mine[0], at)
    return mine[0]


def _is_named(certificate: x509.Certificate, known: dict[str, Value]) -> bool:
    """Whether the signed attributes name this certificate by its hash (RFC 5816)."""
    der = certificate.public_bytes(Encoding.DER)
    if (named := known.get(_CERTIFICATE_V2)) is not None:
        first = named.part(0, SEQUENCE).part(0, SEQUENCE)
        digest = next(each for each in first.parts if each.tag == OCTETS).body
        return digest in (hashlib.sha256(der).digest(), hashlib.sha384(der).digest(), hashlib.sha512(der).digest())
    if (named := known.get(_CERTIFICATE)) is not None:
        digest = named.part(0, SEQUENCE).part(0, SEQUENCE).part(0, OCTETS).body
        return digest == hashlib.sha1(der, usedforsecurity=False).digest()
    return False


def _check_signature(
    certificate: x509.Certificate, signature: bytes, message: bytes, algorithm: hashes.HashAlgorithm
) -> None:
    key = certificate.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(algorithm))
        else:
            raise _fails("it is signed by a kind of key that is not known")
    except InvalidSignature:
        raise _fails("its signature is not that of its certificate") from None


def _check_purpose(certificate: x509.Certificate, at: datetime) -> None:
    """RFC 3161, section 2.3: for timestamps alone."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        raise _fails("its certificate is for something else") from None
    if not usage.critical or list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise _fails("its certificate is for something else")
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        raise _fails("its certificate was not valid then")


def _check_chain(
    signer: x509.Certificate, others: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], at: datetime
) -> None:
    current = signer
    for _ in range(_LONGEST_CHAIN):
        if any(_issued(current, root, at) for root in roots) or current in roots:
            return
        above = next((each for each in others if each != current and _issued(current, each, at)), None)
        if above is None:
            break
        current = above
    raise _fails("no root that is trusted vouches for its signer")


def _issued(certificate: x509.Certificate, issuer: x509.Certificate, at: datetime) -> bool:
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        certificate.verify_directly_issued_by(issuer)
    except (x509.ExtensionNotFound, ValueError, TypeError, InvalidSignature):
        return False
    return constraints.ca and issuer.not_valid_before_utc <= at <= issuer.not_valid_after_utc


def _certificates(data: Value) -> Sequence[x509.Certificate]:
    carried = data.tagged(0xA0)
    try:
        return [x509.load_der_x509_certificate(each.raw) for each in carried.parts] if carried else []
    except ValueError:
        raise _fails("its certificates cannot be read") from None


def _time(value: Value) -> datetime:
    text = value.body.decode("ascii", "replace")
    for form in ("%Y%m%d%H%M%SZ", "%Y%m%d%H%M%S.%fZ"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise _fails("its time cannot be read")


def _fails(why: str) -> VerificationFailed:
    return VerificationFailed(f"A timestamp token does not hold: {why}", "Keep it, and ask who runs the authority.")
