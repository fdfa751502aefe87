"""What a bundle's ``aver.yaml`` declares, put together: each section is read by the part of Aver that follows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from aver.core.clock import Clock
from aver.gateway.config import description
from aver.gateway.config.read import config_of, open_bundle
from aver.gateway.config.shapes import Schema, keyed
from aver.gateway.config.source import BundleSource, keep_models
from aver.gateway.config.types import GatewayConfig
from aver.guard.builtin import NAMES
from aver.guard.declared import GUARDRAILS, Guardrails, read_guardrails

__all__ = ["Bundle", "bundle_schema", "followed", "read_whole"]


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything declared."""

    gateway: GatewayConfig
    guardrails: Guardrails = field(default_factory=Guardrails)


def read_whole(directory: Path) -> Bundle:
    """The bundle in ``directory``, which may also be its file. Raises :class:`~aver.core.errors.SettingsError` with ``FILE:LINE``."""
    root, folder = open_bundle(directory)
    gateway = config_of(root, bundle=folder)
    sections = {} if root.is_null else {name.text(): value for name, value in keyed(root)}
    if "guardrails" not in sections:
        return Bundle(gateway)
    return Bundle(gateway, read_guardrails(sections["guardrails"], NAMES))


def followed(directory: Path, clock: Clock) -> Callable[[], Bundle]:
    """The bundle in force; another object after its file has changed. A mistake anywhere in the file leaves all of the old in force."""
    return BundleSource(
        directory, read=read_whole, check=lambda old, new: keep_models(old.gateway, new.gateway), clock=clock
    )


def bundle_schema() -> Schema:
    """The published JSON Schema of ``aver.yaml``."""
    rules = description.schema()
    about = rules["properties"]["guardrails"]["description"]
    rules["properties"]["guardrails"] = {"description": about, "anyOf": [GUARDRAILS.schema(), {"type": "null"}]}
    return rules
