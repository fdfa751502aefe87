"""The sections ``feature`` and ``retrieval`` of a bundle: how the assistant answers from documents::

feature: {model: writers, prompt: prompts/answer.md, history: 4}
retrieval: {passages: 12, context_tokens: 4000}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aver.core.yaml import YamlValue, nearest
from aver.gateway.config.quantities import Duration
from aver.gateway.config.shapes import Field, Record, Whole, keyed
from aver.gateway.config.words import INSIDE, NAME, parts
from aver.server.ordering import EXTRACTIVE
from aver.server.prompts import MAX_TOKENS, TEMPERATURE, Prompt, read_prompt

__all__ = ["FEATURE", "RETRIEVAL", "AssistantConfig", "read_assistant"]


@dataclass(frozen=True, slots=True)
class _Retrieval:
    passages: int | None = None
    context_tokens: int | None = None
    patience: float | None = None


@dataclass(frozen=True, slots=True)
class AssistantConfig:
    """What a bundle says of the assistant; what it does not say is as in :class:`~aver.agents.Release`."""

    model: str = ""
    """The model or route that answers, or ``extractive``; empty where that is not said."""
    prompt: str = ""
    """Its file, by its path in the bundle."""
    temperature: float | None = None
    max_tokens: int | None = None
    history: int | None = None
    retrieval: _Retrieval = field(default_factory=_Retrieval)
    told: Prompt = field(default_factory=Prompt)
    """What stands in the file of ``prompt``."""

    def settings(self) -> dict[str, Any]:
        """What is said, by the names of :class:`~aver.agents.Release`. The bundle's file goes before a prompt's front matter."""
        retrieval, told = self.retrieval, self.told
        found = {
            "instructions": told.text or None,
            "temperature": told.temperature if self.temperature is None else self.temperature,
            "max_tokens": told.max_tokens if self.max_tokens is None else self.max_tokens,
            "history": self.history,
            "passages": retrieval.passages,
            "context_tokens": retrieval.context_tokens,
            "patience": retrieval.patience,
        }
        return {name: value for name, value in found.items() if value is not None}


FEATURE = Record(
    AssistantConfig,
    {
        "model": Field(
            NAME, f"What answers from documents: a model, a route, or {EXTRACTIVE} for sentences quoted as they are."
        ),
        "prompt": Field(
            INSIDE, "The file with what the model is told, such as prompts/answer.md; Aver's own, if left out."
        ),
        "temperature": Field(TEMPERATURE, "Of the model."),
        "max_tokens": Field(MAX_TOKENS, "Of an answer."),
        "history": Field(Whole(0, 100), "Earlier turns of a conversation that the model is shown."),
    },
    lambda config: {name: value for name, value in parts(config).items() if name not in ("retrieval", "told")},
)
RETRIEVAL = Record(
    _Retrieval,
    {
        "passages": Field(Whole(1, 100), "How many passages are looked at for a question."),
        "context_tokens": Field(
            Whole(100, 10**6), "About how many tokens of them, with what stands around, a model is given."
        ),
        "patience": Field(
            Duration(above=True), "How long rewording a question, and ordering its passages anew, may take each."
        ),
    },
    parts,
)


def read_assistant(
    sections: Mapping[str, YamlValue], models: Mapping[str, object], folder: Path | None
) -> AssistantConfig:
    """Of the bundle's ``sections``; ``models`` are the models and routes that there are, ``folder`` is where the bundle's files are.

    Raises :class:`~aver.core.errors.SettingsError` with file and line.
    """
    config = AssistantConfig()
    feature = sections.get("feature")
    if feature is not None and not feature.is_null:
        config = FEATURE.read(feature)
        places = {key.text(): value for key, value in keyed(feature)}
        known = {EXTRACTIVE, *models}
        if config.model and config.model not in known:
            raise places["model"].error(f"there is no model or route {config.model!r}", nearest(config.model, known))
        if config.prompt and folder is not None:
            if not (folder / config.prompt).is_file():
                raise places["prompt"].error(f"there is no file {config.prompt!r} in the bundle", "Correct the name.")
            config = replace(config, told=read_prompt(folder / config.prompt))
    retrieval = sections.get("retrieval")
    if retrieval is not None and not retrieval.is_null:
        config = replace(config, retrieval=RETRIEVAL.read(retrieval))
    return config
