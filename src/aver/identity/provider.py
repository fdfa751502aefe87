"""An OpenID Connect provider, as a client that uses the authorization code flow with PKCE.

OpenID Connect Core 1.0 and Discovery 1.0, RFC 7636 (PKCE, S256 alone), RFC 9207 (the issuer in the answer), RFC 9700 (best practice).
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import urllib3

from aver.core.clock import Clock
from aver.core.errors import Unavailable
from aver.identity.declaration import SignIn, is_private
from aver.identity.tokens import Forged, Jwk, TokenRefused, UnknownKey, claims_of, public_keys

__all__ = ["Asked", "Provider", "ProviderFailed"]

_KEPT = 300.0
"""Seconds for which a provider's addresses and keys are believed without asking again: how long a withdrawn key may still serve."""
_PAUSE = 5.0
"""Seconds between two looks for keys, so that tokens with invented keys do not make Aver ask on and on; and after one that failed."""
_TIMEOUT = urllib3.Timeout(connect=5, read=10)
_AT_ONCE, _PATIENCE = 2, 2.0
"""Requests that one provider is sent at a time, and seconds that others wait for their turn: one that hangs must not hold every thread."""
_LARGEST = 2**20
"""Bytes of an answer."""
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class ProviderFailed(Unavailable):
    """The identity provider does not answer, or not as the protocol has it."""

    slug, status = "identity-provider-failed", 502

    def __init__(self, cause: str) -> None:
        super().__init__(cause, "Try again in a moment; if it lasts, check what is declared: aver identity check.")


@dataclass(frozen=True, slots=True)
class Asked:
    """A sign-in that was begun: what its answer has to match. ``verifier`` is PKCE's secret."""

    state: str
    nonce: str
    verifier: str = field(repr=False)

    @classmethod
    def new(cls) -> Asked:
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))


@dataclass(frozen=True, slots=True)
class _Known:
    """What the provider published, and when it was asked (monotonic seconds)."""

    at: float
    metadata: Mapping[str, Any]
    keys: list[Jwk]


