"""LiteLLM's fallbacks, as they are written: who steps in for which group, and after which failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from aver.core.yaml import YamlValue
from aver.gateway.config.litellm_source import Section
from aver.gateway.config.shapes import keyed
from aver.gateway.config.types import ErrorClass

__all__ = ["Fallbacks"]

_SINGLE: Mapping[str, ErrorClass] = {
    "context_window_fallbacks": "context_window",
    "content_policy_fallbacks": "content_filter",
}


@dataclass(frozen=True, slots=True)
class Fallbacks:
    """By group, ``*`` for all: those for any failure, and those for one class of failures. ``places`` are those of the groups."""

    any: dict[str, list[YamlValue]] = field(default_factory=dict)
    single: dict[ErrorClass, dict[str, list[YamlValue]]] = field(default_factory=dict)
    places: dict[str, YamlValue] = field(default_factory=dict)

    def read(self, section: Section) -> None:
        """Take the fallbacks of a section; those of an earlier one win."""
        default = section.items("default_fallbacks")
        if default:
            self.any.setdefault("*", default)
        self._lists(section, "fallbacks", self.any)
        for name, error in _SINGLE.items():
            self._lists(section, name, self.single.setdefault(error, {}))

    def of(self, group: str, error: ErrorClass | None = None) -> list[YamlValue]:
        """Those of a group, after any failure or after one of a class. LiteLLM finds those of ``gpt`` for ``openai/gpt``, too."""
        lists = self.any if error is None else self.single[error]
        return lists.get(group, lists.get(group.partition("/")[2], lists.get("*", [])))

    def _lists(self, section: Section, name: str, found: dict[str, list[YamlValue]]) -> None:
        for item in section.items(name):
            if not isinstance(item.node, yaml.MappingNode):
                section.notes.do(item, f"{section.name}.{name}: expected a group and its fallbacks.")
                continue
            for key, value in keyed(item):
                if isinstance(value.node, yaml.SequenceNode):
                    found.setdefault(key.text(), value.items())
                    self.places.setdefault(key.text(), key)
                else:
                    section.notes.do(key, f"{section.name}.{name}: expected a list of groups.")
