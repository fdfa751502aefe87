"""An agent's tools as they are declared, that do nothing: what they return is planted, and nothing outside is touched."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aver.agents.tools import Result, Tool
from aver.policy import Annotations

__all__ = ["Simulated", "planted_in", "simulated"]

_DONE = {"status": "done"}


class Simulated:
    """A :class:`~aver.agents.tools.Tool` that looks to models and to policy like ``tool``, and returns ``value``."""

    idempotent = True

    def __init__(self, tool: Tool, value: Any) -> None:
        self.name = tool.name
        self.description = tool.description
        self.parameters = tool.parameters
        self.returns: Mapping[str, Any] | None = None
        """What is planted fits no schema."""
        self.annotations = tool.annotations
        self._value = value

    async def call(self, arguments: Mapping[str, Any], key: str) -> Result:
        del arguments, key
        return Result(self._value, _text(self._value))


def simulated(tools: Sequence[Tool], planted: str = "") -> list[Simulated]:
    """All of ``tools``. Those that read what anybody may have written return ``planted``, where that may stand; the others say that they are
    done."""
    return [Simulated(tool, planted_in(tool.annotations, planted) if planted else _DONE) for tool in tools]


def planted_in(annotations: Annotations, text: str) -> Any:
    """A result with ``text`` where the tool does not vouch for what stands there; without it where it vouches for everything."""
    if annotations.output == "untrusted":
        return {"text": text}
    if not annotations.untrusted_fields:
        return _DONE
    value: Any = text
    for name in reversed(annotations.untrusted_fields[0].split(".")):
        value = {"text" if name == "*" else name: value}
    return value


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
