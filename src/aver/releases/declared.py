"""What a bundle's ``aver.yaml`` declares, as the plain values that a manifest holds."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from aver.agents.acting.declaration import AGENTS, read_agents
from aver.agents.tools import Pins
from aver.agents.tools.declaration import TOOLS, tools_of
from aver.core.errors import SettingsError
from aver.core.yaml import YamlValue
from aver.gateway.config.description import GATEWAY
from aver.gateway.config.read import BUNDLE_FILE, config_of, open_bundle
from aver.gateway.config.shapes import keyed
from aver.gateway.config.types import GatewayConfig
from aver.guard.builtin import NAMES
from aver.guard.declared import GUARDRAILS, read_guardrails
from aver.releases.declaration import RELEASE, read_release

__all__ = ["approved_in", "config_in", "declared_in"]


def config_in(folder: Path) -> Mapping[str, YamlValue]:
    """The sections of ``aver.yaml`` in ``folder``. Raises :class:`SettingsError` where there is none, or it is no mapping."""
    if not (folder / BUNDLE_FILE).is_file():
        raise SettingsError(f"{folder / BUNDLE_FILE} is no file", f"Name the folder that {BUNDLE_FILE} is in.")
    root, _ = open_bundle(folder)
    return {} if root.is_null else {name.text(): value for name, value in keyed(root)}


def declared_in(folder: Path) -> dict[str, Any]:
    """By section, what is declared in ``folder``. Sections that have a shape are written by it, without what is as by default, so that what is
    only written otherwise is the same; any other section as it stands. Raises :class:`SettingsError` with ``FILE:LINE``."""
    sections = config_in(folder)
    root, _ = open_bundle(folder)
    gateway = config_of(root, bundle=folder)
    found = {
        name: value.plain() for name, value in sections.items() if name not in GATEWAY.fields and not value.is_null
    }
    found |= GATEWAY.write(gateway)
    found |= {name: _written(name, sections[name], gateway, folder) for name in _SHAPED if name in found}
    return {name: value for name, each in found.items() if (value := _plain(each)) not in ({}, [], None)}


def _plain(value: Any) -> Any:
    """As JSON has it: prices are decimals to the shapes."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    return value


def approved_in(folder: Path, declared: Mapping[str, Any]) -> dict[str, Any]:
    """What was approved of the declared tools of MCP servers, as a manifest holds tools. Raises :class:`SettingsError` for approvals that
    cannot be read."""
    approved = Pins(folder).approved
    servers = declared.get("tools", {}).get("mcp", {})
    return {
        f"{server.get('prefix', '')}{tool}": {
            "origin": f"mcp {name}",
            **{word: said.get(word) for word in ("description", "parameters", "returns")},
        }
        for name, server in servers.items()
        for tool, said in approved.get(name, {}).items()
        if tool in server.get("tools", {})
    }


_SHAPED = ("guardrails", "tools", "agents", "release")


def _written(name: str, section: YamlValue, gateway: GatewayConfig, folder: Path) -> Any:
    if name == "guardrails":
        return GUARDRAILS.write(read_guardrails(section, NAMES))
    if name == "tools":
        return TOOLS.write(tools_of(section))
    if name == "release":
        return RELEASE.write(read_release(section))
    models = {**gateway.models, **gateway.routes}
    # A prompt is written by its file's name, so what stands in it only has to be there.
    return AGENTS.write(read_agents(section, models, read_prompt=lambda file: _text(folder / file)))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f"{file} cannot be read: {reason}", "Correct the name, or put the prompt there.") from None
