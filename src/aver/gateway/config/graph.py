"""Routes name models and other routes: what can be reached from one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from aver.gateway.config.types import Route

__all__ = ["circle", "models_of", "spread"]


def circle(routes: Mapping[str, Route]) -> tuple[str, ...]:
    """A circle of routes, beginning and ending with the same one; empty when there is none."""
    try:
        _sorted(routes)
    except CycleError as error:
        return tuple(reversed(error.args[1]))
    return ()


def models_of(routes: Mapping[str, Route], targets: Iterable[str]) -> tuple[str, ...]:
    """Every model that these models and routes lead to, each once, in the order in which they are declared."""
    found: dict[str, None] = {}
    seen: set[str] = set()
    pending = list(targets)[::-1]
    while pending:
        name = pending.pop()
        if name not in routes:
            found[name] = None
        elif name not in seen:
            seen.add(name)
            pending += [arm.target for arm in reversed(routes[name].arms)]
    return tuple(found)


def spread(routes: Mapping[str, Route]) -> dict[str, tuple[int, int]]:
    """For each route, at how many ends it arrives when every route in it is written out, and how deep they lie. There is no circle."""
    found: dict[str, tuple[int, int]] = {}
    for name in _sorted(routes):
        below = [found.get(arm.target, (1, 0)) for arm in routes[name].arms]
        found[name] = (sum(ends for ends, _ in below), 1 + max((depth for _, depth in below), default=0))
    return found


def _sorted(routes: Mapping[str, Route]) -> tuple[str, ...]:
    """Each route after those it names."""
    below = {name: [arm.target for arm in route.arms if arm.target in routes] for name, route in routes.items()}
    return tuple(TopologicalSorter(below).static_order())
