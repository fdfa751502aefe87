"""The part of ``aver.yaml`` that declares the gateway, said once: the reader, the writer and the published schema follow it."""

from __future__ import annotations

from typing import Any

from aver.gateway.config.model_shapes import MODEL, PROVIDER
from aver.gateway.config.route_shapes import BUDGET, ROUTE
from aver.gateway.config.shapes import Choice, Field, ListOf, MapOf, Record, Schema
from aver.gateway.config.types import GatewayConfig
from aver.gateway.config.words import NAME, parts

__all__ = ["GATEWAY", "schema"]

OTHERS = {
    "feature": "How the assistant answers from documents.",
    "retrieval": "Where passages come from.",
    "guardrails": "What is checked before and after the model.",
    "tools": "What the model may ask to be done.",
    "agents": "Features that act, by calling tools.",
    "evals": "How well the feature does: labelled sets, judges, gates.",
    "objectives": "What is promised of the feature.",
    "inventory": "Whose each feature, model, prompt, dataset, tool and source is, and how risky.",
    "scorecard": "What is asked of the figures that an organisation steers by.",
    "release": "What a release is made of, and what it needs on its way to users.",
    "rollout": "How a release meets its users.",
    "experiments": "Releases that are tried beside each other.",
    "flags": "What is switched for some users and not for others.",
}
"""Sections of the file that other parts of Aver read."""


def _gateway(**given: Any) -> GatewayConfig:
    return GatewayConfig(**given)


GATEWAY = Record(
    _gateway,
    {
        "providers": Field(MapOf(NAME, PROVIDER), "Endpoints, and how to be let in.", optional=True),
        "models": Field(MapOf(NAME, MODEL), "Models, by the names that callers use.", optional=True),
        "routes": Field(MapOf(NAME, ROUTE), "Names that callers use as a model's, and who answers.", optional=True),
        "budgets": Field(ListOf(BUDGET), "What may be spent, by whom, how often.", optional=True),
        "unknown_price": Field(
            Choice("way with unknown prices", ("refuse", "highest")),
            "A model without a price is not called, or is counted at the highest price known.",
        ),
    },
    parts,
    OTHERS,
)


def schema() -> Schema:
    """The published JSON Schema of ``aver.yaml``."""
    rules = GATEWAY.schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "aver.yaml",
        "description": "What a bundle declares.",
        # An empty file is valid.
        **rules,
        "type": ["object", "null"],
    }
