"""The section ``inventory`` of ``aver.yaml``, said once: reader, writer and schema follow it::

inventory:
  owner: platform
  features:
    assistant: {owner: people-team, risk: limited, purpose: answers from the handbook}
  models:
    writers: {owner: platform, risk: minimal}
  datasets:
    evals/handbook.jsonl: {owner: people-team}
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from aver.core.yaml import YamlValue, nearest
from aver.gateway.config.shapes import Choice, Field, MapOf, Text, keyed
from aver.gateway.config.words import NAME, record

__all__ = ["INVENTORY", "Declared", "InventoryConfig", "Kind", "Risk", "read_inventory"]

Risk = Literal["minimal", "limited", "high", "undeclared"]
"""As the EU AI Act tells systems apart, for those that may be used at all; ``undeclared`` where nobody has said."""
Kind = Literal["feature", "model", "prompt", "dataset", "tool", "source"]


@dataclass(frozen=True, slots=True)
class Declared:
    """What somebody says of one thing."""

    name: str = ""
    owner: str = ""
    risk: Risk = "undeclared"
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class InventoryConfig:
    """``owner`` has what nobody else is said to have."""

    owner: str = ""
    features: Mapping[str, Declared] = field(default_factory=dict)
    models: Mapping[str, Declared] = field(default_factory=dict)
    prompts: Mapping[str, Declared] = field(default_factory=dict)
    datasets: Mapping[str, Declared] = field(default_factory=dict)
    tools: Mapping[str, Declared] = field(default_factory=dict)
    sources: Mapping[str, Declared] = field(default_factory=dict)

    def of(self, kind: Kind, name: str) -> Declared:
        found: Declared = getattr(self, f"{kind}s").get(name, Declared())
        return found if found.owner else replace(found, owner=self.owner)


_RISKS = tuple(each for each in get_args(Risk) if each != "undeclared")
_DECLARED = record(
    Declared,
    owner=Field(NAME, "Who answers for it: a person or a team."),
    risk=Field(
        Choice("risk class", _RISKS), "How much harm it could do: minimal, limited or high, as the EU AI Act has it."
    ),
    purpose=Field(Text(), "What it is for."),
)
_THINGS = MapOf(NAME, _DECLARED)
INVENTORY = record(
    InventoryConfig,
    owner=Field(NAME, "Who answers for whatever is not listed."),
    features=Field(_THINGS, "The assistant and agents, by name."),
    models=Field(_THINGS, "Models, by the names of this file."),
    prompts=Field(_THINGS, "Prompts, by their paths in the bundle."),
    datasets=Field(_THINGS, "Labelled sets, by their paths in the bundle."),
    tools=Field(_THINGS, "Tools, by the names that models call them."),
    sources=Field(_THINGS, "Sources of documents, by the names that tenants give them."),
)


def read_inventory(section: YamlValue, known: Mapping[str, Collection[str]]) -> InventoryConfig:
    """``known`` are the names that there are, by part of the section; parts that are not in it may name anything. Raises
    :class:`~aver.core.errors.SettingsError` with ``FILE:LINE`` for a name that nothing has."""
    config: Any = INVENTORY.read(section)
    for part, things in keyed(section):
        for name, _ in keyed(things) if part.text() in known else ():
            if name.text() not in known[part.text()]:
                there_is = known[part.text()]
                raise name.error(f"there is no {part.text()[:-1]} {name.text()[:60]!r}", nearest(name.text(), there_is))
    found: InventoryConfig = config
    return found
