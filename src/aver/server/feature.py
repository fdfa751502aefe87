"""The section ``feature`` of a bundle: how the assistant answers from documents. What is not said is as the assistant has it by itself::

feature:
  model: answers
  instructions: prompts/answer.md
  passages: 12
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aver.core.yaml import YamlValue, nearest
from aver.gateway.config.shapes import Field, Number, Record, Text, Whole, keyed
from aver.gateway.config.types import GatewayConfig
from aver.gateway.config.words import NAME
from aver.server.ordering import EXTRACTIVE

__all__ = ["FEATURE", "FeatureConfig", "read_feature"]

_LONGEST = 100_000
"""Bytes of instructions."""


@dataclass(frozen=True, slots=True)
class FeatureConfig:
    """What is declared; ``None`` and nothing for what is not. ``prompt`` is what the file of ``instructions`` says."""

    model: str = ""
    """The model or route that answers, or ``extractive``."""
    instructions: str = ""
    passages: int | None = None
    history: int | None = None
    context_tokens: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    patience: float | None = None
    prompt: str = ""

    def settings(self) -> Mapping[str, Any]:
        """The fields of :class:`~aver.agents.Release` that are declared, but for the model."""
        said = {name: value for name, value in asdict(self).items() if name in _SETTINGS and value is not None}
        return said | ({"instructions": self.prompt} if self.prompt else {})


_SETTINGS = {
    "passages": Field(Whole(1, 100), "How many passages are looked at for one question."),
    "history": Field(Whole(0, 50), "How many earlier turns of a conversation are read."),
    "context_tokens": Field(
        Whole(100, 1_000_000),
        "About how many tokens of passages a model that writes is given, with what stands around them.",
    ),
    "max_tokens": Field(Whole(1, 1_000_000), "How many tokens an answer may have."),
    "temperature": Field(Number(0, 2), "How freely the model words it."),
    "patience": Field(Number(0, 60, above=True), "Seconds that rewording and reranking may take each."),
}
_FILE = Text(
    r"^(?!/)(?!.*(^|/)\.\.(/|$))\S(.*\S)?$", "the path of a file in the bundle", "Write one such as prompts/answer.md."
)

FEATURE = Record(
    FeatureConfig,
    {
        "model": Field(
            NAME, f"What answers from documents: a model, a route, or {EXTRACTIVE} for sentences quoted as they are."
        ),
        "instructions": Field(
            _FILE, "The file that says what a model is told to do with the passages and the question."
        ),
        **_SETTINGS,
    },
    lambda config: {
        name: value for name, value in asdict(config).items() if name != "prompt" and value not in (None, "")
    },
)


def read_feature(section: YamlValue, gateway: GatewayConfig, folder: Path) -> FeatureConfig:
    """Raises :class:`~aver.core.errors.SettingsError` with ``FILE:LINE`` for what is misspelt, for a model that there is not, and for
    instructions that cannot be read."""
    if section.is_null:
        return FeatureConfig()
    config: FeatureConfig = FEATURE.read(section)
    places = {key.text(): value for key, value in keyed(section)}
    known = {EXTRACTIVE, *gateway.models, *gateway.routes}
    if config.model and config.model not in known:
        raise places["model"].error(f"there is no model or route {config.model!r}", nearest(config.model, known))
    if not config.instructions:
        return config
    return FeatureConfig(**{**asdict(config), "prompt": _prompt(places["instructions"], folder / config.instructions)})


def _prompt(place: YamlValue, file: Path) -> str:
    try:
        text = file.read_bytes().decode("utf-8")
    except OSError as error:
        raise place.error(f"{file.name} cannot be read: {error.strerror}", "Put it into the bundle.") from None
    except UnicodeDecodeError:
        raise place.error(f"{file.name} is not UTF-8 text", "Save it as UTF-8.") from None
    if not text.strip() or len(text.encode()) > _LONGEST:
        raise place.error(f"{file.name} is {'too long' if text.strip() else 'empty'}", "Say what the model is to do.")
    return text.strip()
