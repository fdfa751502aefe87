"""A timestamp authority, by RFC 3161: it says that a state was there at a time. The token stays with Aver and travels in packs; the authority keeps nothing."""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aver.core import canonical_json, rfc3339
from aver.core.errors import SettingsError, Unavailable
from aver.governance.anchors.asking import ask
from aver.governance.anchors.timestamps import request, roots_of, token_of, verified
from aver.governance.anchors.types import Anchor, AnchorKind, Prove, Statement

__all__ = ["TimestampPlace"]


@dataclass(frozen=True, slots=True)
class TimestampPlace:
    """``roots`` is a PEM file of the certificates that are trusted to vouch for the authority."""

    url: str
    roots: Path
    kind: AnchorKind = "timestamp"

    def put(self, statement: Statement, prove: Prove) -> Mapping[str, Any]:  # noqa: ARG002 - the authority does not look at what it stamps
        digest = _digest(statement)
        query, nonce = request(digest)
        answer = ask("POST", self.url, query, {"content-type": "application/timestamp-query"})
        host = urlsplit(self.url).hostname
        if answer.status != 200 or not answer.headers.get("content-type", "").startswith("application/timestamp-reply"):
            raise Unavailable(
                f"{host} answers with status {answer.status} and no timestamp", "Check anchors.timestamp.url."
            )
        token = token_of(answer.body)
        stamped = verified(token, digest, self._trusted(), nonce)
        return {
            "place": host,
            "at": rfc3339(stamped.at),
            "serial": str(stamped.serial),
            "authority": stamped.authority,
            "token": b64encode(token).decode(),
        }

    def found(self, tenant: str, known: Sequence[Anchor]) -> Sequence[Statement]:  # noqa: ARG002
        """Those whose tokens hold. Raises :class:`~aver.core.errors.VerificationFailed` at one that does not."""
        roots = self._trusted()
        for anchor in known:
            verified(b64decode(anchor.receipt["token"]), _digest(anchor.statement), roots)
        return [each.statement for each in known]

    def _trusted(self) -> Sequence[Any]:
        try:
            return roots_of(self.roots.read_bytes())
        except OSError as error:
            raise SettingsError(
                f"{self.roots} cannot be read: {error.strerror}", "Correct anchors.timestamp.roots."
            ) from None


def _digest(statement: Statement) -> bytes:
    return hashlib.sha256(canonical_json(dict(statement))).digest()
