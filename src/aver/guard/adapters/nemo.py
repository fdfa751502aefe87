"""NeMo Guardrails' rails as a check (https://docs.nvidia.com/nemo/guardrails/).

Its library is installed beside Aver, with whatever its configuration needs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aver.core.errors import MissingExtra, ProviderError
from aver.guard.types import Place, Verdict

__all__ = ["NemoGuardrails"]


class NemoGuardrails:
    """A :class:`~aver.guard.types.Check`: the input rails over what comes in, the output rails over what is answered. ``rails`` is an
    ``LLMRails`` of your own, or the directory of its configuration."""

    def __init__(self, rails: Any, *, name: str = "nemo") -> None:
        self.name = name
        self._rails = _load(rails) if isinstance(rails, str | Path) else rails

    async def check(self, text: str, place: Place) -> Verdict:
        role = "assistant" if place == "output" else "user"
        result = await self._rails.check_async([{"role": role, "content": text}])
        status = str(getattr(result.status, "value", result.status)).lower()
        if status not in ("passed", "modified", "blocked"):
            raise ProviderError(f"{self.name} answered with the status {status[:40]!r}", "Update Aver or the library.")
        rail = str(getattr(result, "rail", None) or "a rail")[:60]
        return (
            Verdict(self.name, "pass") if status == "passed" else Verdict(self.name, "flag", (), f"{status} by {rail}")
        )


def _load(folder: str | Path) -> Any:
    try:
        from nemoguardrails import LLMRails, RailsConfig
    except ImportError:
        raise MissingExtra("nemoguardrails", "nemo") from None
    return LLMRails(RailsConfig.from_path(str(folder)))
