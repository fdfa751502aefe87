"""What a bundle's ``aver.yaml`` declares, put together: each section is read by the part of Aver that follows it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aver.core.clock import Clock
from aver.core.errors import SettingsError
from aver.core.yaml import YamlValue
from aver.gateway.config import description
from aver.gateway.config.read import config_of, open_bundle
from aver.gateway.config.shapes import Schema, Shape, keyed
from aver.gateway.config.source import BundleSource, keep_models
from aver.gateway.config.types import GatewayConfig
from aver.guard.builtin import NAMES
from aver.guard.declared import GUARDRAILS, Guardrails, read_guardrails
from aver.server.assistant import FEATURE, RETRIEVAL, AssistantConfig, read_assistant
from aver.server.ordering import ASSISTANT, EXTRACTIVE, FEATURES
from aver.server.prompts import FOLDER as PROMPTS
from aver.server.prompts import read_prompt

if TYPE_CHECKING:
    from aver.agents.acting.declaration import AgentConfig
    from aver.agents.tools import ToolsConfig
    from aver.evals.declaration import Evals
    from aver.governance.inventory.declaration import InventoryConfig
    from aver.ops.scorecard.declaration import ScorecardConfig
    from aver.ops.types import ObjectivesConfig
    from aver.releases.declaration import ReleaseConfig
    from aver.releases.flags.types import FlagsConfig

__all__ = ["POLICIES", "Bundle", "bundle_schema", "followed", "read_whole"]

_log = logging.getLogger("aver.bundle")
POLICIES = "policies"
"""The folder of a bundle's ``*.cedar`` files."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything declared. ``folder`` is where the bundle's other files are."""

    gateway: GatewayConfig
    guardrails: Guardrails = field(default_factory=Guardrails)
    assistant: AssistantConfig = field(default_factory=AssistantConfig)
    tools: ToolsConfig | None = None
    agents: Mapping[str, AgentConfig] = field(default_factory=dict)
    release: ReleaseConfig | None = None
    folder: Path | None = field(default=None, compare=False)
    evals: Evals | None = None
    flags: FlagsConfig | None = None
    objectives: ObjectivesConfig | None = None
    inventory: InventoryConfig | None = None
    scorecard: ScorecardConfig | None = None

    @property
    def policies(self) -> Sequence[Path]:
        """Where its policies are, beside the standard library."""
        return () if self.folder is None else (self.folder / POLICIES,)

    @property
    def roles(self) -> frozenset[str]:
        """Those that somebody may need for what is declared, beside the built-in ones."""
        approving = {each.agent.four_eyes.role for each in self.agents.values()}
        return frozenset(approving | (self.release.roles if self.release else set()))


def read_whole(directory: Path) -> Bundle:
    """The bundle in ``directory``, which may also be its file. Raises :class:`~aver.core.errors.SettingsError` with ``FILE:LINE``."""
    root, folder = open_bundle(directory)
    gateway = config_of(root, bundle=folder)
    sections = {} if root.is_null else {name.text(): value for name, value in keyed(root)}
    _refuse_rollouts(sections)
    guardrails = read_guardrails(sections["guardrails"], NAMES) if "guardrails" in sections else Guardrails()
    models = {**gateway.models, **gateway.routes}
    agents = _agents(sections, models, folder)
    return Bundle(
        gateway,
        guardrails,
        read_assistant(sections, models, folder),
        _tools(sections),
        agents,
        _release(sections),
        folder,
        _evals(sections),
        _flags(sections),
        _objectives(sections),
        _inventory(sections, models, agents),
        _scorecard(sections),
    )


def followed(directory: Path, clock: Clock) -> BundleSource[Bundle]:
    """The bundle in force; another object after its file has changed. A mistake anywhere in the file leaves all of the old in force, and the
    log is told."""

    def check(old: Bundle, new: Bundle) -> None:
        keep_models(old.gateway, new.gateway)

    return BundleSource(directory, _tell, read=read_whole, check=check, clock=clock, folders=(PROMPTS,))


def _tell(error: SettingsError) -> None:
    said = {"error": error.slug, "cause": error.cause}
    _log.error("the bundle has a mistake; what it said before stays in force", extra=said)


def bundle_schema() -> Schema:
    """The published JSON Schema of ``aver.yaml``."""
    from aver.agents.acting.declaration import AGENTS
    from aver.agents.tools.declaration import TOOLS
    from aver.evals.declaration import EVALS
    from aver.governance.inventory.declaration import INVENTORY
    from aver.ops.declaration import OBJECTIVES
    from aver.ops.scorecard.declaration import SCORECARD
    from aver.releases.declaration import RELEASE
    from aver.releases.flags.declaration import FLAGS
    from aver.releases.rollout.declaration import ROLLOUT
    from aver.releases.rollout.experiments import EXPERIMENTS

    rules = description.schema()
    shapes: dict[str, Shape[Any]] = {
        "feature": FEATURE,
        "retrieval": RETRIEVAL,
        "guardrails": GUARDRAILS,
        "tools": TOOLS,
        "agents": AGENTS,
        "release": RELEASE,
        "evals": EVALS,
        "objectives": OBJECTIVES,
        "inventory": INVENTORY,
        "scorecard": SCORECARD,
        "rollout": ROLLOUT,
        "experiments": EXPERIMENTS,
        "flags": FLAGS,
    }
    for name, shape in shapes.items():
        about = rules["properties"][name]["description"]
        rules["properties"][name] = {"description": about, "anyOf": [shape.schema(), {"type": "null"}]}
    return rules


def _refuse_rollouts(sections: Mapping[str, YamlValue]) -> None:
    """A mistake in how a release is to meet traffic is told with the others; what it says is read when a rollout begins."""
    if not sections.keys() & {"rollout", "experiments"}:
        return
    from aver.releases.rollout.declaration import read_plan
    from aver.releases.rollout.experiments import read_experiments

    for name, read in (("rollout", read_plan), ("experiments", read_experiments)):
        if name in sections and not sections[name].is_null:
            read(sections[name])


def _tools(sections: Mapping[str, YamlValue]) -> ToolsConfig | None:
    """Read only where something is declared: a gateway alone does without what tools need."""
    if "tools" not in sections:
        return None
    from aver.agents.tools.declaration import tools_of

    return tools_of(sections["tools"])


def _agents(sections: Mapping[str, YamlValue], models: Mapping[str, object], folder: Path) -> Mapping[str, AgentConfig]:
    if "agents" not in sections:
        return {}
    from aver.agents.acting.declaration import read_agents

    return read_agents(sections["agents"], models, FEATURES, lambda file: read_prompt(folder / file).text)


def _release(sections: Mapping[str, YamlValue]) -> ReleaseConfig | None:
    if "release" not in sections:
        return None
    from aver.releases.declaration import read_release

    return read_release(sections["release"])


def _evals(sections: Mapping[str, YamlValue]) -> Evals | None:
    if "evals" not in sections:
        return None
    from aver.evals.declaration import read_evals

    return read_evals(sections["evals"])


def _flags(sections: Mapping[str, YamlValue]) -> FlagsConfig | None:
    if "flags" not in sections:
        return None
    from aver.releases.flags.declaration import read_flags

    return read_flags(sections["flags"])


def _objectives(sections: Mapping[str, YamlValue]) -> ObjectivesConfig | None:
    if "objectives" not in sections:
        return None
    from aver.ops.declaration import read_objectives

    return read_objectives(sections["objectives"])


def _inventory(
    sections: Mapping[str, YamlValue], models: Mapping[str, object], agents: Mapping[str, object]
) -> InventoryConfig | None:
    if "inventory" not in sections or sections["inventory"].is_null:
        return None
    from aver.governance.inventory.declaration import read_inventory

    return read_inventory(sections["inventory"], {"features": {ASSISTANT, *agents}, "models": {EXTRACTIVE, *models}})


def _scorecard(sections: Mapping[str, YamlValue]) -> ScorecardConfig | None:
    if "scorecard" not in sections:
        return None
    from aver.ops.scorecard.declaration import read_scorecard

    return read_scorecard(sections["scorecard"])
