"""The section ``tools`` of a bundle, said once: what reads it, writes it and makes its schema::

tools:
  python:
    desk:
      file: tools/desk.py
      hosts: {desk.example.com: {}}
      secrets: {DESK_KEY: {credential: env:DESK_KEY, hosts: [desk.example.com]}}
      tools:
        close_ticket: {effects: [write], targets: [ticket], reversal: compensable, compensation: reopen_ticket}
  code:
    analyst:
      hosts: {data.example.com: {}}
      limits: {seconds: 20s, memory_mb: 256}
  mcp:
    calendar:
      command: [calendar-server, --stdio]
      environment: {CALENDAR_TOKEN: env:CALENDAR_TOKEN}
      tools:
        list_events: {effects: [read], output: trusted, untrusted_fields: [events.title]}
  openapi:
    shop:
      document: tools/shop.yaml
      credential: env:SHOP_TOKEN
      tools:
        getOrder: {effects: [read], targets: [order]}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from aver.agents import sandbox
from aver.agents.sandbox import Host
from aver.agents.tools.annotations import ANNOTATIONS, TOOL
from aver.agents.tools.operation import Limits
from aver.core.errors import SettingsError
from aver.core.yaml import YamlValue, parse_yaml
from aver.gateway.config.quantities import Duration
from aver.gateway.config.read import BUNDLE_FILE, refuse_length
from aver.gateway.config.shapes import Boolean, Choice, Field, ListOf, MapOf, Record, Schema, Text, Whole
from aver.gateway.config.words import CREDENTIAL, INSIDE, TEXT, URL, parts
from aver.policy import Annotations

__all__ = [
    "TOOLS",
    "ApiConfig",
    "CodeConfig",
    "FileConfig",
    "HeldLimits",
    "Level",
    "SecretConfig",
    "ServerConfig",
    "ToolsConfig",
    "parse_tools",
    "read_tools",
    "tools_of",
    "tools_schema",
]

_PREFIX = Text(r"^[A-Za-z0-9_-]{1,32}$", "letters, digits, dashes and underscores", longest=32)
_ANNOTATED = MapOf(TEXT, ANNOTATIONS)


Level = Literal["strict", "process", "none"]
"""How a function is held while it runs: as the sandbox's levels are, or within Aver's own process."""


@dataclass(frozen=True, slots=True)
class SecretConfig:
    """A credential that is put into ``headers`` of requests to ``hosts`` on their way out; the function never has it."""

    name: str
    credential: str
    hosts: tuple[str, ...]
    headers: tuple[str, ...] = ("Authorization",)


@dataclass(frozen=True, slots=True)
class HeldLimits(Limits):
    """What one call in a sandbox may take: of computing as many seconds as of time, ``memory_mb`` in each of its ``processes``,
    ``disk_mb`` of files, and ``exchanged_mb`` with its hosts."""

    memory_mb: int = 512
    processes: int = 1
    disk_mb: int = 64
    exchanged_mb: int = 16


@dataclass(frozen=True, slots=True)
class CodeConfig:
    """The tool ``run_python``: code that a model writes. It runs at the level ``sandbox``, where it reaches ``hosts`` and nothing else."""

    name: str
    sandbox: Level = "strict"
    hosts: Mapping[str, Host] = field(default_factory=dict)
    secrets: Mapping[str, SecretConfig] = field(default_factory=dict)
    prefix: str = ""
    tools: Mapping[str, Annotations] = field(default_factory=dict)
    limits: HeldLimits = field(default_factory=HeldLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileConfig(CodeConfig):
    """A Python file of the bundle, whose functions under ``@tool`` are tools. They run as code does."""

    file: str


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """An MCP server: a ``command`` that speaks over its pipes, or a ``url``. ``environment`` is all of the environment that the command
    has; values that are references to credentials are resolved. ``credential`` is sent to the ``url`` as ``header``."""

    name: str
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    credential: str = ""
    header: str = "Authorization"
    prefix: str = ""
    tools: Mapping[str, Annotations] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """An HTTP API that an OpenAPI ``document`` of the bundle describes, at ``url`` or where the document says. The ``credential`` is put
    where the document's security scheme wants it."""

    name: str
    document: str
    url: str = ""
    credential: str = ""
    prefix: str = ""
    tools: Mapping[str, Annotations] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class ToolsConfig:
    """Every origin of tools, by kind and name."""

    python: Mapping[str, FileConfig] = field(default_factory=dict)
    code: Mapping[str, CodeConfig] = field(default_factory=dict)
    mcp: Mapping[str, ServerConfig] = field(default_factory=dict)
    openapi: Mapping[str, ApiConfig] = field(default_factory=dict)


