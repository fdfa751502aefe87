"""A runbook and its steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from aver.ops.mitigation.types import Action

__all__ = ["FOLDER", "Runbook", "Step"]

FOLDER = "runbooks"
"""Where in a bundle they are, one a file, ``NAME.md``."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: ``action`` where Aver can do it, else a person does what ``text`` says. ``number`` counts from 1, ``line`` is its place in the file."""

    number: int
    text: str
    line: int
    action: Action | None = None

    def record(self) -> dict[str, Any]:
        """As JSON tells it."""
        return {"number": self.number, "text": self.text, "action": str(self.action) if self.action else None}


@dataclass(frozen=True, slots=True)
class Runbook:
    """``rules`` and ``features`` are those of the incidents it is for, with ``*`` for anything. ``text`` is its Markdown without the front matter."""

    name: str
    title: str
    text: str
    steps: tuple[Step, ...]
    rules: tuple[str, ...] = ("*",)
    features: tuple[str, ...] = ("*",)
    file: Path = field(default_factory=Path, compare=False)

    def fits(self, rule: str, feature: str) -> bool:
        """Whether it is for an incident that an alert of this rule opened, of this feature; what a person opened has no rule, and any may be for it."""
        named = not rule or any(fnmatchcase(rule, each) for each in self.rules)
        return named and any(fnmatchcase(feature, each) for each in self.features)

    def record(self) -> dict[str, Any]:
        """As JSON tells it."""
        return {
            "name": self.name,
            "title": self.title,
            "rules": self.rules,
            "features": self.features,
            "steps": [each.record() for each in self.steps],
        }
