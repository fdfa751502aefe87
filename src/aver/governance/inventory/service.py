"""The inventory read off what is declared, what was released, and the sources of a tenant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from aver.governance.inventory.declaration import InventoryConfig, Kind, Risk
from aver.releases.roles import role_of
from aver.releases.types import Environment, Release, SignOff

__all__ = ["Content", "Inventory", "Item", "Released", "content_of", "inventory_of"]

_ASSISTANT, _EXTRACTIVE = "assistant", "extractive"
Content = Mapping[Kind, Mapping[str, frozenset[str]]]
"""By kind and name, the features that use a thing."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing. ``since`` is when the first release that has it was made, and ``release`` its digest; none where no release has it. ``in_force``: the
    environments whose release has it."""

    kind: Kind
    name: str
    owner: str
    risk: Risk
    purpose: str
    used_by: tuple[str, ...]
    since: datetime | None
    release: str
    in_force: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Released:
    """A release that is in force somewhere, and who said that it may be."""

    digest: str
    tags: tuple[str, ...]
    environments: tuple[str, ...]
    created: datetime
    created_by: str
    sign_offs: tuple[SignOff, ...]


@dataclass(frozen=True, slots=True)
class Inventory:
    items: tuple[Item, ...]
    releases: tuple[Released, ...]

    @property
    def unowned(self) -> int:
        """Things nobody answers for."""
        return sum(not each.owner for each in self.items)

    @property
    def unclassified(self) -> int:
        """Features without a risk class."""
        return sum(each.kind == "feature" and each.risk == "undeclared" for each in self.items)


def content_of(declared: Mapping[str, Any], paths: Iterable[str], tools: Iterable[str] = ()) -> Content:
    """What a bundle has: ``declared`` by section as a manifest holds it, its files' ``paths``, and the names of ``tools`` as models call them."""
    agents: Mapping[str, Mapping[str, Any]] = declared.get("agents") or {}
    assistant: Mapping[str, Any] | None = declared.get("feature")
    features = [*([_ASSISTANT] if assistant is not None else []), *agents]
    told: dict[str, Mapping[str, Any]] = {**({_ASSISTANT: assistant} if assistant is not None else {}), **agents}
    models = _models(declared, told)
    found: dict[Kind, dict[str, frozenset[str]]] = {
        "feature": dict.fromkeys(features, frozenset()),
        "model": models,
        "prompt": {},
        "dataset": {},
        "tool": {name: _using(agents, "tools", name) for name in tools},
    }
    for path in paths:
        role = role_of(path, declared)
        if role == "prompt":
            found["prompt"][path] = frozenset(name for name, each in told.items() if path in _texts(each))
        elif role == "dataset":
            suites = (declared.get("evals") or {}).get("suites") or {}
            asked = {str(each.get("target", "")) for each in suites.values() if path in _texts(each)}
            found["dataset"][path] = frozenset(each.removeprefix("agent:") for each in asked if each)
    return found


def inventory_of(
    config: InventoryConfig,
    now: Content,
    releases: Sequence[Release],
    pins: Mapping[str, Environment],
    sign_offs: Mapping[str, Sequence[SignOff]],
    sources: Iterable[str],
) -> Inventory:
    """``now`` is the bundle in force; ``releases`` are all there are, newest first; ``sign_offs`` are by the digests of those in force."""
    contents = {
        each.digest: (each, content_of(each.manifest.declared, each.manifest.paths, each.manifest.tools))
        for each in releases
    }
    where: dict[str, list[str]] = {}
    for name, environment in pins.items():
        if environment.digest:
            where.setdefault(environment.digest, []).append(name)
    items: list[Item] = []
    for kind, things in {**now, "source": dict.fromkeys(sources, frozenset[str]())}.items():
        for name, used_by in sorted(things.items()):
            having = [release for release, content in contents.values() if name in content.get(kind, {})]
            said = config.of(kind, name)
            first = min(having, key=lambda each: each.created, default=None)
            items.append(
                Item(
                    kind,
                    name,
                    said.owner,
                    said.risk,
                    said.purpose,
                    tuple(sorted(used_by)),
                    first.created if first else None,
                    first.digest if first else "",
                    tuple(sorted(place for each in having for place in where.get(each.digest, ()))),
                )
            )
    in_force = [
        Released(
            digest,
            release.tags,
            tuple(sorted(where[digest])),
            release.created,
            release.created_by,
            tuple(sign_offs.get(digest, ())),
        )
        for digest, (release, _) in contents.items()
        if digest in where
    ]
    return Inventory(tuple(items), tuple(in_force))


def _models(declared: Mapping[str, Any], told: Mapping[str, Mapping[str, Any]]) -> dict[str, frozenset[str]]:
    """Each declared model with the features that name it, or a route that leads to it."""
    routes = declared.get("routes") or {}
    names = [*(declared.get("models") or {})]
    used = {name: {name, *(route for route, each in routes.items() if name in _texts(each))} for name in names}
    if any(each.get("model", _EXTRACTIVE) == _EXTRACTIVE for each in told.values()):
        used[_EXTRACTIVE] = {_EXTRACTIVE}
    return {
        name: frozenset(feature for feature, each in told.items() if each.get("model", _EXTRACTIVE) in ways)
        for name, ways in used.items()
    }


def _using(agents: Mapping[str, Mapping[str, Any]], word: str, name: str) -> frozenset[str]:
    return frozenset(agent for agent, each in agents.items() if name in _texts(each.get(word, ())))


def _texts(value: Any) -> set[str]:
    """Every text in a plain value."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, Mapping):
        return {text for key, each in value.items() for text in (cast("str", key), *_texts(each))}
    if isinstance(value, list | tuple):
        return {text for each in value for text in _texts(each)}
    return set()
