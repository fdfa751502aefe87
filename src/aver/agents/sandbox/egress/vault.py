"""Secrets in place of placeholders on the way out, and placeholders in place of secrets on the way back."""

from __future__ import annotations

import binascii
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence

from aver.agents.sandbox.egress.types import Secret

__all__ = ["Vault"]

_Headers = list[tuple[bytes, bytes]]


class Vault:
    """The secrets of one call, each with a placeholder that is made up for it."""

    def __init__(self, given: Sequence[Secret]) -> None:
        self._kept = [(secret, f"aver-secret-{secrets.token_hex(12)}".encode()) for secret in given]

    @property
    def placeholders(self) -> dict[str, str]:
        """What the tool finds in its environment."""
        return {secret.variable: placeholder.decode() for secret, placeholder in self._kept}

    def knows(self, host: str) -> bool:
        """Whether there is a secret for that host."""
        return any(_is_for(secret, host) for secret, _ in self._kept)

    def put_in(self, host: str, headers: Iterable[tuple[bytes, bytes]]) -> _Headers:
        """Headers for that host, with the secrets that are for it and for them."""
        found: _Headers = []
        for name, value in headers:
            changed = value
            for secret, placeholder in self._kept:
                if _is_for(secret, host) and name.decode("latin-1").lower() in map(str.lower, secret.headers):
                    changed = _replaced(changed, placeholder, secret.value.encode())
            found.append((name, changed))
        return found

    def take_out(self, data: bytes) -> bytes:
        """What a far side said, with no secret in it that it was sent."""
        for secret, placeholder in self._kept:
            value = secret.value.encode()
            for form, replacement in ((value, placeholder), (b64encode(value), b64encode(placeholder))):
                data = data.replace(form, replacement)
        return data


def _is_for(secret: Secret, host: str) -> bool:
    return host.lower() in map(str.lower, secret.hosts)


def _replaced(value: bytes, placeholder: bytes, secret: bytes) -> bytes:
    """Also within ``Basic`` credentials, which are encoded."""
    scheme, _, encoded = value.partition(b" ")
    if scheme.lower() == b"basic":
        try:
            plain = b64decode(encoded, validate=True)
        except binascii.Error:
            return value
        return scheme + b" " + b64encode(plain.replace(placeholder, secret))
    return value.replace(placeholder, secret)
