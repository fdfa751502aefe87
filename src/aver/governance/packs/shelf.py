"""Packs that were made on the server, until somebody takes them away: files below the tenant's folder, each with what is known of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from aver.core import canonical_json, new_id, rfc3339
from aver.core.errors import NotFound
from aver.governance.packs.service import Made, Packs
from aver.store.files import private_directory

__all__ = ["Shelf", "Shelved"]

_ID = re.compile(r"pack_[0-9a-z]{26}")
_MOST = 20
"""Packs that are kept; the oldest goes when another comes."""


@dataclass(frozen=True, slots=True)
class Shelved:
    """A pack by its id. ``bytes`` long, ``digest`` is SHA-256 of the file."""

    id: str
    since: datetime
    until: datetime
    steps: int
    bytes: int
    digest: str
    fingerprint: str
    outcomes: Mapping[str, int]
    by: str


class Shelf:
    """Blocking."""

    def __init__(self, folder: Path, packs: Packs) -> None:
        self._folder, self._packs = folder, packs

    def make(self, since: datetime, until: datetime, frameworks: Sequence[Mapping[str, Any]], by: str) -> Shelved:
        """Raises as :meth:`~aver.governance.packs.service.Packs.make`."""
        private_directory(self._folder)
        name = new_id("pack")
        made = self._packs.make(self._folder / f"{name}.zip", since=since, until=until, frameworks=frameworks, by=by)
        found = _shelved(name, made, by)
        known = {**_plain(found), "since": rfc3339(since), "until": rfc3339(until)}
        (self._folder / f"{name}.json").write_bytes(canonical_json(known))
        for old in self.all()[_MOST:]:
            (self._folder / f"{old.id}.zip").unlink(missing_ok=True)
            (self._folder / f"{old.id}.json").unlink(missing_ok=True)
        return found

    def all(self) -> list[Shelved]:
        """The newest first."""
        found = []
        for file in sorted(self._folder.glob("pack_*.json"), reverse=True):
            known = json.loads(file.read_bytes())
            moments = {name: datetime.fromisoformat(known[name]) for name in ("since", "until")}
            found.append(Shelved(**{**known, **moments}))
        return found

    def file(self, pack: str) -> Path:
        """Raises :class:`~aver.core.errors.NotFound`."""
        path = self._folder / f"{pack}.zip"
        if not _ID.fullmatch(pack) or not path.is_file():
            raise NotFound("There is no such pack, or it is not yours", "See which there are: GET /v1/packs")
        return path


def _shelved(name: str, made: Made, by: str) -> Shelved:
    steps = made.last - made.first + 1
    return Shelved(name, made.since, made.until, steps, made.bytes, made.digest, made.fingerprint, made.outcomes, by)


def _plain(found: Shelved) -> dict[str, Any]:
    return {name: getattr(found, name) for name in Shelved.__dataclass_fields__} | {"outcomes": dict(found.outcomes)}
