"""Every secret that configuration refers to, kept and refreshed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aver.core.clock import Clock, SystemClock
from aver.gateway.credentials.aws_secrets import AwsSecrets
from aver.gateway.credentials.azure_vault import AzureVault
from aver.gateway.credentials.google_secrets import GoogleSecrets
from aver.gateway.credentials.kept import Kept
from aver.gateway.credentials.local import Environment, File
from aver.gateway.credentials.types import Reference, Source
from aver.gateway.credentials.vault import Vault

__all__ = ["Secrets"]


class Secrets:
    """A :class:`~aver.gateway.credentials.types.SecretSource` over every scheme. ``environment`` tells how the others are reached."""

    def __init__(self, environment: Mapping[str, str], clock: Clock | None = None) -> None:
        self.environment = environment
        self.clock = clock or SystemClock()
        self._kept: dict[str, Kept[str]] = {}
        self._sources: dict[str, Source] = {}

    def kept(self, reference: str, whose: str = "A credential") -> Kept[str]:
        """The secret, to be asked for again and again. Raises :class:`~aver.core.errors.SettingsError` for what is no reference."""
        kept = self._kept.get(reference)
        if kept is None:
            parsed = Reference.parse(reference, whose)
            source = self._source(parsed.scheme)
            kept = self._kept[reference] = Kept(lambda: source.fetch(parsed), self.clock)
        return kept

    async def get(self, reference: str) -> str:
        return await self.kept(reference).get()

    def _source(self, scheme: str) -> Source:
        if scheme not in self._sources:
            self._sources[scheme] = _made(scheme, self.environment, self.clock)
        return self._sources[scheme]


def _made(scheme: str, environment: Mapping[str, str], clock: Clock) -> Source:
    makers: dict[str, Callable[[], Source]] = {
        "env": lambda: Environment(environment),
        "file": File,
        "vault": lambda: Vault(environment),
        "aws": lambda: AwsSecrets(environment, clock),
        "gcp": lambda: GoogleSecrets(environment, clock),
        "azure": lambda: AzureVault(environment, clock),
    }
    return makers[scheme]()
