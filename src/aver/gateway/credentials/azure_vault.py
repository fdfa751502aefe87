"""Azure Key Vault: ``azure:https://VAULT.vault.azure.net/secrets/NAME#FIELD``, with a version after the name or without.

Reference: https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from aver.core.clock import Clock
from aver.core.errors import ProviderDenied
from aver.gateway.credentials.asking import ask, check_address
from aver.gateway.credentials.azure import EntraTokens
from aver.gateway.credentials.fields import field_within
from aver.gateway.credentials.kept import Kept
from aver.gateway.credentials.types import Fetched, Reference

__all__ = ["AzureVault"]

_CLOUDS = ("vault.azure.net", "vault.azure.cn", "vault.usgovcloudapi.net")
_VERSION = "7.4"
_REFRESH = 300.0


class AzureVault:
    def __init__(self, environment: Mapping[str, str], clock: Clock) -> None:
        self._environment = environment
        self._clock = clock
        self._tokens: dict[str, Kept[str]] = {}

    async def fetch(self, reference: Reference) -> Fetched[str]:
        address = urlsplit(reference.place)
        if not address.path.startswith("/secrets/") or not address.hostname:
            raise ProviderDenied(
                f"{reference} names no secret of Azure", "Write azure:https://VAULT.vault.azure.net/secrets/NAME."
            )
        check_address(reference.place, str(reference))
        cloud = next((cloud for cloud in _CLOUDS if address.hostname.endswith("." + cloud)), _CLOUDS[0])
        token = self._tokens.get(cloud)
        if token is None:
            tokens = EntraTokens(self._environment, self._clock, f"https://{cloud}")
            token = self._tokens[cloud] = Kept(tokens.fetch, self._clock)
        url = f"{address.scheme}://{address.netloc}{address.path.rstrip('/')}?api-version={_VERSION}"
        headers = {"Authorization": f"Bearer {await token.get()}"}
        answer = await ask("Azure Key Vault", "GET", url, headers=headers)
        answer.check(str(reference))
        return Fetched(field_within(str(answer.json().get("value") or ""), reference), _REFRESH)
