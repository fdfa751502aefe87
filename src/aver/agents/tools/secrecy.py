"""Secrets that Aver sends out, taken out of whatever comes back: a far side that repeats them must not hand them to a model."""

from __future__ import annotations

import json

__all__ = ["Mask"]

_SHORTEST = 8
"""Characters of a secret that is looked for. A shorter one is a word that may stand anywhere, and no secret for long."""
_INSTEAD = b"[credential]"


class Mask:
    """Knows secrets, and takes them out of bytes, as they are and as they stand in JSON. Other forms that a far side makes of them, turned
    or split, it does not know."""

    def __init__(self) -> None:
        self._known: dict[bytes, None] = {}

    def learn(self, secret: str) -> str:
        """``secret``, known from now on."""
        if len(secret) >= _SHORTEST:
            quoted = json.dumps(secret, ensure_ascii=False)[1:-1]
            for form in (secret, quoted, quoted.replace("/", "\\/")):
                self._known[form.encode()] = None
        return secret

    def __call__(self, data: bytes) -> bytes:
        for secret in self._known:
            data = data.replace(secret, _INSTEAD)
        return data

    def text(self, text: str) -> str:
        return self(text.encode("utf-8", "replace")).decode()
