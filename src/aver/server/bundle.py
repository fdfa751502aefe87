"""What a bundle's ``aver.yaml`` declares, put together: each section is read by the part of Aver that follows it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aver.core.clock import Clock
from aver.core.errors import SettingsError
from aver.core.yaml import YamlValue, nearest
from aver.gateway.config import description
from aver.gateway.config.read import config_of, open_bundle
from aver.gateway.config.shapes import Field, Record, Schema, keyed
from aver.gateway.config.source import BundleSource, keep_models
from aver.gateway.config.types import GatewayConfig
from aver.gateway.config.words import NAME
from aver.guard.builtin import NAMES
from aver.guard.declared import GUARDRAILS, Guardrails, read_guardrails
from aver.server.ordering import EXTRACTIVE, FEATURES

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
    model: str = ""
    """The model or route that answers from documents, or ``extractive``; nothing where that is not said."""
    tools: ToolsConfig | None = None
    agents: Mapping[str, AgentConfig] = field(default_factory=dict)
    folder: Path | None = field(default=None, compare=False)

    @property
    def policies(self) -> Sequence[Path]:
        """Where its policies are, beside the standard library."""
        return () if self.folder is None else (self.folder / POLICIES,)


def read_whole(directory: Path) -> Bundle:
    """The bundle in ``directory``, which may also be its file. Raises :class:`~aver.core.errors.SettingsError` with ``FILE:LINE``."""
    root, folder = open_bundle(directory)
    gateway = config_of(root, bundle=folder)
    sections = {} if root.is_null else {name.text(): value for name, value in keyed(root)}
    _refuse_rollouts(sections)
    guardrails = read_guardrails(sections["guardrails"], NAMES) if "guardrails" in sections else Guardrails()
    return Bundle(gateway, guardrails, _model(sections, gateway), _tools(sections), _agents(sections, gateway), folder)


def followed(directory: Path, clock: Clock) -> BundleSource[Bundle]:
    """The bundle in force; another object after its file has changed. A mistake anywhere in the file leaves all of the old in force, and the
    log is told."""

    def check(old: Bundle, new: Bundle) -> None:
        keep_models(old.gateway, new.gateway)

    return BundleSource(directory, _tell, read=read_whole, check=check, clock=clock)


def _tell(error: SettingsError) -> None:
    said = {"error": error.slug, "cause": error.cause}
    _log.error("the bundle has a mistake; what it said before stays in force", extra=said)


def bundle_schema() -> Schema:
    """The published JSON Schema of ``aver.yaml``."""
    from aver.agents.acting.declaration import AGENTS
    from aver.agents.tools.declaration import TOOLS
    from aver.releases.flags.declaration import FLAGS
    from aver.releases.rollout.declaration import ROLLOUT
    from aver.releases.rollout.experiments import EXPERIMENTS

    rules = description.schema()
    rolled = (("rollout", ROLLOUT), ("experiments", EXPERIMENTS), ("flags", FLAGS))
    for name, shape in (
        *rolled,
        ("feature", _FEATURE),
        ("guardrails", GUARDRAILS),
        ("tools", TOOLS),
        ("agents", AGENTS),
    ):
        about = rules["properties"][name]["description"]
        rules["properties"][name] = {"description": about, "anyOf": [shape.schema(), {"type": "null"}]}
    return rules


def _feature(model: str = "") -> str:
    return model


_FEATURE = Record(
    _feature,
    {
        "model": Field(
            NAME, f"What answers from documents: a model, a route, or {EXTRACTIVE} for sentences quoted as they are."
        )
    },
    lambda model: {"model": model} if model else {},
)


def _model(sections: Mapping[str, YamlValue], gateway: GatewayConfig) -> str:
    section = sections.get("feature")
    if section is None or section.is_null:
        return ""
    model: str = _FEATURE.read(section)
    known = {EXTRACTIVE, *gateway.models, *gateway.routes}
    if model and model not in known:
        place = next(value for key, value in keyed(section) if key.text() == "model")
        raise place.error(f"there is no model or route {model!r}", nearest(model, known))
    return model


def _refuse_rollouts(sections: Mapping[str, YamlValue]) -> None:
    """A mistake in how a release is to meet traffic is told with the others; what it says is read when a rollout begins."""
    from aver.releases.flags.declaration import read_flags
    from aver.releases.rollout.declaration import read_plan
    from aver.releases.rollout.experiments import read_experiments

    for name, read in (("rollout", read_plan), ("experiments", read_experiments), ("flags", read_flags)):
        if name in sections and not sections[name].is_null:
            read(sections[name])


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
