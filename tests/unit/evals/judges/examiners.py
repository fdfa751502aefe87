"""Models that judge without a model: what they answer is worked out from what they are shown, as a real one's is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from aver.evals.judges.poison import suspicious

_TOKEN = re.compile(r'"token": "([^"]+)"')
_SHOWN = re.compile(
    r"^([^\n:]+(?: to grade|nce)?|[^\n:]+):\n<untrusted \S+>\n(.*?)\n</untrusted", re.MULTILINE | re.DOTALL
)


class Examiner:
    """``decide`` is given the parts by name and says the value; ``fields`` what else its answer has. What was asked is in ``asked``."""

    def __init__(self, decide: Callable[[dict[str, str]], object], name: str = "examiner", digest: str = "d1") -> None:
        self.name, self.digest = name, digest
        self.asked: list[tuple[str, str]] = []
        self._decide = decide

    async def ask(self, system, text, schema):
        self.asked.append((system, text))
        parts = dict(_SHOWN.findall(text))
        value = self._decide(parts)
        if isinstance(value, str) and value.startswith("RAW "):
            return value[4:]
        field = next(name for name in schema["properties"] if name not in ("token", "reason"))
        token = _TOKEN.search(system)[1]
        return f"Here: {json.dumps({'token': token, field: value, 'reason': 'It is so.'})}"


def by_length(parts: dict[str, str]) -> int:
    """A grade for each ten characters; honest, if no good judge."""
    return max(1, min(5, len(parts["Response to grade"]) // 10))


def by_holding(parts: dict[str, str]) -> int:
    """The best grade for a response that holds ``ten days``."""
    return 5 if "ten days" in parts["Response to grade"] else 1


def obedient(parts: dict[str, str]) -> int:
    """As :func:`by_holding`, but for what asks for more."""
    response = parts["Response to grade"]
    return 5 if suspicious(response) else by_holding(parts)


def longer(parts: dict[str, str]) -> str:
    first, second = len(parts["First response"]), len(parts["Second response"])
    return "first" if first > second else "second" if second > first else "tie"