def _limits_parts(limits: Limits) -> dict[str, Any]:
    return {each.name: value for each in fields(limits) if (value := getattr(limits, each.name)) != each.default}


_ONE_CALL = {
    "seconds": Field(Duration(above=True), "How long one call may take."),
    "largest": Field(Whole(1, 2**26), "Bytes of a result that are read."),
    "shown": Field(Whole(100, 10**6), "Characters of a result that a model is shown."),
}
_HELD = {
    "memory_mb": Field(Whole(64, 2**20), "MB of memory of each process; 512, if left out."),
    "processes": Field(Whole(1, 1000), "How many processes there may be at once; one, if left out."),
    "disk_mb": Field(Whole(1, 2**20), "MB of files; 64, if left out."),
    "exchanged_mb": Field(Whole(1, 2**20), "MB sent to hosts and received from them; 16, if left out."),
}
_COMMON = {
    "prefix": Field(_PREFIX, "What its tools' names begin with, so that they differ from others'."),
    "tools": Field(_ANNOTATED, "What each tool does; one that is not here is not offered.", optional=True),
    "limits": Field(Record(Limits, _ONE_CALL, _limits_parts), "What one call may take."),
}
_HOST = Text(r"^[A-Za-z0-9.:-]+$", "the name of a host, or its address", longest=253)
_HEADER = Text(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", "the name of a header", longest=100)
_VARIABLE = Text(r"^[A-Za-z_][A-Za-z0-9_]*$", "the name of a variable")
_REACHED = Record(
    Host,
    {
        "port": Field(Whole(1, 65535), "443 if left out."),
        "tls": Field(Boolean(), "Whether it is spoken to over TLS; yes, if left out."),
        "private": Field(Boolean(), "Whether it may be on a private network or this machine."),
    },
    parts,
)
_SECRET = Record(
    SecretConfig,
    {
        "credential": Field(CREDENTIAL, "Where it is kept.", required=True),
        "hosts": Field(ListOf(_HOST, least=1), "The declared hosts that it is sent to.", required=True),
        "headers": Field(ListOf(_HEADER, least=1), "The headers it may stand in; Authorization, if left out."),
    },
    parts,
)
_IN_SANDBOX = {
    **_COMMON,
    "hosts": Field(MapOf(_HOST, _REACHED), "What is reached over the network.", optional=True),
    "secrets": Field(MapOf(_VARIABLE, _SECRET), "Credentials put on requests to hosts, by variable.", optional=True),
    "limits": Field(Record(HeldLimits, {**_ONE_CALL, **_HELD}, _limits_parts), "What one call may take."),
}
_CODE = Record(
    CodeConfig,
    {
        "sandbox": Field(Choice("level", get_args(sandbox.Level)), "How the code is held; strict, if left out."),
        **_IN_SANDBOX,
    },
    parts,
)
_FILE = Record(
    FileConfig,
    {
        "file": Field(INSIDE, "A Python file of the bundle.", required=True),
        "sandbox": Field(Choice("level", get_args(Level)), "How its functions are held; strict, if left out."),
        **_IN_SANDBOX,
    },
    parts,
)
_SERVER = Record(
    ServerConfig,
    {
        "command": Field(ListOf(TEXT, least=1), "The program that is the server, and its arguments."),
        "environment": Field(
            MapOf(_VARIABLE, TEXT),
            "All of the environment it has; env:NAME and other references are resolved.",
        ),
        "url": Field(URL, "Where the server is, instead of a command."),
        "credential": Field(CREDENTIAL, "What it is let in by, at that address."),
        "header": Field(_HEADER, "The header that carries it; Authorization, as a bearer's, if left out."),
        **_COMMON,
    },
    parts,
)
_API = Record(
    ApiConfig,
    {
        "document": Field(INSIDE, "The OpenAPI document, a file of the bundle.", required=True),
        "url": Field(URL, "Where the API is; where the document says, if left out."),
        "credential": Field(CREDENTIAL, "What Aver is let in by; put where the document wants it."),
        **_COMMON,
    },
    parts,
)
TOOLS = Record(
    ToolsConfig,
    {
        "python": Field(MapOf(TOOL, _FILE), "Files of typed functions.", optional=True),
        "code": Field(MapOf(TOOL, _CODE), "Python that a model writes, in a sandbox.", optional=True),
        "mcp": Field(MapOf(TOOL, _SERVER), "Servers of the Model Context Protocol.", optional=True),
        "openapi": Field(MapOf(TOOL, _API), "HTTP APIs that describe themselves.", optional=True),
    },
    parts,
)


def read_tools(directory: Path) -> ToolsConfig:
    """What the bundle in ``directory`` declares under ``tools``. Raises as :func:`parse_tools` does, and for a file that cannot be read."""
    path = directory / BUNDLE_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f"{path} cannot be read: {reason}", f"Put {BUNDLE_FILE} there, readable.") from None
    return parse_tools(text, str(path))


