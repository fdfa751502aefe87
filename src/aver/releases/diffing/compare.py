"""Two releases beside each other."""

from __future__ import annotations

from aver.releases.diffing.changes import Change
from aver.releases.diffing.declared import declared_changes
from aver.releases.diffing.files import Read, file_changes, unified_files
from aver.releases.types import Manifest

__all__ = ["compare", "unified"]

_ORDER = ("assistant", "model", "prompt", "route", "provider", "agent", "tool", "tools", "api", "policy")


def compare(before: Manifest, after: Manifest, read_before: Read, read_after: Read) -> list[Change]:
    """What differs by meaning: what is declared, and what the files hold. ``read_*`` give the bytes of each release's files."""
    found = [*declared_changes(before, after), *file_changes(before, after, read_before, read_after)]
    place = {part: number for number, part in enumerate(_ORDER)}
    return sorted(found, key=lambda change: place.get(change.part, len(_ORDER)))


def unified(before: Manifest, after: Manifest, read_before: Read, read_after: Read) -> str:
    """A unified text diff over all files."""
    return "\n".join(unified_files(before, after, read_before, read_after))
