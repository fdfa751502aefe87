"""The section ``sandbox`` of a bundle, said once: what reads it, writes it and makes its schema::

sandbox:
  level: strict
  code: {seconds: 10s, memory_mb: 256}
  tools:
    prices:
      limits: {seconds: 5s}
      network:
        hosts: {api.example.com: {}, metrics.internal: {port: 8080, tls: false, private: true}}
        secrets:
          PRICES_KEY: {credential: env:PRICES_KEY, hosts: [api.example.com]}

Under ``tools`` stand files of ``tools.python``, by their names there; ``code``, be it empty, offers ``run_python``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import yaml

from aver.agents.sandbox.egress import Host, Network, Secret
from aver.agents.sandbox.types import Level, Limits
from aver.core.errors import SettingsError
from aver.core.yaml import YamlValue, nearest, parse_yaml
from aver.gateway.config.read import BUNDLE_FILE, refuse_length
from aver.gateway.config.shapes import Boolean, Choice, Field, MapOf, Schema, Text, Whole
from aver.gateway.config.words import CREDENTIAL, NAME, NAMES, POSITIVE, record

__all__ = [
    "SANDBOX",
    "FileSandbox",
    "NetworkConfig",
    "SandboxConfig",
    "SecretConfig",
    "network_of",
    "parse_sandbox",
    "read_sandbox",
    "sandbox_schema",
]


@dataclass(frozen=True, slots=True)
class SecretConfig:
    """As :class:`~aver.agents.sandbox.egress.types.Secret`, by a reference to its value; ``name`` is the variable."""

    name: str
    credential: str
    hosts: tuple[str, ...]
    headers: tuple[str, ...] = ("Authorization",)


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    hosts: Mapping[str, Host]
    secrets: Mapping[str, SecretConfig] = field(default_factory=dict)
    megabytes: int = 16


@dataclass(frozen=True, slots=True)
class FileSandbox:
    """Within what the functions of one file run."""

    name: str
    limits: Limits = field(default_factory=Limits)
    network: NetworkConfig | None = None


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """``code`` are the limits of code that a model writes; without them there is none."""

    level: Level = "strict"
    code: Limits | None = None
    tools: Mapping[str, FileSandbox] = field(default_factory=dict)


_LIMITS = record(
    Limits,
    seconds=Field(POSITIVE, "By the clock."),
    cpu_seconds=Field(Whole(1, 86_400), "Of computing, of each process."),
    memory_mb=Field(Whole(64, 2**20), "Of each process."),
    processes=Field(Whole(1, 1000), "At once."),
    disk_mb=Field(Whole(1, 2**20), "Of all that is written."),
    files=Field(Whole(16, 10**6), "That are made."),
    open_files=Field(Whole(16, 10_000), "At once."),
    output_kb=Field(Whole(1, 2**17), "Of a value, and of what is printed on each stream."),
)
_HOST = record(
    Host,
    port=Field(Whole(1, 2**16 - 1), "443, if left out."),
    tls=Field(Boolean(), "Whether TLS is spoken to it."),
    private=Field(Boolean(), "Whether it may be on a private network or on this machine."),
)
_SECRET = record(
    SecretConfig,
    credential=Field(CREDENTIAL, "Where the secret is kept.", required=True),
    hosts=Field(NAMES, "The declared hosts that get it.", required=True),
    headers=Field(NAMES, "The headers in which they get it."),
)
_VARIABLE = Text(r"^[A-Za-z_][A-Za-z0-9_]*$", "the name of a variable", longest=200)
_NETWORK = record(
    NetworkConfig,
    hosts=Field(MapOf(NAME, _HOST), "What may be connected to, by name or address.", required=True),
    secrets=Field(MapOf(_VARIABLE, _SECRET), "What is put into requests on their way out, by variable.", optional=True),
    megabytes=Field(Whole(1, 2**20), "Sent and received together, in one call."),
)
_FILE = record(
    FileSandbox,
    limits=Field(_LIMITS, "What one call may use.", optional=True),
    network=Field(_NETWORK, "What it may reach; nothing, if left out.", optional=True),
)
SANDBOX = record(
    SandboxConfig,
    level=Field(
        Choice("level", get_args(Level)), "Whether everything is held or nothing is run, or what is to be had."
    ),
    code=Field(_LIMITS, "Offers code that the model writes, within these limits.", optional=True),
    tools=Field(MapOf(NAME, _FILE), "What the files under tools.python need, each by its name.", optional=True),
)


def read_sandbox(directory: Path) -> SandboxConfig:
    """What the bundle in ``directory`` declares under ``sandbox``. Raises as :func:`parse_sandbox` does, and for a file that cannot be
    read."""
    path = directory / BUNDLE_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f"{path} cannot be read: {reason}", f"Put {BUNDLE_FILE} there, readable.") from None
    return parse_sandbox(text, str(path))


def parse_sandbox(text: str, name: str) -> SandboxConfig:
    """The section ``sandbox`` of ``text``, a bundle called ``name`` in errors; other sections are passed over.

    Raises :class:`~aver.core.errors.SettingsError` with ``NAME:LINE`` for what is misspelt, missing or contradictory.
    """
    refuse_length(text, name)
    root = parse_yaml(text, name)
    section = None if root.is_null else root.fields(_words(root.node)).get("sandbox")
    if section is None or section.is_null:
        return SandboxConfig()
    config: SandboxConfig = SANDBOX.read(section)
    for file in config.tools.values():
        _check(section, file)
    return config


async def network_of(config: NetworkConfig | None, resolve: Callable[[str], Awaitable[str]]) -> Network | None:
    """What is declared, with the secrets that ``resolve`` gives for their references."""
    if config is None:
        return None
    secrets = [
        Secret(each.name, await resolve(each.credential), each.hosts, each.headers) for each in config.secrets.values()
    ]
    return Network([*config.hosts.values()], secrets, config.megabytes)


def sandbox_schema() -> Schema:
    """JSON Schema, draft 2020-12, of the section ``sandbox``."""
    return SANDBOX.schema()


def _check(section: YamlValue, file: FileSandbox) -> None:
    if file.network is None:
        return
    for secret in file.network.secrets.values():
        for host in secret.hosts:
            if host not in file.network.hosts:
                said = f"the secret {secret.name!r} of {file.name!r} is for {host!r}, which it may not connect to"
                raise section.error(said, nearest(host, [*file.network.hosts]))


def _words(node: Any) -> list[str]:
    return [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
