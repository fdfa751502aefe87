"""No secret becomes part of a release: it would be kept for ever, and carried wherever the release is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aver.core.errors import InvalidInput
from aver.gateway.config.read import BUNDLE_FILE
from aver.guard.secrets import Secrets
from aver.releases.freezing import Entry
from aver.releases.roles import role_of

__all__ = ["refuse_secrets", "secret_files"]

_LARGEST = 2**20
_CASES = frozenset({"dataset", "labels", "model"})
"""What is not looked through: cases are made up, attacks among them, and weights are no text."""
_GUESSED = "SECRET"
"""What only looks like chance behind a word such as token; believed of ``aver.yaml`` alone, where nothing else looks so."""


def secret_files(declared: Mapping[str, Any], bundle: Path) -> list[Path]:
    """The files that references to credentials name (``file:PATH``), where they may lie in the bundle."""
    named = [Path(text.removeprefix("file:")).expanduser() for text in _texts(declared) if text.startswith("file:")]
    return [place / each for each in named for place in (Path(), bundle)]


def refuse_secrets(found: Sequence[Entry], declared: Mapping[str, Any]) -> None:
    """Raises :class:`~aver.core.errors.InvalidInput` with file and line for what looks like a key, a token or a password in one of these."""
    for entry in found:
        if role_of(entry.path, declared) in _CASES or entry.status.st_size > _LARGEST:
            continue
        try:
            text = entry.file.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            continue  # what cannot be read is said when it is frozen
        for finding in Secrets().find(text):
            if finding.kind != _GUESSED or entry.path == BUNDLE_FILE:
                line = text.count("\n", 0, finding.start) + 1
                raise InvalidInput(
                    f"{entry.path}:{line}: this looks like a secret ({finding.kind}), and a release is kept for ever",
                    "Name where it is kept, such as env:NAME; or leave the file out: release: {leave_out: [...]}.",
                )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
