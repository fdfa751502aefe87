"""Signed in to the console: the API key, sealed in a cookie that only this installation can open.

Nothing is kept on the server. Each request opens the cookie and checks the key again, so that a revoked key ends its
sessions at once and every replica knows every session. The seal is made with a key derived from the tenant's master key and
is bound to the tenant, so a session of one tenant means nothing to another.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from fastapi import Request

from aver.core.clock import Clock, SystemClock
from aver.core.errors import NotFound, Unauthenticated
from aver.core.principal import Principal
from aver.store import Store

__all__ = ["COOKIE", "LIFETIME", "Sessions", "same_origin", "session_principal"]

COOKIE = "aver_session"
LIFETIME = timedelta(hours=12)

_NONCE = 12
"""Bytes of an AES-GCM nonce (NIST SP 800-38D, 5.2.1.1)."""
_LONGEST = 1000
"""Characters of a cookie worth opening."""


class Sessions:
    """Begins and recognises sessions. Blocking."""

    def __init__(self, store: Store, clock: Clock | None = None) -> None:
        self._store = store
        self._clock = clock or SystemClock()

    def begin(self, key: str) -> str:
        """The cookie of a new session for an API key; :class:`~aver.core.errors.Unauthenticated` when it stands for nobody."""
        tenant = self._store.authenticate(key).tenant
        content = json.dumps({"key": key, "ends": (self._clock.now() + LIFETIME).isoformat()}).encode()
        nonce = secrets.token_bytes(_NONCE)
        sealed = nonce + self._seal(tenant).encrypt(nonce, content, tenant.encode())
        return f"{tenant}.{urlsafe_b64encode(sealed).decode()}"

    def principal(self, cookie: str) -> Principal | None:
        """Whom a cookie stands for now: ``None`` when it was tampered with, has ended, or its key was revoked."""
        tenant, _, encoded = cookie[:_LONGEST].partition(".")
        try:
            sealed = urlsafe_b64decode(encoded)
            content = json.loads(self._seal(tenant).decrypt(sealed[:_NONCE], sealed[_NONCE:], tenant.encode()))
            if datetime.fromisoformat(content["ends"]) <= self._clock.now():
                return None
            return self._store.authenticate(content["key"]).principal
        except (ValueError, InvalidTag, NotFound, Unauthenticated):
            return None

    def _seal(self, tenant: str) -> AESGCM:
        derived = HKDF(SHA256(), 32, salt=None, info=b"aver console session").derive(
            self._store.tenant(tenant).master_key()
        )
        return AESGCM(derived)


async def session_principal(request: Request) -> Principal | None:
    """Whom the session of a request stands for. ``None`` without a valid one, and for a request that is not a plain read
    and was not made by this site's own pages: a cookie travels along wherever a request comes from."""
    cookie = request.cookies.get(COOKIE)
    if not cookie or (request.method not in ("GET", "HEAD") and not same_origin(request)):
        return None
    return await asyncio.to_thread(Sessions(request.app.state.application.store).principal, cookie)


def same_origin(request: Request) -> bool:
    """Whether a browser says that a page of this very site made the request.

    ``Sec-Fetch-Site`` decides where it is sent; browsers leave it out over plain HTTP to other machines, and then ``Origin``
    has to name the host that was called. A request with neither is refused.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return urlsplit(request.headers.get("origin", "")).netloc == request.headers.get("host")
