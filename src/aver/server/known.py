"""What a step of evidence says, for whoever tells it in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aver.evidence.types import Draft, Step

__all__ = ["Known", "counted"]


class Known:
    """What a step says, whichever package wrote it: a record of an older release may lack a field."""

    def __init__(self, step: Step | Draft) -> None:
        self.seq = step.seq if isinstance(step, Step) else 0
        body = step.body if isinstance(step.body, Mapping) else {}
        self._fields: Mapping[str, Any] = {**step.facts, **body}
        self._facts: Mapping[str, Any] = step.facts

    def has(self, name: str) -> bool:
        return self._fields.get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        value = self._fields.get(name)
        return value if isinstance(value, str) and value else default

    def texts(self, name: str) -> list[str]:
        value = self._fields.get(name)
        return [each for each in value if isinstance(each, str)] if isinstance(value, list | tuple) else []

    def items(self, name: str) -> list[Any]:
        """A list, whatever is in it."""
        value = self._fields.get(name)
        return list(value) if isinstance(value, list | tuple) else []

    def count(self, name: str) -> int:
        """A number among the facts; a body may have the things themselves under the same name."""
        value = self._facts.get(name)
        return value if isinstance(value, int) else 0

    def number(self, name: str, default: str) -> str:
        value = self._fields.get(name)
        return f"{value:g}" if isinstance(value, int | float) else default

    def counted(self, name: str, noun: str) -> str:
        """``3 passages``."""
        return counted(self.count(name), noun)

    @property
    def labelled(self) -> str:
        """``; restricted, for eu alone (by 1.1)`` where what it is about has a label."""
        if not self.text("level"):
            return ""
        where = f", for {', '.join(self.texts('regions')) or 'nowhere else'} alone" if self.has("regions") else ""
        by = f" (by {', '.join(self.texts('raised_by'))})" if self.has("raised_by") else ""
        return f"; {self.text('level')}{where}{by}"

    @property
    def took(self) -> str:
        """``, in 12 ms`` where it is known how long it took."""
        value = self._facts.get("ms")
        if not isinstance(value, int | float):
            return ""
        return f", in {value:.0f} ms" if value < 1000 else f", in {value / 1000:.1f} s"


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
