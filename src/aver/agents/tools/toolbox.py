"""From what a bundle declares to tools that can be called, by name; and what is not offered, and why."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from aver.agents.sandbox import sources
from aver.agents.tools.code import run_python
from aver.agents.tools.declaration import ApiConfig, CodeConfig, FileConfig, ServerConfig, ToolsConfig
from aver.agents.tools.files import described, loaded
from aver.agents.tools.mcp import Client, Http, Pipes
from aver.agents.tools.mcp.messages import Channel, Hearing
from aver.agents.tools.openapi import base_of, read_document
from aver.agents.tools.openapi import operations as operations_of
from aver.agents.tools.operation import Checked, Limits, Operation, Unusable, as_tool
from aver.agents.tools.pins import Pins
from aver.agents.tools.room import Room
from aver.agents.tools.secrecy import Mask
from aver.agents.tools.web import Web
from aver.core.errors import AverError, NotFound, SettingsError
from aver.core.yaml import nearest
from aver.gateway.credentials import SCHEMES, SecretSource
from aver.policy import Annotations

__all__ = ["Origin", "Toolbox", "open_tools"]

_CONNECTING = 30.0
"""Seconds that a server has to start, agree on a version and say what it offers."""
_STARTING = 60.0
"""Seconds for a sandbox to begin and to end, on a machine that has no time to spare."""


@dataclass(frozen=True)
class Origin:
    """One place that tools come from. ``pinned``: its tools describe themselves anew each time, and are offered as they were approved."""

    name: str
    declared: Mapping[str, Annotations]
    prefix: str
    limits: Limits
    operations: Callable[[], Awaitable[Sequence[Operation | Unusable]]] = field(repr=False)
    close: Callable[[], Awaitable[None]] = field(repr=False)
    pinned: bool = False
    client: Client | None = None


class Toolbox:
    """The tools of a bundle. ``tools`` are those that can be called, by the name a model calls them; ``unusable`` the others."""

    def __init__(self, origins: Sequence[Origin], bundle: Path) -> None:
        self.tools: Mapping[str, Checked] = {}
        self.unusable: Sequence[Unusable] = ()
        self.origins = {origin.name: origin for origin in origins}
        self.bundle = bundle
        self._known: dict[str, Sequence[Operation | Unusable]] = {}

    async def refresh(self) -> None:
        """Ask every origin what it offers now. Of one that cannot be asked, what it offered before stays; its calls say that it is away.

        Raises :class:`~aver.core.errors.SettingsError` for approvals that cannot be read.
        """
        pins = Pins(self.bundle)
        away = [each for each in await asyncio.gather(*map(self._ask, self.origins.values())) if each is not None]
        tools: dict[str, Checked] = {}
        unusable = away
        for name, operations in self._known.items():
            offered, left_out = _offered(self.origins[name], operations, pins, tools)
            tools |= offered
            unusable += left_out
        self.tools, self.unusable = tools, unusable

    async def approve(self, server: str, names: Sequence[str] | None = None) -> list[Operation]:
        """Approve what an MCP server says now of these tools, or of all that it has, and offer it. Returns what was approved.

        Raises :class:`~aver.core.errors.NotFound` for a server that is not declared and a tool that it has not.
        """
        origin = self.origins.get(server)
        if origin is None or not origin.pinned:
            known = [each.name for each in self.origins.values() if each.pinned]
            raise NotFound(f"There is no MCP server {server!r}", nearest(server, known) if known else "Declare it.")
        there = {each.name: each for each in await origin.operations() if isinstance(each, Operation)}
        for name in names or ():
            if name not in there:
                raise NotFound(f"{server!r} has no tool {name!r}", nearest(name, there) if there else "It has none.")
        chosen = [there[name] for name in names] if names is not None else [*there.values()]
        Pins(self.bundle).approve(server, chosen)
        await self.refresh()
        return chosen

    async def close(self) -> None:
        await asyncio.gather(*(origin.close() for origin in self.origins.values()), return_exceptions=True)

    async def _ask(self, origin: Origin) -> Unusable | None:
        try:
            self._known[origin.name] = await origin.operations()
        except AverError as error:
            return Unusable("", error.cause, error.next_step, origin.name)
        return None


async def open_tools(config: ToolsConfig, bundle: Path, secrets: SecretSource) -> Toolbox:
    """The tools that ``config`` declares, with the files of ``bundle``; ``secrets`` resolves its references when they are needed.

    An origin that is wrong or away takes none of the others with it: it is among what is unusable. Raises
    :class:`~aver.core.errors.SettingsError` for approvals that cannot be read; then nothing is left open.
    """
    bundle = await asyncio.to_thread(bundle.resolve)
    origins = [
        *(_file(each, bundle, secrets) for each in config.python.values()),
        *(_code(each, secrets) for each in config.code.values()),
        *(_server(each, bundle, secrets) for each in config.mcp.values()),
        *(_api(each, bundle, secrets) for each in config.openapi.values()),
    ]
    toolbox = Toolbox(origins, bundle)
    try:
        await toolbox.refresh()
    except BaseException:
        await toolbox.close()
        raise
    return toolbox


def _offered(
    origin: Origin, operations: Sequence[Operation | Unusable], pins: Pins, taken: Mapping[str, Checked]
) -> tuple[dict[str, Checked], list[Unusable]]:
    tools: dict[str, Checked] = {}
    unusable: list[Unusable] = []
    there = {each.name for each in operations}
    for name in origin.declared:
        if name not in there:
            known = nearest(name, there) if there else "It has none at all."
            unusable.append(
                Unusable(name, f"{origin.name!r} declares {name!r}, which is not there", known, origin.name)
            )
    for each in operations:
        try:
            tool = _tool(origin, each, pins)
        except SettingsError as error:
            unusable.append(Unusable(each.name, error.cause, error.next_step, origin.name))
            continue
        if tool.name in taken or tool.name in tools:
            said = f"Another tool is called {tool.name!r} already"
            unusable.append(Unusable(each.name, said, "Give one of the origins a prefix.", origin.name))
        else:
            tools[tool.name] = tool
    for name, tool in [*tools.items()]:
        back = tool.annotations.compensation
        if back and back not in tools:
            del tools[name]
            said = f"{name!r} is taken back by {back!r}, which is not offered"
            unusable.append(Unusable(name, said, "Declare that too, or another.", origin.name))
    return tools, unusable


def _tool(origin: Origin, operation: Operation | Unusable, pins: Pins) -> Checked:
    """Raises :class:`~aver.core.errors.SettingsError` with why it is not offered."""
    if isinstance(operation, Unusable):
        raise SettingsError(operation.cause, operation.next_step)
    name = operation.name
    annotations = origin.declared.get(name) or operation.own
    if annotations is None:
        raise SettingsError(
            f"Nothing is declared of {name!r}, so it is not offered", "Declare its effects under tools."
        )
    if origin.pinned and (standing := pins.standing(origin.name, operation)) != "approved":
        said = (
            "was not approved yet"
            if standing == "new"
            else "is in quarantine: it says something else than was approved"
        )
        raise SettingsError(f"{name!r} of {origin.name!r} {said}", "Read what it says, and approve it.")
    if annotations.compensation:
        annotations = replace(annotations, compensation=_called(origin, annotations.compensation))
    return as_tool(operation, annotations, origin.limits, _called(origin, name))


def _called(origin: Origin, name: str) -> str:
    """What a model calls it: providers take letters, digits, dashes and underscores, 64 at most."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", f"{origin.prefix}{name}")[:64]


