"""Routes as trees: who is asked, in which order, and who steps in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aver.server.cli.output import printable

if TYPE_CHECKING:
    from rich.tree import Tree

    from aver.gateway.config.types import GatewayConfig, Route

__all__ = ["draw", "settings_of"]

_WEIGHED = ("weighted", "experiment")
_COALESCED = {"deterministic": "what leaves nothing to chance", "always": "equal requests"}


def draw(config: GatewayConfig, route: Route) -> Tree:
    """A route with everything below it. Routes never run in a circle: a bundle in which they do is not read."""
    from rich.text import Text
    from rich.tree import Tree

    about = " \N{MIDDLE DOT} ".join((route.strategy, *settings_of(route)))
    tree = Tree(Text.assemble((printable(route.name), "bold"), f"  {about}"), guide_style="dim")
    _branch(tree, config, route)
    return tree


def _branch(tree: Tree, config: GatewayConfig, route: Route) -> None:
    from rich.text import Text

    total = sum(arm.weight for arm in route.arms)
    for number, arm in enumerate(route.arms, start=1):
        place = f"{100 * arm.weight / total:.3g} %" if route.strategy in _WEIGHED else f"{number}."
        _leaf(tree, config, arm.target, place)
    for error, targets in route.fallback.items():
        branch = tree.add(Text(f"after {error}", "yellow"))
        for number, target in enumerate(targets, start=1):
            _leaf(branch, config, target, f"{number}.")


def _leaf(tree: Tree, config: GatewayConfig, target: str, place: str) -> None:
    from rich.text import Text

    name = printable(target)
    if target in config.routes:
        route = config.routes[target]
        about = " \N{MIDDLE DOT} ".join((route.strategy, *settings_of(route)))
        _branch(tree.add(Text.assemble((f"{place} ", "cyan"), (name, "bold"), f"  {about}")), config, route)
    else:
        provider = printable(config.models[target].provider)
        tree.add(Text.assemble((f"{place} ", "cyan"), name, (f"  at {provider}", "dim")))


def settings_of(route: Route) -> Iterator[str]:
    """What is set on a route, each in a few words."""
    from aver.gateway.config.units import duration_text

    if route.cache.exact:
        yield f"cache {duration_text(route.cache.exact)}"
    if route.cache.semantic:
        yield f"semantic cache {duration_text(route.cache.semantic)}"
    if route.cache.shared and (route.cache.exact or route.cache.semantic):
        yield "cache shared"
    if route.cache.coalesce != "never":
        yield f"coalesces {_COALESCED[route.cache.coalesce]}"
    if route.hedge:
        yield f"hedge after the {100 * route.hedge.quantile:.3g} % quantile"
    if route.cascade:
        yield f"keeps what is {', '.join(route.cascade.checks)}"
    if route.learned:
        yield f"learned from {printable(route.learned.model)}"
    if route.requires:
        yield f"requires {', '.join(sorted(route.requires))}"
    if route.region:
        yield f"only in {printable(route.region)}"
    if route.compress:
        yield f"leaves out up to {100 * route.compress:.3g} % of long contexts"
