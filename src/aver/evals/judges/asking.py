"""A question to a judge, and the one way to read its answer.

What is judged is data: it stands between marks with a token that is new each time, and the answer has to repeat another, which only the
instructions hold. An answer without it was written by what is judged, or by a model that lost its instructions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aver.core.randomness import random_bytes
from aver.evals.judges.types import JudgeModel, JudgeUnreadable
from aver.guard.spotlight import Spotlight

__all__ = ["Asked", "ask"]

_OBJECT = re.compile(r"\{.*\}", re.DOTALL)
_REASON = 500
"""Characters of a reason that are kept."""
_FORM = """\
Answer with one JSON object and nothing else: {{"token": "{token}", {fields}, "reason": one sentence}}."""
_AGAIN = "\n\nYour last answer was not in this form. Answer again, in this form."


@dataclass(frozen=True, slots=True)
class Asked:
    """What a judge is to decide. ``field`` is what its answer is called, one of ``values``; ``parts`` are shown as data, each under its name."""

    instructions: str
    field: str
    values: Sequence[int] | Sequence[str]
    parts: Sequence[tuple[str, str]]


async def ask(model: JudgeModel, asked: Asked, nonce: Callable[[], str] | None = None) -> tuple[Any, str]:
    """What it decided, and why. Asked once more at most, where the answer is not on the scale or not in the form.

    Raises :class:`~aver.evals.judges.types.JudgeUnreadable`, and what the model's call raises.
    """
    token = nonce() if nonce else random_bytes(8).hex()
    spotlight = Spotlight("delimiting", nonce() if nonce else random_bytes(8).hex())
    system = "\n\n".join((asked.instructions, spotlight.instruction, _FORM.format(token=token, fields=_said(asked))))
    text = "\n\n".join(f"{name}:\n{spotlight.shown(part)}" for name, part in asked.parts)
    schema = _schema(asked)
    why = ""
    for again in ("", _AGAIN):
        found, why = _read(await model.ask(system + again, text, schema), asked, token)
        if found is not None:
            return found, why
    raise JudgeUnreadable(
        f"The judge's answer cannot be used: {why}", "Look at its rubric, or use a model that follows instructions."
    )


def _said(asked: Asked) -> str:
    if all(isinstance(each, int) for each in asked.values):
        return f'"{asked.field}": a whole number from {asked.values[0]} to {asked.values[-1]}'
    return f'"{asked.field}": one of {", ".join(json.dumps(each) for each in asked.values)}'


def _schema(asked: Asked) -> Mapping[str, Any]:
    names = ("token", asked.field, "reason")
    kinds = ({"type": "string"}, {"enum": list(asked.values)}, {"type": "string"})
    properties = dict(zip(names, kinds, strict=True))
    return {"type": "object", "properties": properties, "required": list(names), "additionalProperties": False}


def _read(written: str, asked: Asked, token: str) -> tuple[Any, str]:
    """The value with its reason; or nothing, with what is wrong."""
    found = _OBJECT.search(written)
    try:
        answer = json.loads(found[0]) if found else None
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        return None, "it is no JSON object"
    if answer.get("token") != token:
        return None, "it does not repeat the token of the instructions"
    value = answer.get(asked.field)
    # JSON's true is no grade, and neither is 4.0 written for a 4 a mistake worth a case.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or value not in asked.values:
        return None, f"{value!r:.40} is not on the scale"
    return value, " ".join(str(answer.get("reason", "")).split())[:_REASON]
