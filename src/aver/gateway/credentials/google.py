"""Who Aver is to Google: tokens for a service account, for a person's own credentials, or for this machine.

References: https://developers.google.com/identity/protocols/oauth2/service-account and
https://cloud.google.com/compute/docs/access/authenticate-workloads.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from aver.core.clock import Clock
from aver.core.errors import ProviderDenied, ProviderError
from aver.gateway.credentials.asking import Answer, ask, check_address
from aver.gateway.credentials.types import Fetched

__all__ = ["GoogleTokens"]

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_TOKENS = "https://oauth2.googleapis.com/token"
_METADATA = "/computeMetadata/v1/instance/service-accounts/default/token"
_REREAD = 60.0
_LIFETIME = 3600
"""Seconds; Google signs no longer ones."""


class GoogleTokens:
    """``given`` yields the text of a credentials file, or a token itself. Without it, the file that ``GOOGLE_APPLICATION_CREDENTIALS``
    names is used, then the metadata service of this machine."""

    def __init__(
        self, environment: Mapping[str, str], clock: Clock, given: Callable[[], Awaitable[str]] | None = None
    ) -> None:
        self._environment = environment
        self._clock = clock
        self._given = given

    async def fetch(self) -> Fetched[str]:
        text = await self._given() if self._given else self._of_file()
        if text is None:
            return await self._of_machine()
        if not text.startswith("{"):
            return Fetched(text, refresh=_REREAD)
        try:
            account = orjson.loads(text)
            kind = account["type"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise ProviderDenied(
                "Google's credentials are no JSON with a type", "Use the file as Google made it."
            ) from None
        match kind:
            case "service_account":
                return await self._of_account(account)
            case "authorized_user":
                return await self._of_person(account)
        raise ProviderDenied(
            f"Google's credentials are of the type {str(kind)[:40]!r}", "Use those of a service account."
        )

    def _of_file(self) -> str | None:
        path = self._environment.get("GOOGLE_APPLICATION_CREDENTIALS")
        if not path:
            return None
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ProviderDenied(f"{path} cannot be read", "Check GOOGLE_APPLICATION_CREDENTIALS.") from error

    async def _of_account(self, account: Mapping[str, Any]) -> Fetched[str]:
        try:
            key = load_pem_private_key(account["private_key"].encode(), None)
            issuer, url = account["client_email"], account.get("token_uri") or _TOKENS
        except (AttributeError, KeyError, TypeError, ValueError, UnsupportedAlgorithm):
            raise ProviderDenied("The service account's file has no key that can be read", "Make a new one.") from None
        if not isinstance(key, RSAPrivateKey):
            raise ProviderDenied("The service account's key is not RSA", "Make a new one.")
        now = int(self._clock.now().timestamp())
        claims = {"iss": issuer, "scope": _SCOPE, "aud": url, "iat": now, "exp": now + _LIFETIME}
        header = {"alg": "RS256", "typ": "JWT", "kid": account.get("private_key_id")}
        told = _coded(orjson.dumps(header)) + b"." + _coded(orjson.dumps(claims))
        assertion = told + b"." + _coded(key.sign(told, PKCS1v15(), SHA256()))
        return await self._exchange(url, {"grant_type": _GRANT, "assertion": assertion.decode()})

    async def _of_person(self, account: Mapping[str, Any]) -> Fetched[str]:
        form = {name: str(account.get(name, "")) for name in ("client_id", "client_secret", "refresh_token")}
        return await self._exchange(account.get("token_uri") or _TOKENS, {"grant_type": "refresh_token", **form})

    async def _exchange(self, url: str, form: Mapping[str, str]) -> Fetched[str]:
        check_address(url, "Google's token")
        return _token(await ask("Google's token service", "POST", url, data=form))

    async def _of_machine(self) -> Fetched[str]:
        host = self._environment.get("GCE_METADATA_HOST", "metadata.google.internal")
        try:
            answer = await ask(
                "Google's metadata", "GET", f"http://{host}{_METADATA}", headers={"Metadata-Flavor": "Google"}
            )
        except ProviderError as error:
            raise ProviderDenied(
                "There are no credentials for Google, and this is none of its machines",
                "Name a service account's file as the credential, or in GOOGLE_APPLICATION_CREDENTIALS.",
            ) from error
        return _token(answer)


def _token(answer: Answer) -> Fetched[str]:
    answer.check("a token")
    said = answer.json()
    token, seconds = said.get("access_token"), said.get("expires_in")
    if not isinstance(token, str) or not token:
        raise ProviderError(f"{answer.who} answered without a token", "Check the account.")
    return Fetched.for_seconds(token, float(seconds or 300))


def _coded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
