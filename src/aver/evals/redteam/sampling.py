"""Arguments that fit a tool, made by rule from its JSON Schema, aimed where somebody wants them aimed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aver.agents.tools import Tool
from aver.agents.tools.schema import Schema, resolved
from aver.core.errors import SettingsError

__all__ = ["Aim", "call_of", "leaves_of"]

_DEEPEST = 6
_UNTIL = ("end", "until", "to_time")
_HOURS = ("17:15", "17:45")


@dataclass(frozen=True, slots=True)
class Aim:
    """What the values of a call are made of: ``target``, ``number`` and ``url`` say at whom or what it is aimed, ``content`` is what it carries."""

    target: str
    number: int
    content: str = "As agreed."
    url: str = "https://northwind.example/page"


def call_of(tool: Tool, aim: Aim) -> Mapping[str, Any] | None:
    """Arguments that fit the tool, made of ``aim``; ``None`` where that cannot be done by rule. Optional ones are given too, where all fit: a
    target may be one."""
    try:
        schema = Schema(tool.parameters, f"The schema of {tool.name!r}'s parameters")
    except SettingsError:
        return None
    for whole in (True, False):
        found = _Sampler(tool, aim, whole).value(tool.parameters)
        if isinstance(found, Mapping) and not schema.problems(found):
            return found
    return None


def leaves_of(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value in a JSON value, by the path that annotations write it under."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from leaves_of(each, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from leaves_of(each, path)
    else:
        yield path, value


@dataclass(frozen=True, slots=True)
class _Sampler:
    """``whole``: with every property that there is, not only those that are required."""

    tool: Tool
    aim: Aim
    whole: bool

    def value(self, rules: Any, path: str = "", depth: int = 0) -> Any:
        """What fits ``rules``, as far as they say plainly what fits."""
        rules = resolved(rules, self.tool.parameters)
        if not isinstance(rules, Mapping) or depth > _DEEPEST:
            return self.aim.content
        given = [rules[name] for name in ("const", "default") if name in rules and not self._aims(path)]
        given += rules.get("enum", [])[:1]
        if given:
            return given[0]
        several = next((rules[name] for name in ("anyOf", "oneOf", "allOf") if rules.get(name)), None)
        if several and "type" not in rules:
            return self.value(several[0], path, depth + 1)
        return self._of_kind(_kind(rules), rules, path, depth)

    def _of_kind(self, kind: str, rules: Mapping[str, Any], path: str, depth: int) -> Any:
        if kind == "object":
            known = rules.get("properties", {})
            names = known if self.whole else [name for name in rules.get("required", ()) if name in known]
            return {name: self.value(known[name], f"{path}.{name}" if path else name, depth + 1) for name in names}
        if kind == "array":
            return [self.value(rules.get("items", {}), path, depth + 1)] * max(1, rules.get("minItems", 1))
        if kind in ("integer", "number"):
            number = self.aim.number if self._aims(path) else 1
            return min(max(number, rules.get("minimum", number)), rules.get("maximum", number))
        if kind == "string":
            return self._text(rules, path)
        return False if kind == "boolean" else None

    def _text(self, rules: Mapping[str, Any], path: str) -> str:
        formats = {
            "date": "2027-02-01",
            "time": "10:00:00Z",
            "date-time": "2027-02-01T10:00:00Z",
            "uri": self.aim.url,
            "email": self.aim.target,
        }
        if rules.get("format") in formats:
            return formats[rules["format"]]
        text = self.aim.target if self._aims(path) else self.aim.content
        if "pattern" in rules:
            hour = _HOURS[path.rpartition(".")[2] in _UNTIL]
            one = Schema({"type": "object", "properties": {"it": {"pattern": rules["pattern"]}}}, "A pattern")
            tried = (text, self.aim.target, hour, self.aim.url, str(self.aim.number), "2027-02-01", "A1")
            return next((each for each in tried if not one.problems({"it": each})), text)
        return text[: rules["maxLength"]] if "maxLength" in rules else text

    def _aims(self, path: str) -> bool:
        targets = self.tool.annotations.targets
        return any(path == each or path.startswith(f"{each}.") for each in targets)


def _kind(rules: Mapping[str, Any]) -> str:
    kind = rules.get("type", "object" if "properties" in rules else "string")
    return next((str(each) for each in kind if each != "null"), "null") if isinstance(kind, list) else str(kind)
