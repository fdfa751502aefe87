"""What is tested where nothing is declared: two providers of different families, one standing in for the other, and one alone."""

from __future__ import annotations

from aver.gateway.config.types import Arm, GatewayConfig, Model, ProviderConfig, Route

__all__ = ["SAMPLE"]

SAMPLE = GatewayConfig(
    providers={
        "one": ProviderConfig("one", "openai", "https://one.example/v1", credential="env:ONE_KEY"),
        "other": ProviderConfig("other", "anthropic", "https://other.example", credential="env:OTHER_KEY"),
    },
    models={
        "first": Model("first", "one", "first-1"),
        "second": Model("second", "other", "second-1"),
    },
    routes={
        "assistant": Route(
            "assistant",
            (Arm("first"), Arm("second")),
            fallback={"rate_limit": ("second",), "context_window": ("second",), "content_filter": ("second",)},
        ),
        "alone": Route("alone", (Arm("first"),)),
    },
)
