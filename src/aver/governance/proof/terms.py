"""What a pack and its verifier have in common: names, the error, the canonical form."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

__all__ = ["FORMAT", "GENESIS", "MANIFEST", "SIGNATURE", "VERSION", "Bad", "canonical", "moment"]

FORMAT = "aver-evidence-pack"
VERSION = 1
GENESIS = "0" * 64
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"


class Bad(Exception):
    """The pack does not hold, and why."""


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no white space."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def moment(text: str) -> datetime:
    """Of RFC 3339; the beginning of time for what is none, in a chain that was written outside of Aver."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