class Provider:
    """One tenant's provider, as declared. ``secret`` gives the client's secret by its reference. Blocking, thread-safe.

    Its methods raise :class:`ProviderFailed`, and :class:`~aver.identity.tokens.TokenRefused` for what it sends that is not believed.
    """

    def __init__(self, declared: SignIn, secret: Callable[[str], str], clock: Clock) -> None:
        self.declared = declared
        self._secret = secret
        self._clock = clock
        self._pool = urllib3.PoolManager(num_pools=4, timeout=_TIMEOUT, retries=False)
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(_AT_ONCE)
        self._known: _Known | None = None
        self._failed: tuple[float, str] | None = None

    def address(self, asked: Asked) -> str:
        """Where to send somebody to sign in."""
        challenge = urlsafe_b64encode(hashlib.sha256(asked.verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "response_type": "code",
            "client_id": self.declared.client_id,
            "redirect_uri": self.declared.redirect,
            "scope": " ".join(self.declared.scopes),
            "state": asked.state,
            "nonce": asked.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = str(self._discover().metadata["authorization_endpoint"])
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    def claims(self, asked: Asked, code: str, issuer: str) -> Mapping[str, Any]:
        """What the provider says of whoever came back with ``code``; ``issuer`` as the answer names it, if it does."""
        metadata = self._discover().metadata
        expected = issuer or not metadata.get("authorization_response_iss_parameter_supported")
        if not expected or issuer not in ("", self.declared.issuer):
            raise TokenRefused("The answer is another issuer's")
        given = self._exchange(metadata, asked, code)
        token = given.get("id_token")
        if not isinstance(token, str):
            raise ProviderFailed("The identity provider sent no ID token")
        claims = dict(self._believed(token, asked.nonce))
        if wanted := [each for each in self._wanted() if each not in claims]:
            more = self._user_info(metadata, given, str(claims["sub"]))
            claims |= {name: more[name] for name in wanted if name in more}
        return claims

    def check(self) -> Mapping[str, Any]:
        """What the provider publishes now, with the count of its keys under ``keys``."""
        known = self._ask()
        return {name: known.metadata[name] for name in ("issuer", *_ENDPOINTS)} | {"keys": len(known.keys)}

    def _believed(self, token: str, nonce: str) -> Mapping[str, Any]:
        """The claims of a token; a key that is not known yet is looked for once, for keys are rotated."""

        def read(keys: list[Jwk]) -> Mapping[str, Any]:
            declared, now = self.declared, self._clock.now().timestamp()
            return claims_of(token, keys, issuer=declared.issuer, audience=declared.client_id, nonce=nonce, now=now)

        known = self._discover()
        try:
            return read(known.keys)
        except (UnknownKey, Forged):
            if self._clock.monotonic() - known.at < _PAUSE:
                raise
            return read(self._discover(newer=known.at).keys)

    def _exchange(self, metadata: Mapping[str, Any], asked: Asked, code: str) -> Mapping[str, Any]:
        declared = self.declared
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": declared.redirect,
            "code_verifier": asked.verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if declared.client_secret:
            # RFC 6749, 2.3.1: each part is form-encoded before it is joined.
            pair = f"{quote(declared.client_id, safe='')}:{quote(self._secret(declared.client_secret), safe='')}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form["client_id"] = declared.client_id
        status, answer = self._fetch("POST", str(metadata["token_endpoint"]), headers, urlencode(form))
        if status == 400 and answer.get("error") == "invalid_grant":
            raise TokenRefused("The identity provider does not know this sign-in, or it was used before")
        if status != 200:
            raise ProviderFailed(f"The identity provider refuses Aver ({_said(answer, status)})")
        return answer

    def _user_info(self, metadata: Mapping[str, Any], given: Mapping[str, Any], subject: str) -> Mapping[str, Any]:
        """The claims that a provider keeps out of its ID tokens."""
        endpoint, token = metadata.get("userinfo_endpoint"), given.get("access_token")
        if not isinstance(endpoint, str) or not isinstance(token, str):
            return {}
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        status, answer = self._fetch("GET", endpoint, headers)
        if status != 200:
            raise ProviderFailed(f"The identity provider does not say who signed in ({_said(answer, status)})")
        if answer.get("sub") != subject:
            raise TokenRefused("The identity provider speaks of somebody else")
        return answer

    def _wanted(self) -> list[str]:
        claims = self.declared.claims
        return [each for each in (claims.user, claims.name, claims.email, claims.groups, claims.roles) if each]

    def _discover(self, newer: float | None = None) -> _Known:
        """What is published, asked for when it is old; with ``newer`` unless it was asked for after that moment."""
        if not self._lock.acquire(timeout=_PATIENCE):
            raise _busy()
        try:
            known, now = self._known, self._clock.monotonic()
            if known is not None and now - known.at < _KEPT and (newer is None or known.at > newer):
                return known
            if self._failed is not None and now - self._failed[0] < _PAUSE:
                raise ProviderFailed(self._failed[1])
            try:
                known = self._known = self._ask()
            except ProviderFailed as error:
                self._failed = now, error.cause
                raise
            return known
        finally:
            self._lock.release()

    def _ask(self) -> _Known:
        at, issuer = self._clock.monotonic(), self.declared.issuer
        status, metadata = self._fetch("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if status != 200:
            raise ProviderFailed(f"The identity provider does not describe itself ({_said(metadata, status)})")
        if metadata.get("issuer") != issuer:
            raise ProviderFailed(f"What answers at {issuer} calls itself {str(metadata.get('issuer'))[:80]!r}")
        for name in (*_ENDPOINTS, "userinfo_endpoint"):
            place = metadata.get(name)
            if (name in _ENDPOINTS or place is not None) and not (isinstance(place, str) and is_private(place)):
                raise ProviderFailed(f"The identity provider names no {name} that can be trusted")
        status, document = self._fetch("GET", str(metadata["jwks_uri"]))
        if status != 200:
            raise ProviderFailed(f"The identity provider does not publish its keys ({_said(document, status)})")
        return _Known(at, metadata, public_keys(document))

    def _fetch(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: str | None = None
    ) -> tuple[int, Mapping[str, Any]]:
        """Status and JSON object of an answer; redirects are not followed, since what is sent is for this address alone."""
        if not self._room.acquire(timeout=_PATIENCE):
            raise _busy()
        try:
            response = self._pool.request(
                method, url, headers=headers, body=body, redirect=False, preload_content=False
            )
            try:
                content = response.read(_LARGEST + 1, decode_content=True)
            finally:
                response.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise ProviderFailed(f"The identity provider cannot be reached ({type(error).__name__})") from None
        finally:
            self._room.release()
        try:
            answer = json.loads(content) if len(content) <= _LARGEST else None
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            if response.status == 200:
                raise ProviderFailed("The identity provider answers with something that is not a JSON object")
            answer = {}
        return response.status, answer


def _busy() -> ProviderFailed:
    return ProviderFailed("The identity provider is slow to answer, and others wait for it")


def _said(answer: Mapping[str, Any], status: int) -> str:
    error = answer.get("error")
    return f"{status} {error[:40]}" if isinstance(error, str) and error.isprintable() else str(status)