def _file(config: FileConfig, bundle: Path, secrets: SecretSource) -> Origin:
    path = bundle / config.file
    room = None if config.sandbox == "none" else Room(config, secrets)
    known: tuple[Mapping[str, str], Sequence[Operation | Unusable]] = ({}, ())

    async def operations() -> Sequence[Operation | Unusable]:
        nonlocal known
        text = await asyncio.to_thread(sources, path)
        if text != known[0]:
            found = await (loaded(path, config.tools) if room is None else described(path, config, room))
            known = text, found
        return known[1]

    return _held(config, room, operations)


def _code(config: CodeConfig, secrets: SecretSource) -> Origin:
    room = Room(config, secrets)
    operation = run_python(config, room)

    async def operations() -> Sequence[Operation | Unusable]:
        return [operation]

    return _held(config, room, operations)


def _held(
    config: CodeConfig, room: Room | None, operations: Callable[[], Awaitable[Sequence[Operation | Unusable]]]
) -> Origin:
    """The sandbox counts a call's seconds itself, from the tool's first line on, and knows what came of a call that it ended."""
    limits = config.limits if room is None else replace(config.limits, seconds=config.limits.seconds + _STARTING)

    async def close() -> None:
        if room is not None:
            await asyncio.to_thread(room.sandbox.close)

    return Origin(config.name, config.tools, config.prefix, limits, operations, close)


def _server(config: ServerConfig, bundle: Path, secrets: SecretSource) -> Origin:
    name = f"The MCP server {config.name!r}"
    mask = Mask()
    # A result stands in its message twice, as a rule: as a value, and as the text of that, its quotes escaped.
    largest = 4 * config.limits.largest + 2**16

    async def opened(hearing: Hearing) -> Channel:
        if config.url:
            secret = (lambda: secrets.get(config.credential)) if config.credential else None
            return Http(Web(name, config.url, secret, largest, mask), config.header, hearing)
        environment = {
            variable: mask.learn(await secrets.get(said)) if said.partition(":")[0] in SCHEMES else said
            for variable, said in config.environment.items()
        }
        return await Pipes.started(
            name, config.command, environment, bundle, largest=largest, hearing=hearing, mask=mask
        )

    client = Client(name, opened, seconds=_CONNECTING)
    return Origin(
        config.name, config.tools, config.prefix, config.limits, client.operations, client.close, True, client
    )


def _api(config: ApiConfig, bundle: Path, secrets: SecretSource) -> Origin:
    webs: list[Web] = []
    known: tuple[str, Sequence[Operation | Unusable]] = ("", ())

    async def operations() -> Sequence[Operation | Unusable]:
        nonlocal known
        text = await asyncio.to_thread(_text, bundle / config.document)
        if text != known[0]:
            document = await asyncio.to_thread(read_document, text, config.document)
            secret = (lambda: secrets.get(config.credential)) if config.credential else None
            web = Web(f"The API {config.name!r}", base_of(document, config.url), secret, config.limits.largest)
            webs.append(web)
            known = text, await asyncio.to_thread(lambda: [*operations_of(document, web)])
        return known[1]

    async def close() -> None:
        await asyncio.gather(*(web.close() for web in webs))

    return Origin(config.name, config.tools, config.prefix, config.limits, operations, close)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f"{path} cannot be read: {reason}", "Put it there, readable.") from None
