"""What a bundle's ``aver.yaml`` declares, put together: each section is read by the part of Aver that follows it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aver.core.clock import Clock
from aver.core.errors import SettingsError
from aver.core.yaml import YamlValue
from aver.gateway.config import description
from aver.gateway.config.read import config_of, open_bundle
from aver.gateway.config.shapes import Schema, keyed
from aver.gateway.config.source import BundleSource, keep_models
from aver.gateway.config.types import GatewayConfig
from aver.guard.builtin import NAMES
from aver.guard.declared import GUARDRAILS, Guardrails, read_guardrails
from aver.server.feature import FEATURE, FeatureConfig, read_feature
from aver.server.ordering import FEATURES

if TYPE_CHECKING:
    from aver.agents.acting.declaration import AgentConfig
    from aver.agents.tools import ToolsConfig

__all__ = ["POLICIES", "Bundle", "bundle_schema", "followed", "read_whole"]

_log = logging.getLogger("aver.bundle")
POLICIES = "policies"
"""The folder of a bundle's ``*.cedar`` files."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything declared. ``folder`` is where the bundle's other files are."""

    gateway: GatewayConfig
    guardrails: Guardrails = field(default_factory=Guardrails)
    feature: FeatureConfig = field(default_factory=FeatureConfig)
    tools: ToolsConfig | None = None
    agents: Mapping[str, AgentConfig] = field(default_factory=dict)
    folder: Path | None = field(default=None, compare=False)

    @property
    def files(self) -> Sequence[Path]:
        """What is read beside its file."""
        named = self.feature.instructions
        return (self.folder / named,) if self.folder is not None and named else ()

    @property
    def policies(self) -> Sequence[Path]:
        """Where its policies are, beside the standard library."""
        return () if self.folder is None else (self.folder / POLICIES,)


def read_whole(directory: Path) -> Bundle:
    """The bundle in ``directory``, which may also be its file. Raises :class:`~aver.core.errors.SettingsError` with ``FILE:LINE``."""
    root, folder = open_bundle(directory)
    gateway = config_of(root, bundle=folder)
    sections = {} if root.is_null else {name.text(): value for name, value in keyed(root)}
    guardrails = read_guardrails(sections["guardrails"], NAMES) if "guardrails" in sections else Guardrails()
    feature = read_feature(sections["feature"], gateway, folder) if "feature" in sections else FeatureConfig()
    return Bundle(gateway, guardrails, feature, _tools(sections), _agents(sections, gateway), folder)


def followed(directory: Path, clock: Clock) -> BundleSource[Bundle]:
    """The bundle in force; another object after its file has changed. A mistake anywhere in the file leaves all of the old in force, and the
    log is told."""

    def check(old: Bundle, new: Bundle) -> None:
        keep_models(old.gateway, new.gateway)

    return BundleSource(directory, _tell, read=read_whole, check=check, files=lambda bundle: bundle.files, clock=clock)


def _tell(error: SettingsError) -> None:
    said = {"error": error.slug, "cause": error.cause}
    _log.error("the bundle has a mistake; what it said before stays in force", extra=said)


def bundle_schema() -> Schema:
    """The published JSON Schema of ``aver.yaml``."""
    from aver.agents.acting.declaration import AGENTS
    from aver.agents.tools.declaration import TOOLS

    rules = description.schema()
    for name, shape in (("feature", FEATURE), ("guardrails", GUARDRAILS), ("tools", TOOLS), ("agents", AGENTS)):
        about = rules["properties"][name]["description"]
        rules["properties"][name] = {"description": about, "anyOf": [shape.schema(), {"type": "null"}]}
    return rules


def _tools(sections: Mapping[str, YamlValue]) -> ToolsConfig | None:
    """Read only where something is declared: a gateway alone does without what tools need."""
    if "tools" not in sections:
        return None
    from aver.agents.tools.declaration import tools_of

    return tools_of(sections["tools"])


def _agents(sections: Mapping[str, YamlValue], gateway: GatewayConfig) -> Mapping[str, AgentConfig]:
    if "agents" not in sections:
        return {}
    from aver.agents.acting.declaration import read_agents

    return read_agents(sections["agents"], {**gateway.models, **gateway.routes}, FEATURES)
