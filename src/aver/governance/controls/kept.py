"""The last look at a tenant's controls, kept in a file: working them out reads every step of the period."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from aver.core import canonical_json, rfc3339
from aver.evidence.export import replacing
from aver.store.files import private_directory

__all__ = ["Kept", "KeptResults"]


@dataclass(frozen=True, slots=True)
class KeptResults:
    """As :func:`~aver.governance.controls.service.check` gave them for the period from ``since`` on and before ``until``."""

    since: datetime
    until: datetime
    results: Sequence[Mapping[str, Any]]


class Kept:
    """Blocking."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def keep(self, found: KeptResults) -> None:
        private_directory(self._file.parent)
        known = {"since": rfc3339(found.since), "until": rfc3339(found.until), "results": list(found.results)}
        with replacing(self._file) as file:
            file.write(canonical_json(known))

    def last(self) -> KeptResults | None:
        """``None`` where nobody has looked yet."""
        try:
            known = json.loads(self._file.read_bytes())
            since, until = (datetime.fromisoformat(known[name]) for name in ("since", "until"))
            return KeptResults(since, until, known["results"])
        except (OSError, ValueError, KeyError):
            return None