def parse_tools(text: str, name: str) -> ToolsConfig:
    """The section ``tools`` of ``text``, a bundle called ``name`` in errors; other sections are passed over.

    Raises :class:`~aver.core.errors.SettingsError` with ``NAME:LINE`` for what is misspelt, missing or contradictory.
    """
    refuse_length(text, name)
    root = parse_yaml(text, name)
    section = None if root.is_null else root.fields(_words(root.node)).get("tools")
    return ToolsConfig() if section is None else tools_of(section)


def tools_of(section: YamlValue) -> ToolsConfig:
    """What is written under ``tools``. Raises as :func:`parse_tools` does."""
    if section.is_null:
        return ToolsConfig()
    config: ToolsConfig = TOOLS.read(section)
    for server in config.mcp.values():
        if bool(server.command) == bool(server.url):
            raise section.error(f"the MCP server {server.name!r} has not just one of command and url", "Keep one.")
        if server.credential and not server.url:
            said = f"the credential of the MCP server {server.name!r} is sent to no address"
            raise section.error(said, "Give it to the command in its environment.")
    for held in (*config.python.values(), *config.code.values()):
        if held.sandbox == "none" and (held.hosts or held.secrets or _needs_sandbox(held.limits)):
            said = (
                f"the functions of {held.name!r} run in no sandbox, which alone holds them to hosts, secrets and memory"
            )
            raise section.error(said, "Leave out sandbox: none, or what it cannot hold.")
        for host in (host for secret in held.secrets.values() for host in secret.hosts):
            if host not in held.hosts:
                raise section.error(
                    f"{held.name!r} sends a secret to {host!r}, not among its hosts", "Declare it there."
                )
    names = [*config.python, *config.code, *config.mcp, *config.openapi]
    for origin in names:
        if names.count(origin) > 1:
            raise section.error(f"two origins of tools are called {origin!r}", "Give one of them another name.")
    return config


def _needs_sandbox(limits: HeldLimits) -> bool:
    return any(word in _limits_parts(limits) for word in _HELD)


def tools_schema() -> Schema:
    """JSON Schema, draft 2020-12, of the section ``tools``."""
    return TOOLS.schema()


def _words(node: Any) -> list[str]:
    return [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
