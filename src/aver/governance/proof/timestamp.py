"""Timestamp tokens of RFC 3161 in plain Python: of what they are, who signed them, and whether a certificate that is trusted vouches for who did.

Read with RFC 5652 (the envelope), RFC 5816 (which certificate signed) and RFC 5280 (certificates). What a token carries beside that, and nobody
signed, is refused. A certificate above the signer's has to have issued the one below it; more is known of it only where its own issuer is carried too, or trusted.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from aver.governance.proof.der import (
    INTEGER,
    OCTETS,
    SEQUENCE,
    SET,
    TIME,
    UTC_TIME,
    Value,
    read_der,
)
from aver.governance.proof.signatures import CURVES, signed_by_ecdsa, signed_by_rsa
from aver.governance.proof.terms import Bad

__all__ = ["Stamped", "certificates_in", "stamped"]

_SIGNED_DATA, _TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_CERTIFICATE, _CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.12", "1.2.840.113549.1.9.16.2.47"
_USAGE, _CONSTRAINTS, _TIMESTAMPING = "2.5.29.37", "2.5.29.19", "1.3.6.1.5.5.7.3.8"
_RSA, _ECDSA = "1.2.840.113549.1.1.1", "1.2.840.10045.2.1"
_DIGESTS = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_WAYS = {
    _RSA: (_RSA, ""),  # the digest is named elsewhere
    "1.2.840.113549.1.1.11": (_RSA, "sha256"),
    "1.2.840.113549.1.1.12": (_RSA, "sha384"),
    "1.2.840.113549.1.1.13": (_RSA, "sha512"),
    "1.2.840.10045.4.3.2": (_ECDSA, "sha256"),
    "1.2.840.10045.4.3.3": (_ECDSA, "sha384"),
    "1.2.840.10045.4.3.4": (_ECDSA, "sha512"),
}
"""Ways of signing: the kind of key, and the digest."""
_TRUE = b"\1\1\xff"
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")


class Stamped(NamedTuple):
    """``signer`` is the certificate that signed, ``vouching`` the trusted one that it is, or that is above it; both in DER."""

    at: datetime
    serial: int
    nonce: int | None
    signer: bytes
    vouching: bytes | None


class _Certificate:
    """``told`` is what its issuer signed in this ``way``. Raises :class:`Bad` for what is no certificate."""

    def __init__(self, raw: bytes) -> None:
        whole = read_der(raw)
        self.raw, self.told, way, signature = raw, *_of_three(whole)
        fields = self.told.parts
        if fields and fields[0].tag == 0xA0:  # its version
            fields = fields[1:]
        if len(fields) < 6:
            raise Bad("it holds something in place of a certificate")
        self.serial, inner, self.issuer, validity, self.subject, self._key = fields[:6]
        self.way, self.signature = way, signature.bits
        if inner.raw != way.raw or self.serial.tag != INTEGER:
            raise Bad("it holds a certificate that contradicts itself")
        self._since, self._until = (_time_of(each) for each in _pair(validity))
        extensions = next((each for each in fields[6:] if each.tag == 0xA3), None)
        listed = extensions.part(0, SEQUENCE).parts if extensions else ()
        self._extensions = {each.part(0).oid: each.parts[1:] for each in listed}

    def was_valid(self, at: datetime) -> bool:
        return self._since <= at <= self._until

    @property
    def is_for_timestamps(self) -> bool:
        """And for nothing else (RFC 3161, section 2.3)."""
        said = self._extensions.get(_USAGE, ())
        if len(said) != 2 or said[0].raw != _TRUE:  # it has to be critical
            return False
        return [each.oid for each in read_der(said[1].body).parts] == [_TIMESTAMPING]

    @property
    def is_authority(self) -> bool:
        said = self._extensions.get(_CONSTRAINTS, ())
        said = said and read_der(said[-1].body).parts
        return bool(said) and said[0].raw == _TRUE

    @property
    def holds_by_itself(self) -> bool:
        """Whether it is its own issuer and signed itself."""
        return _is_by(self, self)

    def issued(self, other: _Certificate) -> bool:
        return self.is_authority and _is_by(other, self)

    def signed(self, way: Value, digest: str, message: bytes, signature: bytes) -> bool:
        """Whether its key signed ``message`` in this ``way``, which names its digest if it is not given."""
        kind, named = _WAYS.get(way.part(0).oid, ("", ""))
        digest = digest or named
        of, *parameters = self._key.part(0, SEQUENCE).parts or (way,)
        if of.oid != kind or named not in ("", digest) or not digest or _has_odd_parameters(way, kind):
            return False
        if kind == _RSA:
            numbers = _pair(read_der(self._key.part(1).bits))
            return signed_by_rsa(numbers[0].number, numbers[1].number, digest, message, signature)
        curve, point = CURVES.get(parameters[0].oid if parameters else ""), self._key.part(1).bits
        if curve is None or point[:1] != b"\4" or len(point) % 2 == 0:
            return False
        half = len(point) // 2
        x, y = (int.from_bytes(each, "big") for each in (point[1 : 1 + half], point[1 + half :]))
        r, s = _pair(read_der(signature))
        return signed_by_ecdsa(curve, x, y, digest, message, r.number, s.number)


@lru_cache(64)
def _certificate(raw: bytes) -> _Certificate:
    """Most tokens of a pack carry the same."""
    return _Certificate(raw)


@lru_cache(256)
def _is_by(one: _Certificate, issuer: _Certificate) -> bool:
    """Whether ``one`` names ``issuer`` and was signed by it."""
    named = one.issuer.raw == issuer.subject.raw
    return named and issuer.signed(one.way, "", one.told.raw, one.signature)


def certificates_in(data: bytes) -> Sequence[bytes]:
    """Those of a file in PEM, or the one that it is in DER. Raises :class:`Bad` where there is none."""
    found = [b64decode(each) for each in _PEM.findall(data)] or [data]
    for each in found:
        _certificate(each)
    return found


def stamped(token: bytes, digest: bytes, trusted: Sequence[bytes] = ()) -> Stamped:
    """What a token says of ``digest``, SHA-256. Its signer has to be among the ``trusted`` certificates, or below one, unless there are none. Raises :class:`Bad`."""
    outer = read_der(token)
    kind, wrapped = _pair(outer)
    if outer.tag != SEQUENCE or kind.oid != _SIGNED_DATA or wrapped.tag != 0xA0 or len(wrapped.parts) != 1:
        raise Bad("it is no signed data")
    data = wrapped.part(0, SEQUENCE)
    if [each.tag for each in data.parts] != [INTEGER, SET, SEQUENCE, 0xA0, SET]:
        raise Bad("it has not the parts of a timestamp with its certificates, or more than these")
    version, digests, carried, certificates, signers = data.parts
    info = _info_of(carried)
    if version.number != 3 or len(signers.parts) != 1:
        raise Bad("it is of another version, or has not one signer")
    at, serial, nonce = _told(info, digest)
    known = [_certificate(each.raw) for each in certificates.parts]
    signer = _signer_of(signers.part(0, SEQUENCE), digests, info, known)
    if not signer.is_for_timestamps or not signer.was_valid(at):
        raise Bad("the certificate of its signer is for something else, or was not valid then")
    chain = _chain_of(signer, known, at)
    above = [_certificate(each) for each in trusted]
    vouching = next((each for each in above for one in chain if _vouches(each, one, at)), None)
    if trusted and vouching is None:
        raise Bad("no certificate that is trusted vouches for its signer")
    return Stamped(at, serial, nonce, signer.raw, vouching.raw if vouching else None)


def _info_of(carried: Value) -> bytes:
    kind, wrapped = _pair(carried)
    if kind.oid != _TST_INFO or wrapped.tag != 0xA0 or len(wrapped.parts) != 1:
        raise Bad("it holds no timestamp")
    return wrapped.part(0, OCTETS).body


def _told(info: bytes, digest: bytes) -> tuple[datetime, int, int | None]:
    """The time, the number and the nonce of a timestamp of ``digest``."""
    told = read_der(info)
    imprint = told.part(2, SEQUENCE)
    if _DIGESTS.get(imprint.part(0, SEQUENCE).part(0).oid) != "sha256" or imprint.part(1, OCTETS).body != digest:
        raise Bad("it is of something else")
    # After the time: accuracy, ordering, nonce; the nonce is the only whole number among them.
    nonce = next((each.number for each in told.parts[5:] if each.tag == INTEGER), None)
    return _time_of(told.part(4, TIME)), told.part(3, INTEGER).number, nonce


def _signer_of(said: Value, digests: Value, info: bytes, known: Sequence[_Certificate]) -> _Certificate:
    """The certificate whose key signed."""
    if [each.tag for each in said.parts] != [INTEGER, SEQUENCE, SEQUENCE, 0xA0, SEQUENCE, OCTETS]:
        raise Bad("its signer says less than has to be said, or more than was signed")
    version, named, hashing, attributes, way, signature = said.parts
    digest = _DIGESTS.get(hashing.part(0).oid)
    if version.number != 1 or digest is None or digests.body != hashing.raw or _has_odd_parameters(hashing, _RSA):
        raise Bad("it uses a digest that is not known")
    signed = {each.part(0).oid: each.part(1, SET).part(0) for each in attributes.parts}
    if _MESSAGE_DIGEST not in signed or signed[_MESSAGE_DIGEST].body != hashlib.new(digest, info).digest():
        raise Bad("its content was changed")
    if _CONTENT_TYPE not in signed or signed[_CONTENT_TYPE].oid != _TST_INFO:
        raise Bad("its content is of another type")
    issuer, serial = (each.raw for each in _pair(named))
    signer = next((each for each in known if (each.issuer.raw, each.serial.raw) == (issuer, serial)), None)
    if signer is None or not _is_named_in(signed, signer.raw):
        raise Bad("the certificate of its signer is missing, or another")
    # Signed as a set (RFC 5652, section 5.4).
    if not signer.signed(way, digest, b"\x31" + attributes.raw[1:], signature.body):
        raise Bad(
            "it is not signed by its certificate, or in a way that is not known here: openssl ts -verify knows more"
        )
    return signer


def _is_named_in(signed: Mapping[str, Value], certificate: bytes) -> bool:
    """Whether the signed attributes name this certificate by its hash (RFC 5816)."""
    if (named := signed.get(_CERTIFICATE_V2)) is not None:
        said = named.part(0, SEQUENCE).part(0, SEQUENCE)
        hashing = said.tagged(SEQUENCE) if said.part(0).tag == SEQUENCE else None
        digest = _DIGESTS.get(hashing.part(0).oid, "") if hashing else "sha256"
        hashed = said.part(1 if hashing else 0, OCTETS).body
        return bool(digest) and hashed == hashlib.new(digest, certificate).digest()
    if (named := signed.get(_CERTIFICATE)) is not None:
        first = named.part(0, SEQUENCE).part(0, SEQUENCE).part(0, OCTETS)
        return first.body == hashlib.sha1(certificate, usedforsecurity=False).digest()
    return False


def _chain_of(signer: _Certificate, known: Sequence[_Certificate], at: datetime) -> Sequence[_Certificate]:
    """From the signer upwards, as far as the token goes. Each certificate in it has its place there, and the last holds by itself if it says that it is its own
    issuer."""
    chain, left = [signer], [each for each in known if each is not signer]
    while left:
        above = next((each for each in left if each.issued(chain[-1]) and each.was_valid(at)), None)
        if above is None:
            raise Bad("it carries a certificate that did not issue the one below it")
        chain.append(above)
        left.remove(above)
    last = chain[-1]
    if last.issuer.raw == last.subject.raw and not last.holds_by_itself:
        raise Bad("the last certificate that it carries was changed")
    return chain


def _vouches(trusted: _Certificate, for_: _Certificate, at: datetime) -> bool:
    if trusted.raw == for_.raw:
        return True
    is_whole = trusted.issuer.raw != trusted.subject.raw or trusted.holds_by_itself
    return is_whole and trusted.was_valid(at) and trusted.issued(for_)


def _has_odd_parameters(algorithm: Value, kind: str) -> bool:
    """RSA and digests have none, or ``NULL``; ECDSA has none."""
    parameters = algorithm.parts[1:]
    return bool(parameters) and (kind != _RSA or len(parameters) > 1 or parameters[0].raw != b"\5\0")


def _of_three(value: Value) -> tuple[Value, Value, Value]:
    parts = value.parts
    if value.tag != SEQUENCE or len(parts) != 3 or (parts[0].tag, parts[1].tag) != (SEQUENCE, SEQUENCE):
        raise Bad("it holds something in place of a certificate")
    return parts[0], parts[1], parts[2]


def _pair(value: Value) -> tuple[Value, Value]:
    parts = value.parts
    if len(parts) != 2:
        raise Bad("it is not written as its standard has it")
    return parts[0], parts[1]


def _time_of(value: Value) -> datetime:
    text = value.body.decode("ascii", "replace")
    # Two digits of a year are of 1950 to 2049 (RFC 5280, section 4.1.2.5.1).
    whole = ("19" if text >= "50" else "20") + text if value.tag == UTC_TIME else text
    for form in ("%Y%m%d%H%M%SZ", "%Y%m%d%H%M%S.%fZ"):
        try:
            return datetime.strptime(whole, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise Bad("it holds a time that cannot be read")
