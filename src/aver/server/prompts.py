"""Prompts as files of a bundle: Markdown, which may begin with front matter::

---
temperature: 0.2
max_tokens: 400
---
You answer questions from the passages in the user's message, and from nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from aver.core.errors import SettingsError
from aver.core.yaml import parse_yaml
from aver.gateway.config.shapes import Field, Number, Record, Whole
from aver.gateway.config.words import TEXT, parts

__all__ = ["FOLDER", "MAX_TOKENS", "TEMPERATURE", "Prompt", "read_prompt"]

FOLDER = "prompts"
"""Where in a bundle prompts are; a change of any file in it is noticed."""
TEMPERATURE = Number(0, 2)
MAX_TOKENS = Whole(16, 200_000)
_LONGEST = 50_000
_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is told, and how it is asked. ``None`` is whatever it would be without."""

    text: str = ""
    about: str = field(default="", compare=False)
    temperature: float | None = None
    max_tokens: int | None = None


_FRONT = Record(
    Prompt,
    {
        "about": Field(TEXT, "What the prompt is for; the model does not see it."),
        "temperature": Field(TEMPERATURE, "Of the model."),
        "max_tokens": Field(MAX_TOKENS, "Of an answer."),
    },
    parts,
)


def read_prompt(file: Path) -> Prompt:
    """The prompt in ``file``. Raises :class:`~aver.core.errors.SettingsError` with the file, and the line where its front matter is wrong."""
    try:
        written = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f"{file} cannot be read: {reason}", "Correct the name, or put the prompt there.") from None
    front = _FRONT_MATTER.match(written)
    text = (written[front.end() :] if front else written).strip()
    if not text:
        raise SettingsError(f"{file} has no prompt", "Write what the model is to be told.")
    if len(text) > _LONGEST:
        raise SettingsError(f"{file} has {len(text):,} of at most {_LONGEST:,} characters", "Shorten the prompt.")
    if unseen := next((char for char in text if not char.isprintable() and char not in "\n\t"), ""):
        raise SettingsError(f"{file} has the character U+{ord(unseen):04X}, which nobody sees", "Remove it.")
    # An empty line takes the place of the first ---, so that lines are counted as in the file.
    root = parse_yaml("\n" + front[1], str(file)) if front else None
    if root is None or root.is_null:
        return Prompt(text)
    prompt: Prompt = _FRONT.read(root, text=text)
    return prompt
