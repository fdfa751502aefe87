"""Reading a LiteLLM configuration: its fields are taken one by one, and what nobody took is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

import yaml

from aver.core.yaml import YamlValue
from aver.gateway.config.litellm_words import Fate, Kind
from aver.gateway.config.shapes import keyed

__all__ = ["ENVIRONMENT", "Note", "Notes", "Section", "duration_seconds"]

ENVIRONMENT = "os.environ/"
"""How LiteLLM writes that a value is that of an environment variable."""
_UNKNOWN = Fate(
    "to do", "Aver knows no setting of LiteLLM's by this name; look whether it is one, and what it is to do."
)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "mo": 30 * 86_400}


@dataclass(frozen=True, slots=True)
class Note:
    """What a person has to do or to know about a line of the original."""

    line: int
    kind: Kind
    text: str


class Notes:
    """``environment`` has the variables that are set."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self._found: dict[Note, None] = {}

    def do(self, place: YamlValue, text: str) -> None:
        """Something is missing until a person acts."""
        self.add(place, "to do", text)

    def know(self, place: YamlValue, text: str) -> None:
        """Something is different, and nothing is missing."""
        self.add(place, "to know", text)

    def add(self, place: YamlValue, kind: Kind, text: str) -> None:
        self._found[Note(place.line, kind, text)] = None

    def all(self) -> list[Note]:
        """What is to be done first, by line."""
        return sorted(self._found, key=lambda note: (note.kind, note.line, note.text))


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
                notes.do(place, f"{name} is no mapping, and was left out.")

    def take(self, field: str) -> YamlValue | None:
        """The value, as if it were not there when nothing is written."""
        found = self._left.pop(field, None)
        return None if found is None or found[1].is_null else found[1]

    def has(self, field: str) -> bool:
        return field in self._left

    def place_of(self, field: str) -> YamlValue | None:
        """Where a field's value is, which is not taken."""
        found = self._left.get(field)
        return None if found is None else found[1]

    def mapping(self, field: str) -> YamlValue | None:
        return self._of_type(field, yaml.MappingNode, "mapping")

    def scalar(self, field: str) -> YamlValue | None:
        return self._of_type(field, yaml.ScalarNode, "text")

    def _of_type(self, field: str, node: type[yaml.Node], what: str) -> YamlValue | None:
        """A value; told when it is another."""
        value = self.take(field)
        if value is None or isinstance(value.node, node):
            return value
        self.notes.do(value, f"{self.name}.{field} is no {what}, and was left out.".removeprefix("."))
        return None

    def lend(self, fields: Section) -> None:
        """What is not written here is as ``fields`` says, which are taken."""
        self._left = {**fields._left, **self._left}
        fields._left = {}

    def below(self, field: str) -> Section:
        return Section(f"{self.name}.{field}".removeprefix("."), self.take(field), self.notes)

    def text(self, field: str) -> str | None:
        """Text, or what the environment variable holds that is named; told when that is not set here."""
        value = self.scalar(field)
        if value is None:
            return None
        text = value.text()
        if not text.startswith(ENVIRONMENT):
            return text.strip() or None
        variable = text.removeprefix(ENVIRONMENT)
        if variable not in self.notes.environment:
            self.notes.do(
                value, f"{self.name}.{field} is that of {variable}, which is not set here: set it and convert again."
            )
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
        self.notes.do(place[1], f"{self.name}.{field} is no number, and was left out.")
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
        self.notes.do(value, f"{self.name}.{field} is no list, and was left out.".removeprefix("."))
        return []

    def tell(self, fates: Mapping[str, Fate], otherwise: Fate = _UNKNOWN) -> None:
        """Take all that is left, and tell what becomes of it: fields that share a fate together, at the first of them."""
        shared: dict[Fate, list[YamlValue]] = {}
        for field, (key, value) in self._left.items():
            if not value.is_null:
                shared.setdefault(fates.get(field, otherwise), []).append(key)
        for fate, keys in shared.items():
            names = ", ".join(key.text() for key in keys)
            self.notes.add(keys[0], fate.kind, f"{self.name}.{names}".removeprefix(".") + f": {fate.text}")
        self._left = {}


def duration_seconds(text: str) -> int | None:
    """LiteLLM's ``30s``, ``5m``, ``24h``, ``7d``, ``1w``, ``1mo``; ``None`` for anything else."""
    digits = text.rstrip("smhdwo")
    unit = text[len(digits) :]
    return int(digits) * _UNITS[unit] if unit in _UNITS and digits.isascii() and digits.isdecimal() else None
