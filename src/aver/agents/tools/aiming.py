"""Which arguments of a tool say at whom or what it is aimed and which are carried along, and whether its output can hold words of others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from aver.agents.tools.operation import Operation
from aver.agents.tools.schema import paths, resolved
from aver.agents.tools.words import CARRIED, REACHED, split

__all__ = ["aimed", "tells_no_text"]

_ADDRESSES = ("email", "idn-email", "uri", "uri-reference", "iri", "hostname", "ipv4", "ipv6")
_FORMED = ("date", "date-time", "time", "duration", "uuid")
"""Formats whose values hold no words."""


def aimed(operation: Operation, *, reads: bool) -> tuple[list[str], list[str]]:
    """Which arguments are targets and which content, innermost names alone."""
    in_path = {*re.findall(r"{([^{}]+)}", operation.hints.path)}
    targets: list[str] = []
    content: list[str] = []
    for path, rules in _leaves(operation.parameters):
        last = split(path.rsplit(".", 1)[-1])
        word, kinds = last[-1] if last else "", _kinds(rules)
        items = resolved(rules.get("items", {}), operation.parameters)
        addressed = rules.get("format") in _ADDRESSES or (
            isinstance(items, Mapping) and items.get("format") in _ADDRESSES
        )
        if path in in_path or addressed:
            targets.append(path)
        elif "enum" in rules or "const" in rules or kinds <= {"boolean"}:
            continue
        elif word in CARRIED and not reads and kinds & {"string", "object", "array"}:
            content.append(path)
        elif word in REACHED and not kinds <= {"number"}:
            targets.append(path)
    return targets, content


def _leaves(rules: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The paths of a schema that have no others below them, with their rules."""
    known = paths(rules)
    for path in known:
        if not any(other.startswith(f"{path}.") for other in known):
            yield path, _at(rules, path)


def _at(root: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """The rules at a path, its references followed; empty where several could be meant."""
    place: Any = root
    for step in path.split("."):
        place = _inner(place, root).get("properties", {}).get(step, {})
    return _inner(place, root, items=False)


def _inner(place: Any, root: Mapping[str, Any], *, items: bool = True) -> Mapping[str, Any]:
    place = resolved(place, root)
    for word in ("anyOf", "oneOf", "allOf"):
        choices = [each for each in place.get(word, ()) if isinstance(each, Mapping) and each.get("type") != "null"]
        if len(choices) == 1:
            return _inner({**place, **resolved(choices[0], root), word: ()}, root, items=items)
    if items and isinstance(place.get("items"), Mapping) and "properties" not in place:
        return _inner(place["items"], root)
    return place if isinstance(place, Mapping) else {}


def _kinds(rules: Mapping[str, Any]) -> set[str]:
    kind = rules.get("type")
    kinds = {kind} if isinstance(kind, str) else {*kind} if isinstance(kind, list) else {"string", "object", "array"}
    return kinds - {"null"}


def tells_no_text(returns: Mapping[str, Any] | None) -> bool:
    """Whether no value of this schema holds text that somebody could have written."""
    return returns is not None and _is_closed(returns, returns, 0)


def _is_closed(rules: Any, root: Mapping[str, Any], depth: int) -> bool:
    rules = resolved(rules, root)
    if not isinstance(rules, Mapping) or depth > 8:
        return False
    if "enum" in rules or "const" in rules:
        return True
    kinds = _kinds(rules)
    if kinds == {"array"}:
        return "items" in rules and _is_closed(rules["items"], root, depth + 1)
    if kinds == {"object"}:
        properties = rules.get("properties")
        if rules.get("additionalProperties") is not False or not isinstance(properties, Mapping):
            return False
        return all(_is_closed(each, root, depth + 1) for each in properties.values())
    return kinds <= {"number", "integer", "boolean"} or (kinds == {"string"} and rules.get("format") in _FORMED)
