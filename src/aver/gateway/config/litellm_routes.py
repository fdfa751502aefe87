"""LiteLLM's model groups, strategies and fallbacks as Aver's routes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import yaml

from aver.core.yaml import YamlValue
from aver.gateway.config.litellm_models import Deployment
from aver.gateway.config.litellm_source import Notes, Section
from aver.gateway.config.shapes import keyed
from aver.gateway.config.types import Arm, Budget, ErrorClass, Model, Route, Strategy

__all__ = ["Fallbacks", "Groups"]

_STRATEGIES: dict[str, Strategy] = {
    "simple-shuffle": "weighted",
    "least-busy": "fastest",
    "latency-based-routing": "fastest",
    "usage-based-routing": "weighted",
    "usage-based-routing-v2": "weighted",
    "cost-based-routing": "cheapest",
}
_SINGLE: Mapping[str, ErrorClass] = {
    "context_window_fallbacks": "context_window",
    "content_policy_fallbacks": "content_filter",
}


@dataclass(frozen=True, slots=True)
class Fallbacks:
    """By group, ``*`` for all: those for any failure, and those for one class of failures."""

    any: dict[str, list[YamlValue]] = field(default_factory=dict)
    single: dict[ErrorClass, dict[str, list[YamlValue]]] = field(default_factory=dict)

    def read(self, section: Section) -> None:
        """Take the fallbacks of a section; those of an earlier one win."""
        default = section.items("default_fallbacks")
        if default:
            self.any.setdefault("*", default)
        _lists(section, "fallbacks", self.any)
        for name, error in _SINGLE.items():
            _lists(section, name, self.single.setdefault(error, {}))

    def of(self, group: str) -> list[YamlValue]:
        return self.any.get(group, self.any.get("*", []))


def _lists(section: Section, name: str, found: dict[str, list[YamlValue]]) -> None:
    for item in section.items(name):
        if not isinstance(item.node, yaml.MappingNode):
            section.notes.add(item, f"{section.name}.{name}: expected a group and its fallbacks.")
            continue
        for key, value in keyed(item):
            if isinstance(value.node, yaml.SequenceNode):
                found.setdefault(key.text(), value.items())
            else:
                section.notes.add(key, f"{section.name}.{name}: expected a list of groups.")


class Groups:
    """The names that callers use. ``common`` is what every route has, as LiteLLM has it for all."""

    def __init__(self, deployments: Iterable[Deployment], strategy: str, common: Route, notes: Notes) -> None:
        self.models: dict[str, Model] = {}
        self.budgets: list[Budget] = []
        self.routes: dict[str, Route] = {}
        self._notes = notes
        self._common = common
        self._strategy = _STRATEGIES.get(strategy, "weighted")
        self._groups: dict[str, list[Deployment]] = {}
        for each in deployments:
            self._groups.setdefault(each.group, []).append(each)

    def lay_out(self, fallbacks: Fallbacks) -> None:
        self._taken = set(self._groups)
        self._cores = {group: self._core(group, entries, fallbacks) for group, entries in self._groups.items()}
        for group in self._groups:
            self._route(group, fallbacks)

    def alias(self, name: str, target: str, place: YamlValue) -> None:
        """A second name for a group."""
        if name in self.models or name in self.routes:
            self._notes.add(place, f"the alias {name} is the name of a group already, and was left out.")
        elif target in self.routes:
            self.routes[name] = replace(self.routes[target], name=name)
        elif target in self.models:
            self.routes[name] = replace(self._common, name=name, arms=(Arm(target),))
        else:
            self._notes.add(place, f"the alias {name} names no group, and was left out.")

    def _needs_route(self, group: str, fallbacks: Fallbacks) -> bool:
        """Whether a group is more than its deployments."""
        single = any(group in lists or "*" in lists for lists in fallbacks.single.values())
        return bool(fallbacks.of(group)) or single or replace(self._common, name="", arms=()) != Route("", ())

    def _core(self, group: str, entries: list[Deployment], fallbacks: Fallbacks) -> str:
        """What answers for a group but for its fallbacks, so that two groups may fall back to each other: a model, or a route."""
        apart = self._needs_route(group, fallbacks)
        names = [self._model(each, group, alone=len(entries) == 1 and not apart) for each in entries]
        if len(entries) == 1:
            return names[0]
        pool = self._unique(f"{group}@pool") if apart else group
        levels: dict[float, list[tuple[str, Deployment]]] = {}
        for name, each in zip(names, entries, strict=True):
            # LiteLLM asks those without an order last, if any has one.
            levels.setdefault(float("inf") if each.order is None else each.order, []).append((name, each))
        if len(levels) == 1:
            self.routes[pool] = self._pool(pool, levels.popitem()[1])
            return pool
        arms = []
        for number, level in enumerate(sorted(levels), 1):
            members = levels[level]
            name = members[0][0]
            if len(members) > 1:
                name = self._unique(f"{group}@order-{number}")
                self.routes[name] = self._pool(name, members)
            arms.append(Arm(name))
        self.routes[pool] = replace(self._base(pool), name=pool, arms=tuple(arms))
        return pool

    def _pool(self, name: str, members: list[tuple[str, Deployment]]) -> Route:
        by = next((key for key in ("weight", "rpm", "tpm") if key in members[0][1].weights), "")
        arms = []
        for model, each in members:
            weight = each.weights.get(by, 0.0) if by and self._strategy == "weighted" else 1.0
            if weight > 0:
                arms.append(Arm(model, min(weight, 1e9)))
            else:
                self._notes.add(
                    each.place, f"{each.group}: a deployment without {by} is never drawn, and was left out."
                )
        arms = arms or [Arm(model) for model, _ in members]
        return replace(self._base(name), name=name, arms=tuple(arms), strategy=self._strategy)

    def _base(self, name: str) -> Route:
        """What a route of this name begins with: retries and caches are those of the name that was asked for."""
        return self._common if name in self._groups else Route("", ())

    def _model(self, each: Deployment, group: str, *, alone: bool) -> str:
        name = group if alone else self._unique(f"{group}@{each.model.provider}")
        self.models[name] = replace(each.model, name=name)
        self.budgets += [replace(limit, name=f"{name}-{limit.unit}-{limit.period}", of=name) for limit in each.limits]
        return name

    def _route(self, group: str, fallbacks: Fallbacks) -> None:
        core = self._cores[group]
        if core == group:
            return
        chain = [core, *(name for name in self._targets(group, fallbacks.of(group)) if name != core)]
        single = {}
        for error, lists in fallbacks.single.items():
            targets = [name for name in self._targets(group, lists.get(group, lists.get("*", []))) if name != core]
            if targets:
                single[error] = tuple(targets)
        arms = tuple(Arm(name) for name in dict.fromkeys(chain))
        self.routes[group] = replace(self._common, name=group, arms=arms, fallback=single)

    def _targets(self, group: str, places: list[YamlValue]) -> list[str]:
        found = []
        for place in places:
            name = place.text() if isinstance(place.node, yaml.ScalarNode) and not place.is_null else ""
            if name in self._cores:
                found.append(self._cores[name])
            else:
                what = f"{name!r} is no group" if name else "a fallback that is not a group's name"
                self._notes.add(place, f"fallbacks of {group}: {what}, and was left out.")
        return found

    def _unique(self, name: str) -> str:
        number, found = 1, name
        while found in self._taken:
            number += 1
            found = f"{name}-{number}"
        self._taken.add(found)
        return found
