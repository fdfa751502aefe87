"""Which models are not asked this time, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aver.gateway.config.types import GatewayConfig, Model, Route
from aver.gateway.routing.choices import UNKNOWN
from aver.gateway.routing.types import Situation

__all__ = ["Filters", "barred"]


def barred(model: Model, routes: Sequence[Route]) -> str:
    """Why a model never answers at the end of these nested routes: ``region``, ``capability`` or nothing."""
    for route in routes:
        if route.region and model.region != route.region:
            return "region"
        if model.capabilities is not None and not route.requires <= model.capabilities:
            return "capability"
    return ""


class Filters:
    """Those of one route: only what is declared of its ``models`` can exclude one."""

    def __init__(self, config: GatewayConfig, models: Sequence[str]) -> None:
        declared = [config.models[name] for name in models]
        self.models = tuple(models)
        self._refuse = config.unknown_price == "refuse"
        self._capable = [(each.name, each.capabilities) for each in declared if each.capabilities is not None]
        self._contexts = [(each.name, each.context) for each in declared if each.context is not None]

    def apply(self, situation: Situation, known: dict[str, Any]) -> dict[str, str]:
        """The models left out, each with its reason; what was known of every model is put in ``known``.

        Labels, capabilities and prices hold always. Contexts and breakers never leave nobody: a bound on tokens is no count of them, and a
        model that failed may have recovered.
        """
        states = situation.states
        skipped: dict[str, str] = {}
        opened = []
        for name in self.models:
            state = states.get(name, UNKNOWN)
            known[name] = state._asdict()
            if name in situation.barred:
                skipped[name] = situation.barred[name]
            elif state.nano_usd is None and self._refuse:
                skipped[name] = "price"
            elif state.open:
                opened.append(name)
        if self._capable and situation.needs:
            for name, capabilities in self._capable:
                if not situation.needs <= capabilities:
                    skipped.setdefault(name, "capability")
        if self._contexts:
            tokens = situation.input_tokens + situation.output_tokens
            self._leave_out([name for name, context in self._contexts if tokens > context], "context", skipped)
        if opened:
            self._leave_out(opened, "breaker", skipped)
        return skipped

    def _leave_out(self, names: list[str], reason: str, skipped: dict[str, str]) -> None:
        names = [name for name in names if name not in skipped]
        if len(skipped) + len(names) < len(self.models):
            skipped |= dict.fromkeys(names, reason)
