"""How a provider is entered: where its credential comes from, and whether it is there now. Never its value."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aver.core.errors import AverError

if TYPE_CHECKING:
    from aver.gateway.config.types import ProviderConfig
    from aver.gateway.credentials import Secrets

__all__ = ["Entrance", "entrances", "is_here"]

_AMBIENT = {
    "bedrock": "AWS: environment, profile, role",
    "vertex": "Google: application default",
    "azure": "Entra: application or identity",
}
_HERE = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Entrance:
    """``there`` is ``None`` where nothing is needed or asked for; ``problem`` says why it is not there."""

    source: str
    there: bool | None
    problem: str = ""


def entrances(providers: Iterable[ProviderConfig], environment: Mapping[str, str]) -> dict[str, Entrance]:
    """By provider. Secrets in another keeper (Vault, a cloud) are asked for there, as a call would; all at once."""
    return asyncio.run(_entrances(tuple(providers), environment))


async def _entrances(providers: tuple[ProviderConfig, ...], environment: Mapping[str, str]) -> dict[str, Entrance]:
    from aver.gateway.credentials import Secrets

    secrets = Secrets(environment)
    found = await asyncio.gather(*(_entrance(provider, secrets) for provider in providers))
    return {provider.name: entrance for provider, entrance in zip(providers, found, strict=True)}


async def _entrance(provider: ProviderConfig, secrets: Secrets) -> Entrance:
    from aver.gateway.credentials import signer
    from aver.gateway.wire.types import HttpRequest

    source = provider.credential or _AMBIENT.get(provider.kind, "")
    if not source:
        return Entrance("", None)
    try:
        await signer(provider, secrets.environment, secrets=secrets).sign(HttpRequest(provider.base_url, b""))
    except AverError as error:
        return Entrance(source, False, f"{error.cause}. {error.next_step}")
    return Entrance(source, True)


def is_here(provider: ProviderConfig) -> bool:
    """Whether it is served on this very machine."""
    return urlsplit(provider.base_url).hostname in _HERE
