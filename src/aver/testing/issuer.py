"""An OpenID Connect provider on 127.0.0.1: real codes, PKCE, keys that rotate and signatures; and every lie that a test wants it to tell.

::

    with Issuer() as issuer:
        issuer.people["ann"] = {"groups": ["staff"]}
        issuer.user = "ann"                # who is signed in there
        issuer.rotate()                    # sign with a new key, withdraw the old one
        issuer.tell = lambda claims: {**claims, "aud": "another"}
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from aver.testing.fakes.sources.serving import Answer, Asked, FakeService

__all__ = ["Issuer", "SigningKey"]

_PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class SigningKey:
    """A key of the issuer's, for one algorithm: RS256, ES256 or EdDSA."""

    def __init__(self, algorithm: str = "ES256") -> None:
        self.algorithm = algorithm
        self.id = secrets.token_hex(4)
        self.private: _PrivateKey
        if algorithm == "RS256":
            self.private = rsa.generate_private_key(65537, 2048)
        elif algorithm == "ES256":
            self.private = ec.generate_private_key(ec.SECP256R1())
        else:
            self.private = ed25519.Ed25519PrivateKey.generate()

    def public(self) -> dict[str, Any]:
        """As a JWK."""
        named = {"kid": self.id, "use": "sig", "alg": self.algorithm}
        if isinstance(self.private, rsa.RSAPrivateKey):
            rsa_numbers = self.private.public_key().public_numbers()
            return {"kty": "RSA", "n": _number(rsa_numbers.n), "e": _number(rsa_numbers.e), **named}
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            point = self.private.public_key().public_numbers()
            return {"kty": "EC", "crv": "P-256", "x": _number(point.x, 32), "y": _number(point.y, 32), **named}
        return {"kty": "OKP", "crv": "Ed25519", "x": encoded(self.private.public_key().public_bytes_raw()), **named}

    def token(self, claims: Mapping[str, Any], **header: Any) -> str:
        """``claims``, signed; ``header`` is what it says in place of the truth."""
        told = {"alg": self.algorithm, "kid": self.id, "typ": "JWT", **header}
        signed = ".".join(encoded(json.dumps(part).encode()) for part in (told, claims))
        return f"{signed}.{encoded(self._sign(signed.encode()))}"

    def _sign(self, message: bytes) -> bytes:
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(message, padding.PKCS1v15(), SHA256())
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            return b"".join(
                each.to_bytes(32) for each in decode_dss_signature(self.private.sign(message, ec.ECDSA(SHA256())))
            )
        return self.private.sign(message)


class Issuer(FakeService):
    """One client may use it: ``aver``, with the secret ``client_secret``. Whoever is :attr:`user` is signed in there, and consents."""

    def __init__(self, client_secret: str = "a-client-secret") -> None:  # noqa: S107 - a fake's
        super().__init__()
        self.client, self.client_secret = "aver", client_secret
        self.user = ""
        self.people: dict[str, dict[str, Any]] = {}
        self.keys = [SigningKey()]
        self.in_user_info: set[str] = set()
        """Claims that are kept out of ID tokens."""
        self.tell: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
        """What becomes of an ID token's claims before they are signed."""
        self.sign: Callable[[dict[str, Any]], str] = self._signed
        self._codes: dict[str, tuple[str, Mapping[str, str]]] = {}
        self._tokens: dict[str, str] = {}

    def rotate(self, algorithm: str = "ES256") -> None:
        """Sign with a new key from now on, and publish that one alone."""
        self.keys = [SigningKey(algorithm)]

    def _signed(self, claims: dict[str, Any]) -> str:
        return self.keys[0].token(claims)

    def claims(self, user: str) -> dict[str, Any]:
        """What is known of somebody."""
        return {"sub": f"subject-{user}", "preferred_username": user, "name": user.title(), **self.people.get(user, {})}

    def answer(self, asked: Asked) -> Answer:
        pages: dict[str, Callable[[Asked], Answer]] = {
            "/.well-known/openid-configuration": self._discovery,
            "/authorize": self._authorize,
            "/token": self._token,
            "/userinfo": self._user_info,
            "/keys": lambda _: Answer({"keys": [key.public() for key in self.keys]}),
        }
        page = pages.get(asked.path)
        return page(asked) if page else Answer({"error": "not_found"}, 404)

    def _discovery(self, _: Asked) -> Answer:
        return Answer(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "jwks_uri": f"{self.url}/keys",
                "authorization_response_iss_parameter_supported": True,
            }
        )

    def _authorize(self, asked: Asked) -> Answer:
        query = asked.query
        told: dict[str, str] = {"state": query.get("state", ""), "iss": self.url}
        if query.get("client_id") != self.client or query.get("code_challenge_method") != "S256":
            return Answer({"error": "invalid_request"}, 400)
        if not self.user:
            told["error"] = "access_denied"
        else:
            told["code"] = code = secrets.token_urlsafe(16)
            self._codes[code] = (self.user, query)
        return Answer(b"", 302, {"Location": f"{query['redirect_uri']}?{urlencode(told)}"})

    def _token(self, asked: Asked) -> Answer:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        scheme, _, pair = asked.headers.get("authorization", "").partition(" ")
        said = [unquote(each) for each in b64decode(pair).decode().split(":")] if scheme == "Basic" else []
        if said != [self.client, self.client_secret]:
            return Answer({"error": "invalid_client"}, 401)
        user, query = self._codes.pop(form.get("code", ""), ("", {}))
        challenge = encoded(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if not user or query["code_challenge"] != challenge or query["redirect_uri"] != form.get("redirect_uri"):
            return Answer({"error": "invalid_grant"}, 400)
        access = secrets.token_urlsafe(16)
        self._tokens[access] = user
        now = int(time.time())
        claims = {name: value for name, value in self.claims(user).items() if name not in self.in_user_info}
        moments = {"iat": now, "exp": now + 300}
        claims |= {"iss": self.url, "aud": self.client, "nonce": query.get("nonce"), **moments}
        return Answer({"access_token": access, "token_type": "Bearer", "id_token": self.sign(self.tell(claims))})

    def _user_info(self, asked: Asked) -> Answer:
        user = self._tokens.get(asked.headers.get("authorization", "").removeprefix("Bearer "))
        return Answer(self.claims(user)) if user else Answer({"error": "invalid_token"}, 401)


def encoded(data: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def _number(value: int, length: int = 0) -> str:
    return encoded(value.to_bytes(length or (value.bit_length() + 7) // 8))
