"""ID tokens, believed only when everything about them holds.

RFC 7515 (JWS, compact serialisation), RFC 7517 (keys), RFC 7518 (algorithms), RFC 8725 (best practice), OpenID Connect Core 1.0,
3.1.3.7. What a token says of itself never chooses how it is checked: its algorithm has to be one of a fixed list, all of them
signatures with a private key, and the key has to be of that algorithm's kind.
"""

from __future__ import annotations

import binascii
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from aver.core.errors import Unauthenticated

__all__ = ["ALGORITHMS", "LEEWAY", "Forged", "Jwk", "TokenRefused", "UnknownKey", "claims_of", "public_keys"]

LEEWAY = 60
"""Seconds by which two clocks may differ."""
_LONGEST = 32_768
"""Characters of a token worth looking at."""
_OLDEST = 600
"""Seconds since a token was issued: it was asked for a moment ago."""
_LONGEST_SUBJECT = 255
_SHORTEST_RSA = 2048
"""Bits (RFC 7518, 3.3)."""

_RSA: Mapping[str, HashAlgorithm] = {"RS256": SHA256(), "RS384": SHA384(), "RS512": SHA512()}
_PSS: Mapping[str, HashAlgorithm] = {"PS256": SHA256(), "PS384": SHA384(), "PS512": SHA512()}
_CURVES: Mapping[str, tuple[HashAlgorithm, str]] = {
    "ES256": (SHA256(), "secp256r1"),
    "ES384": (SHA384(), "secp384r1"),
    "ES512": (SHA512(), "secp521r1"),
}
_NAMES: Mapping[str, Callable[[], ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1,
    "P-384": ec.SECP384R1,
    "P-521": ec.SECP521R1,
}
ALGORITHMS = (*_RSA, *_PSS, *_CURVES, "EdDSA")
"""What a token may be signed with. ``none`` and everything with a shared secret are not among them."""

_PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


class TokenRefused(Unauthenticated):
    """A token is not what it has to be; the cause says in which way."""

    slug = "token-refused"

    def __init__(self, cause: str) -> None:
        super().__init__(cause, "Sign in again; if it happens again, tell whoever runs Aver.")


class Forged(TokenRefused):
    """Its signature is not the issuer's."""


class UnknownKey(TokenRefused):
    """It names a key that the issuer does not publish, or not yet as far as is known here."""


@dataclass(frozen=True, slots=True)
class Jwk:
    """A public key that an issuer signs with. ``algorithm`` is empty where it does not say for which."""

    id: str
    algorithm: str
    key: _PublicKey


def public_keys(document: object) -> list[Jwk]:
    """The signature keys of a JWK Set; what is for anything else, unknown or malformed is left out."""
    listed = document.get("keys") if isinstance(document, Mapping) else None
    found = []
    for each in listed if isinstance(listed, list) else []:
        if not isinstance(each, Mapping) or each.get("use") not in (None, "sig"):
            continue
        try:
            key = _public_key(each)
        except (KeyError, TypeError, ValueError, UnsupportedAlgorithm):
            continue
        if key is not None:
            found.append(Jwk(str(each.get("kid") or ""), str(each.get("alg") or ""), key))
    return found


def claims_of(
    token: str, keys: Sequence[Jwk], *, issuer: str, audience: str, nonce: str, now: float
) -> Mapping[str, Any]:
    """What an ID token says, when one of ``keys`` signed it, it is ``issuer``'s, for ``audience``, for the sign-in with this ``nonce``, and
    of ``now`` (seconds since 1970).

    Raises :class:`UnknownKey` where none of the keys is the one that it names, :class:`Forged`, and :class:`TokenRefused`.
    """
    claims = _signed(token, keys)
    if claims.get("iss") != issuer:
        raise TokenRefused("The token is another issuer's")
    _check_audience(claims, audience)
    _check_time(claims, now)
    said = claims.get("nonce")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
        raise TokenRefused("The token belongs to another sign-in")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
        raise TokenRefused("The token does not say whose it is")
    return claims


def _signed(token: str, keys: Sequence[Jwk]) -> Mapping[str, Any]:
    parts = token.split(".") if len(token) <= _LONGEST else []
    if len(parts) != 3:
        raise TokenRefused("The token is not a signed one")
    try:
        header, claims = (_object(_decoded(part)) for part in parts[:2])
        signature = _decoded(parts[2])
    except (ValueError, RecursionError):
        raise TokenRefused("The token cannot be read") from None
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS:
        raise TokenRefused(f"The token is signed with {str(algorithm)[:20]!r}, which proves nothing")
    if "crit" in header or "b64" in header:
        raise TokenRefused("The token wants something of its reader that Aver does not do")
    named = header.get("kid")
    fitting = [
        each for each in keys if _fits(algorithm, each) and (named is None or hmac.compare_digest(each.id, str(named)))
    ]
    if not fitting:
        raise UnknownKey("The token is signed with a key that its issuer does not publish")
    message = f"{parts[0]}.{parts[1]}".encode()
    if not any(_verifies(algorithm, each.key, signature, message) for each in fitting):
        raise Forged("The signature of the token is not its issuer's")
    return claims


def _check_audience(claims: Mapping[str, Any], audience: str) -> None:
    said = claims.get("aud")
    listed = said if isinstance(said, list) else [said]
    if audience not in listed:
        raise TokenRefused("The token is for another client")
    party = claims.get("azp")
    if party != audience and (party is not None or len(listed) > 1):
        raise TokenRefused("The token was issued to another client")


def _check_time(claims: Mapping[str, Any], now: float) -> None:
    expires, issued, begins = (_moment(each) for each in (claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)))
    if now >= expires + LEEWAY:
        raise TokenRefused("The token has expired")
    if begins > now + LEEWAY or issued > now + LEEWAY:
        raise TokenRefused("The token is of the future")
    if issued < now - _OLDEST - LEEWAY:
        raise TokenRefused("The token was issued long ago")


