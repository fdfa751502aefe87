"""Reading a LiteLLM configuration: its fields are taken one by one, and what nobody took is told."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

import yaml

from aver.core.yaml import YamlValue
from aver.gateway.config.shapes import keyed

__all__ = ["ENVIRONMENT", "Notes", "Section", "duration_seconds"]

ENVIRONMENT = "os.environ/"
"""How LiteLLM writes that a value is that of an environment variable."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "mo": 30 * 86_400}


class Notes:
    """What a person has to know or do, by line. ``environment`` has the variables that are set."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self._found: dict[tuple[int, str], None] = {}

    def add(self, place: YamlValue, text: str) -> None:
        self._found[place.line, text] = None

    def lines(self) -> list[str]:
        return [f"line {line}: {text}" for line, text in sorted(self._found)]


class Section:
    """A mapping called ``name``. Values of an unexpected type are told and passed over, as if they were not there."""

    def __init__(self, name: str, place: YamlValue | None, notes: Notes) -> None:
        self.name = name
        self.notes = notes
        self._left: dict[str, tuple[YamlValue, YamlValue]] = {}
        self.place = place
        if place is not None and not place.is_null:
            if isinstance(place.node, yaml.MappingNode):
                self._left = {key.text(): (key, value) for key, value in keyed(place) if not key.is_null}
            else:
                notes.add(place, f"{name} is no mapping, and was left out.")

    def take(self, field: str) -> YamlValue | None:
        """The value, as if it were not there when nothing is written."""
        found = self._left.pop(field, None)
        return None if found is None or found[1].is_null else found[1]

    def below(self, field: str) -> Section:
        return Section(f"{self.name}.{field}".removeprefix("."), self.take(field), self.notes)

    def text(self, field: str) -> str | None:
        """Text, or what the environment variable holds that is named; told when that is not set here."""
        value = self.take(field)
        if value is None:
            return None
        if not isinstance(value.node, yaml.ScalarNode):
            self.notes.add(value, f"{self.name}.{field} is no text, and was left out.")
            return None
        text = value.text()
        if not text.startswith(ENVIRONMENT):
            return text.strip() or None
        variable = text.removeprefix(ENVIRONMENT)
        if variable not in self.notes.environment:
            self.notes.add(value, f"{self.name}.{field} is that of {variable}, which is not set here: write its value.")
            return None
        return self.notes.environment[variable]

    def number(self, field: str) -> float | None:
        """0 or more."""
        place = self._left.get(field)
        text = self.text(field)
        if text is None or place is None:
            return None
        try:
            number = float(text)
        except ValueError:
            number = -1
        if isfinite(number) and number >= 0:
            return number
        self.notes.add(place[1], f"{self.name}.{field} is no number, and was left out.")
        return None

    def whole(self, field: str, most: int = 10**9) -> int | None:
        """1 or more, and at most ``most``; less than 1 is as if it were not there."""
        number = self.number(field)
        return None if number is None or number < 1 else min(int(number), most)

    def boolean(self, field: str) -> bool | None:
        """``None`` when nothing is said."""
        text = self.text(field)
        return None if text is None else text.lower() in ("true", "yes", "on", "1")

    def items(self, field: str) -> list[YamlValue]:
        value = self.take(field)
        if value is None:
            return []
        if isinstance(value.node, yaml.SequenceNode):
            return value.items()
        self.notes.add(value, f"{self.name}.{field} is no list, and was left out.")
        return []

    def keys(self) -> list[str]:
        """What has not been taken."""
        return [*self._left]

    def tell(self, says: Mapping[str, str], ignored: frozenset[str] = frozenset()) -> None:
        """Take all that is left: told with the words of ``says``, or as what has no counterpart."""
        for field, (key, value) in self._left.items():
            name = f"{self.name}.{field}".removeprefix(".")
            if field not in ignored and not value.is_null:
                self.notes.add(key, f"{name}: {says[field]}" if field in says else f"{name} has no counterpart.")
        self._left = {}


def duration_seconds(text: str) -> int | None:
    """LiteLLM's ``30s``, ``5m``, ``24h``, ``7d``, ``1w``, ``1mo``; ``None`` for anything else."""
    digits = text.rstrip("smhdwo")
    unit = text[len(digits) :]
    return int(digits) * _UNITS[unit] if unit in _UNITS and digits.isascii() and digits.isdecimal() else None
