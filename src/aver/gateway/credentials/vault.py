"""HashiCorp Vault: ``vault:MOUNT/PATH#FIELD``.

Reference: https://developer.hashicorp.com/vault/api-docs/secret/kv. Read from the environment as Vault's own tools do: ``VAULT_ADDR``,
``VAULT_TOKEN`` or ``VAULT_TOKEN_FILE`` or ``~/.vault-token``, ``VAULT_NAMESPACE``, ``VAULT_CACERT``.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aver.core.errors import ProviderDenied
from aver.gateway.credentials.asking import Answer, ask, check_address
from aver.gateway.credentials.fields import field_of
from aver.gateway.credentials.types import Fetched, Reference

__all__ = ["Vault"]

_REFRESH = 300.0
"""Seconds after which a secret without a lease is read again."""


class Vault:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    async def fetch(self, reference: Reference) -> Fetched[str]:
        path, version = await self._mounted(reference.place)
        answer = await self._read(path)
        answer.check(str(reference))
        said = answer.json()
        data = said.get("data")
        if version == 2 and isinstance(data, dict):
            data = data.get("data")
        if not isinstance(data, dict):
            raise ProviderDenied(f"{reference} is deleted or empty", "Write it again, or correct the reference.")
        return _with_lease(field_of(data, reference), said)

    async def _mounted(self, place: str) -> tuple[str, int]:
        """``(path below /v1/, version of the key-value engine)``."""
        answer = await self._read(f"sys/internal/ui/mounts/{quote(place)}")
        if answer.status == 200:
            mount = answer.json().get("data") or {}
            prefix = str(mount.get("path", "")).strip("/")
            version = 2 if str((mount.get("options") or {}).get("version")) == "2" else 1
        else:
            # Not every policy lets a token ask where a path is mounted: the newer engine at its first segment is the common case.
            prefix, version = place.partition("/")[0], 2
        rest = place.removeprefix(prefix).strip("/")
        return f"{quote(prefix)}/data/{quote(rest)}" if version == 2 else quote(f"{prefix}/{rest}"), version

    async def _read(self, path: str) -> Answer:
        address = self._environment.get("VAULT_ADDR", "").rstrip("/")
        if not address:
            raise ProviderDenied("VAULT_ADDR is not set", "Set it to Vault's address.")
        check_address(address, "Vault")
        headers = {"X-Vault-Token": self._token(), "X-Vault-Request": "true"}
        if namespace := self._environment.get("VAULT_NAMESPACE"):
            headers["X-Vault-Namespace"] = namespace
        authority = self._environment.get("VAULT_CACERT")
        context = ssl.create_default_context(cafile=authority) if authority else None
        return await ask("Vault", "GET", f"{address}/v1/{path}", headers=headers, ssl=context)

    def _token(self) -> str:
        if token := self._environment.get("VAULT_TOKEN", "").strip():
            return token
        home = self._environment.get("HOME", "")
        file = Path(self._environment.get("VAULT_TOKEN_FILE") or Path(home, ".vault-token"))
        try:
            return file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ProviderDenied(
                f"There is no token for Vault: {file} cannot be read", "Set VAULT_TOKEN or VAULT_TOKEN_FILE."
            ) from error


def _with_lease(value: str, said: Mapping[str, Any]) -> Fetched[str]:
    lease = float(said.get("lease_duration") or 0)
    if said.get("lease_id") and lease:
        return Fetched(value, lease * 2 / 3, lease)  # made for Aver alone, and gone with its lease
    return Fetched(value, min(lease, _REFRESH) if lease else _REFRESH)