def _moment(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TokenRefused("The token does not say when it is valid")
    return value


def _fits(algorithm: str, key: Jwk) -> bool:
    if key.algorithm not in ("", algorithm):
        return False
    if algorithm in _RSA or algorithm in _PSS:
        return isinstance(key.key, rsa.RSAPublicKey) and key.key.key_size >= _SHORTEST_RSA
    if algorithm in _CURVES:
        return isinstance(key.key, ec.EllipticCurvePublicKey) and key.key.curve.name == _CURVES[algorithm][1]
    return isinstance(key.key, ed25519.Ed25519PublicKey)


def _verifies(algorithm: str, key: _PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        if isinstance(key, rsa.RSAPublicKey) and algorithm in _RSA:
            key.verify(signature, message, padding.PKCS1v15(), _RSA[algorithm])
        elif isinstance(key, rsa.RSAPublicKey):
            digest = _PSS[algorithm]
            key.verify(signature, message, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            half = (key.curve.key_size + 7) // 8
            if len(signature) != 2 * half:
                return False
            numbers = (int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
            key.verify(encode_dss_signature(*numbers), message, ec.ECDSA(_CURVES[algorithm][0]))
        else:
            key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _public_key(jwk: Mapping[str, Any]) -> _PublicKey | None:
    kind = jwk["kty"]
    if kind == "RSA":
        return rsa.RSAPublicNumbers(_number(jwk["e"]), _number(jwk["n"])).public_key()
    if kind == "EC" and jwk["crv"] in _NAMES:
        return ec.EllipticCurvePublicNumbers(_number(jwk["x"]), _number(jwk["y"]), _NAMES[jwk["crv"]]()).public_key()
    if kind == "OKP" and jwk["crv"] == "Ed25519":
        return ed25519.Ed25519PublicKey.from_public_bytes(_decoded(jwk["x"]))
    return None


def _number(text: str) -> int:
    return int.from_bytes(_decoded(text))


def _decoded(text: str) -> bytes:
    """Base64url without padding; ``ValueError`` for anything else, white space and a second way of writing the same included."""
    try:
        decoded = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise ValueError("not base64url") from None
    if urlsafe_b64encode(decoded).decode().rstrip("=") != text:
        raise ValueError("not base64url, or not as it is written")
    return decoded


def _object(data: bytes) -> Mapping[str, Any]:
    found = json.loads(data, object_pairs_hook=_once, parse_constant=_no_number)
    if not isinstance(found, dict):
        raise ValueError("not an object")  # noqa: TRY004 - what is wrong is the text
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name given twice: two readers could believe two things."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_number(name: str) -> None:
    """``NaN`` is less and more than nothing: a moment that is none would never have passed."""
    raise ValueError(f"{name} is no number")
