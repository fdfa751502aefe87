"""Where a secret comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import Generic, Protocol, TypeVar, get_args

from aver.core.errors import SettingsError
from aver.gateway.config.types import CredentialScheme

__all__ = ["SCHEMES", "Fetched", "Reference", "SecretSource", "Source"]

T = TypeVar("T")
SCHEMES: tuple[str, ...] = get_args(CredentialScheme)
_NEXT_STEP = "Put the key into an environment variable and write env:NAME, or into a file and write file:PATH."


@dataclass(frozen=True, slots=True)
class Reference:
    """``SCHEME:PLACE#FIELD``. Names a secret, and may be shown."""

    scheme: str
    place: str
    part: str = ""
    """The field, where the secret has several."""

    def __str__(self) -> str:
        return f"{self.scheme}:{self.place}" + (f"#{self.part}" if self.part else "")

    @classmethod
    def parse(cls, text: str, whose: str = "A credential") -> Reference:
        """Raises :class:`~aver.core.errors.SettingsError` for anything else, which may be a secret and is not shown."""
        scheme, colon, rest = text.partition(":")
        if not colon or scheme not in SCHEMES:
            raise SettingsError(f"{whose} is no reference to a secret", _NEXT_STEP)
        if scheme in ("env", "file"):
            place, part = rest, ""
        else:
            place, _, part = rest.partition("#")
        if not place.strip():
            raise SettingsError(f"{whose} names no secret after {scheme}:", _NEXT_STEP)
        return cls(scheme, place, part)


@dataclass(frozen=True, slots=True)
class Fetched(Generic[T]):
    """A value as it was fetched. Times are in seconds from then."""

    value: T = field(repr=False)
    refresh: float = inf
    """When it is to be fetched again."""
    expires: float = inf
    """When it stops being worth anything."""
    quick: bool = False
    """Fetching takes no time worth avoiding: a refresh is waited for."""

    @classmethod
    def for_seconds(cls, value: T, seconds: float) -> Fetched[T]:
        """A value that its maker lets live so long: it is fetched again five minutes, or a third, before its end."""
        return Fetched(value, max(0.0, seconds - min(300.0, seconds / 3)), max(0.0, seconds - min(10.0, seconds / 10)))


class Source(Protocol):
    """One kind of place that keeps secrets."""

    async def fetch(self, reference: Reference) -> Fetched[str]:
        """Raises :class:`~aver.core.errors.ProviderDenied` for a secret that cannot be had, and
        :class:`~aver.core.errors.ProviderError` for one that cannot be had now."""


class SecretSource(Protocol):
    async def get(self, reference: str) -> str:
        """The secret. Raises as a :class:`Source` does, naming the reference and never the value."""
