"""LiteLLM's model groups, strategies, tags and fallbacks as Aver's routes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import yaml

from aver.core.yaml import YamlValue, nearest
from aver.gateway.config.litellm_fallbacks import Fallbacks
from aver.gateway.config.litellm_models import Deployment
from aver.gateway.config.litellm_source import Notes
from aver.gateway.config.types import Arm, Budget, Model, Route, Strategy

__all__ = ["Groups"]

_STRATEGIES: dict[str, Strategy] = {
    "simple-shuffle": "weighted",
    "least-busy": "fastest",
    "latency-based-routing": "fastest",
    "usage-based-routing": "weighted",
    "usage-based-routing-v2": "weighted",
    "cost-based-routing": "cheapest",
}
_UNTAGGED = "default"
"""LiteLLM's tag of deployments for calls without one."""


class Groups:
    """The names that callers use. ``common`` is what every route has, as LiteLLM has it for all; ``aliases`` are other names of groups;
    ``tagged`` says whether tags choose."""

    def __init__(
        self,
        deployments: Iterable[Deployment],
        strategy: str,
        common: Route,
        notes: Notes,
        aliases: Mapping[str, str],
        *,
        tagged: bool,
    ) -> None:
        self.models: dict[str, Model] = {}
        self.places: dict[str, YamlValue] = {}
        """Where a model is from."""
        self.budgets: list[Budget] = []
        self.routes: dict[str, Route] = {}
        self._notes = notes
        self._common = common
        self._strategy = _STRATEGIES.get(strategy, "weighted")
        self._aliases = aliases
        self._tagged = tagged
        made = list(deployments)
        written = {each.group for each in made if not each.wild}
        self._groups: dict[str, list[Deployment]] = {}
        for each in made:
            if not (each.wild and each.group in written):  # LiteLLM looks for a wildcard last
                self._groups.setdefault(each.group, []).append(each)

    def lay_out(self, fallbacks: Fallbacks) -> None:
        known = {"*", *self._groups, *(group.partition("/")[2] for group in self._groups)}
        for name, place in fallbacks.places.items():
            if name not in known:
                self._notes.do(place, f"the fallbacks of {name} have no effect: {self._nobody(name)}")
        self._taken = set(self._groups)
        self._numbers: dict[str, int] = {}
        self._cores = {group: self._core(group, entries, fallbacks) for group, entries in self._groups.items()}
        for group in self._groups:
            self._route(group, fallbacks)

    def alias(self, name: str, target: str, place: YamlValue) -> None:
        """A second name for a group."""
        if name in self.models or name in self.routes:
            self._notes.do(place, f"the alias {name} is the name of a group already, and was left out.")
        elif target in self.routes:
            self.routes[name] = replace(self.routes[target], name=name)
        elif target in self.models:
            self.routes[name] = replace(self._common, name=name, arms=(Arm(target),))
        else:
            self._notes.do(place, f"the alias {name} was left out: {self._nobody(target)}")

    def _nobody(self, name: str) -> str:
        advice = f" {nearest(name, self._groups)}" if 0 < len(self._groups) <= 20 else ""
        return f"{name!r} is no group.{advice}"

    def _needs_route(self, group: str, fallbacks: Fallbacks) -> bool:
        """Whether a group is more than its deployments."""
        single = any(fallbacks.of(group, error) for error in fallbacks.single)
        return bool(fallbacks.of(group)) or single or replace(self._common, name="", arms=()) != Route("", ())

    def _core(self, group: str, entries: list[Deployment], fallbacks: Fallbacks) -> str:
        """What answers for a group but for its fallbacks, so that two groups may fall back to each other: a model, or a route."""
        apart = self._needs_route(group, fallbacks)
        names = [self._model(each, group, alone=len(entries) == 1 and not apart) for each in entries]
        members = [*zip(names, entries, strict=True)]
        if self._tagged:
            members = self._by_tag(group, members)
        if len(members) == 1:
            return self._alone(group, members[0][0], len(entries), apart=apart)
        pool = self._unique(f"{group}@pool") if apart else group
        levels: dict[float, list[tuple[str, Deployment]]] = {}
        for name, each in members:
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

    def _alone(self, group: str, name: str, entries: int, *, apart: bool) -> str:
        """The one deployment that is left for calls without a tag."""
        if entries > 1 and not apart:
            self.routes[group] = replace(self._common, name=group, arms=(Arm(name),))
            return group
        return name

    def _by_tag(self, group: str, members: list[tuple[str, Deployment]]) -> list[tuple[str, Deployment]]:
        """Lay out a route for each tag; what is given back answers calls without one: those tagged ``default``, or all."""
        tags = dict.fromkeys(tag for _, each in members for tag in each.tags if tag != _UNTAGGED)
        for tag in tags:
            chosen = [(name, each) for name, each in members if tag in each.tags]
            route = self._unique(f"{group}@{tag}")
            self.routes[route] = replace(
                self._pool(route, chosen), retries=self._common.retries, cache=self._common.cache
            )
            text = (
                f"{group}: calls with the tag {tag} name the model {route} instead; tags in a request choose nothing."
            )
            self._notes.do(chosen[0][1].place, text)
        return [each for each in members if _UNTAGGED in each[1].tags] or members

    def _pool(self, name: str, members: list[tuple[str, Deployment]]) -> Route:
        by = next((key for key in ("weight", "rpm", "tpm") if key in members[0][1].weights), "")
        arms = []
        for model, each in members:
            weight = each.weights.get(by, 0.0) if by and self._strategy == "weighted" else 1.0
            if weight > 0:
                arms.append(Arm(model, min(weight, 1e9)))
            else:
                text = f"{each.group}: a deployment without {by} is never drawn by LiteLLM either, and was left out."
                self._notes.know(each.place, text)
        arms = arms or [Arm(model) for model, _ in members]
        if len(arms) == 1:
            return replace(self._base(name), name=name, arms=(Arm(arms[0].target),))
        return replace(self._base(name), name=name, arms=tuple(arms), strategy=self._strategy)

    def _base(self, name: str) -> Route:
        """What a route of this name begins with: retries and caches are those of the name that was asked for."""
        return self._common if name in self._groups else Route("", ())

    def _model(self, each: Deployment, group: str, *, alone: bool) -> str:
        name = group if alone else self._unique(f"{group}@{each.model.provider}")
        self.models[name] = replace(each.model, name=name)
        self.places[name] = each.place
        self.budgets += [replace(limit, name=f"{name}-{limit.unit}-{limit.period}", of=name) for limit in each.limits]
        return name

    def _route(self, group: str, fallbacks: Fallbacks) -> None:
        core = self._cores[group]
        if core == group:
            return
        chain = [core, *(name for name in self._targets(group, fallbacks.of(group)) if name != core)]
        single = {}
        for error in fallbacks.single:
            targets = [name for name in self._targets(group, fallbacks.of(group, error)) if name != core]
            if targets:
                single[error] = tuple(targets)
        arms = tuple(Arm(name) for name in dict.fromkeys(chain))
        self.routes[group] = replace(self._common, name=group, arms=arms, fallback=single)

    def _targets(self, group: str, places: list[YamlValue]) -> list[str]:
        found = []
        for place in places:
            name = place.text() if isinstance(place.node, yaml.ScalarNode) and not place.is_null else ""
            name = self._aliases.get(name, name)
            if name in self._cores:
                found.append(self._cores[name])
            elif name:
                self._notes.do(place, f"a fallback was left out: {self._nobody(name)}")
            else:
                text = "a fallback that brings its own messages or parameters was left out; name a group."
                self._notes.do(place, f"fallbacks of {group}: {text}")
        return found

    def _unique(self, name: str) -> str:
        found = name
        while found in self._taken:
            self._numbers[name] = self._numbers.get(name, 1) + 1
            found = f"{name}-{self._numbers[name]}"
        self._taken.add(found)
        return found
