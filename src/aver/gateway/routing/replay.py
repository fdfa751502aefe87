"""A decision made again from its record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aver.gateway.config.types import GatewayConfig, Route
from aver.gateway.routing.router import ConfiguredRouter
from aver.gateway.routing.types import ModelState, Plan, Situation

__all__ = ["replay"]


def replay(
    config: GatewayConfig, asked: str, inputs: Mapping[str, Any], *, draw: float, tenant: str = "", user: str = ""
) -> Plan:
    """The plan that a router of this configuration made with these :attr:`Plan.inputs`. ``tenant`` and ``user`` decide experiments
    alone."""
    scores: Mapping[str, Mapping[str, float]] = inputs.get("scores", {})

    def scored(route: Route, _text: str) -> Mapping[str, float]:
        return scores[route.name]

    situation = Situation(
        tenant=tenant,
        user=user,
        draw=draw,
        input_tokens=inputs["input_tokens"],
        output_tokens=inputs["output_tokens"],
        needs=frozenset(inputs["needs"]),
        states={name: ModelState(**state) for name, state in inputs["models"].items()},
        barred=inputs.get("barred", {}),
    )
    return ConfiguredRouter(config, scored if scores else None).plan(asked, situation)
