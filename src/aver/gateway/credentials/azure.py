"""Who Aver is to Microsoft Entra: an application by secret or federated token, or this machine's managed identity.

References: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow and
https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token. The variables are those that
Microsoft's own libraries read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

from aver.core.clock import Clock
from aver.core.errors import ProviderDenied, ProviderError
from aver.gateway.credentials.asking import Answer, ask, check_address
from aver.gateway.credentials.types import Fetched

__all__ = ["EntraTokens"]

_AUTHORITY = "https://login.microsoftonline.com"
_MACHINE = "http://169.254.169.254"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class EntraTokens:
    """Tokens for ``resource``, such as ``https://vault.azure.net``."""

    def __init__(self, environment: Mapping[str, str], clock: Clock, resource: str) -> None:
        self._environment = environment
        self._clock = clock
        self._resource = resource

    async def fetch(self) -> Fetched[str]:
        get = self._environment.get
        tenant, client = get("AZURE_TENANT_ID"), get("AZURE_CLIENT_ID", "")
        if tenant and client and (secret := get("AZURE_CLIENT_SECRET")):
            return await self._of_application(tenant, {"client_id": client, "client_secret": secret})
        if tenant and client and (file := get("AZURE_FEDERATED_TOKEN_FILE")):
            try:
                assertion = Path(file).read_text(encoding="utf-8").strip()  # noqa: ASYNC240 - some bytes
            except OSError as error:
                raise ProviderDenied(f"{file} cannot be read", "Check AZURE_FEDERATED_TOKEN_FILE.") from error
            form = {"client_id": client, "client_assertion_type": _ASSERTION, "client_assertion": assertion}
            return await self._of_application(tenant, form)
        return await self._of_machine(client)

    async def _of_application(self, tenant: str, form: Mapping[str, str]) -> Fetched[str]:
        authority = self._environment.get("AZURE_AUTHORITY_HOST", _AUTHORITY).rstrip("/")
        check_address(authority, "Entra's token")
        asked = {"grant_type": "client_credentials", "scope": f"{self._resource}/.default", **form}
        url = f"{authority}/{quote(tenant)}/oauth2/v2.0/token"
        return self._token(await ask("Microsoft Entra", "POST", url, data=asked))

    async def _of_machine(self, client: str) -> Fetched[str]:
        get = self._environment.get
        asked = {"resource": self._resource} | ({"client_id": client} if client else {})
        if endpoint := get("IDENTITY_ENDPOINT"):
            headers = {"X-IDENTITY-HEADER": get("IDENTITY_HEADER", "")}
            url = f"{endpoint}?{urlencode({'api-version': '2019-08-01', **asked})}"
        else:
            headers = {"Metadata": "true"}
            host = get("AZURE_POD_IDENTITY_AUTHORITY_HOST", _MACHINE).rstrip("/")
            url = f"{host}/metadata/identity/oauth2/token?{urlencode({'api-version': '2018-02-01', **asked})}"
        try:
            answer = await ask("Azure's managed identity", "GET", url, headers=headers)
        except ProviderError as error:
            raise ProviderDenied(
                "There are no credentials for Azure, and this machine has no managed identity",
                "Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.",
            ) from error
        return self._token(answer)

    def _token(self, answer: Answer) -> Fetched[str]:
        answer.check("a token")
        said = answer.json()
        token = said.get("access_token")
        try:
            seconds = float(said["expires_in"]) if "expires_in" in said else self._until(float(said["expires_on"]))
        except (KeyError, TypeError, ValueError):
            seconds = math.nan
        if not isinstance(token, str) or not token or math.isnan(seconds):
            raise ProviderError(f"{answer.who} answered without a token", "Check the identity.")
        return Fetched.for_seconds(token, seconds)

    def _until(self, moment: float) -> float:
        return moment - self._clock.now().timestamp()
