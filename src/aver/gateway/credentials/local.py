"""Secrets of this machine: ``env:NAME`` and ``file:PATH``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aver.core.errors import ProviderDenied
from aver.gateway.credentials.types import Fetched, Reference

__all__ = ["Environment", "File"]

_REREAD = 1.0
"""Seconds after which a file is read again, so that a rotated key is in force."""


class Environment:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    async def fetch(self, reference: Reference) -> Fetched[str]:
        value = self._environment.get(reference.place, "").strip()
        if not value:
            raise ProviderDenied(
                f"The environment variable {reference.place} is not set", "Set it to the provider's key."
            )
        return Fetched(value)


class File:
    """A file with nothing but the secret; white space at its ends is no part of it."""

    async def fetch(self, reference: Reference) -> Fetched[str]:
        try:
            value = Path(reference.place).expanduser().read_text(encoding="utf-8").strip()  # noqa: ASYNC240 - some bytes
        except UnicodeDecodeError:
            value = ""
        except OSError as error:
            raise ProviderDenied(
                f"{reference} cannot be read: {error.strerror}", "Check the path and who may read it."
            ) from error
        if not value:
            raise ProviderDenied(f"{reference} holds no text", "Write the provider's key into it.")
        return Fetched(value, refresh=_REREAD, quick=True)
