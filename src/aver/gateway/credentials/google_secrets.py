"""Google Secret Manager: ``gcp:projects/P/secrets/S/versions/V#FIELD``; without a version, the latest.

Reference: https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import quote

from aver.core.clock import Clock
from aver.core.errors import ProviderDenied
from aver.gateway.credentials.asking import ask, check_address
from aver.gateway.credentials.fields import field_within
from aver.gateway.credentials.google import GoogleTokens
from aver.gateway.credentials.kept import Kept
from aver.gateway.credentials.types import Fetched, Reference

__all__ = ["GoogleSecrets"]

_ADDRESS = "https://secretmanager.googleapis.com"
_REFRESH = 300.0


class GoogleSecrets:
    """The address can be set in ``CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER``, as for Google's own tools."""

    def __init__(self, environment: Mapping[str, str], clock: Clock) -> None:
        self._address = environment.get("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER", _ADDRESS).rstrip("/")
        self._token = Kept(GoogleTokens(environment, clock).fetch, clock)

    async def fetch(self, reference: Reference) -> Fetched[str]:
        parts = reference.place.split("/")
        if parts[0::2] not in (["projects", "secrets"], ["projects", "secrets", "versions"]) or len(parts) % 2:
            raise ProviderDenied(f"{reference} names no secret of Google", "Write gcp:projects/P/secrets/S/versions/V.")
        place = reference.place if len(parts) == 6 else f"{reference.place}/versions/latest"
        check_address(self._address, "The secret")
        url = f"{self._address}/v1/{quote(place)}:access"
        headers = {"Authorization": f"Bearer {await self._token.get()}"}
        answer = await ask("Google Secret Manager", "GET", url, headers=headers)
        answer.check(str(reference))
        try:
            text = base64.b64decode(answer.json()["payload"]["data"]).decode()
        except (KeyError, TypeError, UnicodeDecodeError, binascii.Error):
            raise ProviderDenied(f"{reference} is no text", "Write the provider's key into it.") from None
        return Fetched(field_within(text, reference), _REFRESH)
