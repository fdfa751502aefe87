"""``aver tools``: what a bundle offers to its agents, what it declares of it, and what was approved of servers that describe their own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from aver.core.labels import ANYTHING
from aver.server.cli.bundle import BundleOption, opened
from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json, printable, table

if TYPE_CHECKING:
    from aver.agents.tools import Operation, Origin, Proposal, Toolbox
    from aver.policy import Annotations

__all__ = ["app"]

app = typer.Typer(help="Tools: which a bundle offers, what is declared of them, and what was approved of servers.")

T = TypeVar("T")


@app.command("list")
def list_(context: typer.Context, directory: BundleOption = None, as_json: AsJson = False) -> None:
    """List the tools that agents can call, with what is declared of each; and what is not offered, and why."""

    async def looked(toolbox: Toolbox) -> tuple[list[dict[str, Any]], list[Any]]:
        offered = [
            {
                "name": each.name,
                "about": each.description,
                "annotations": each.annotations,
                "parameters": each.parameters,
            }
            for each in toolbox.tools.values()
        ]
        return offered, list(toolbox.unusable)

    offered, unusable = _with(context, directory, looked)
    if as_json:
        print_json({"tools": offered, "unusable": unusable})
        return
    table(
        ("tool", "effects", "reversal", "aimed at", "output"),
        [(each["name"], *_declared(each["annotations"])) for each in offered],
    )
    if unusable:
        sys.stdout.write("\nnot offered\n")
        rows = [(each.origin, each.name or "all", f"{each.cause}. {each.next_step}") for each in unusable]
        table(("origin", "tool", "why"), rows)


@app.command()
def lint(
    context: typer.Context,
    origin: Annotated[
        str | None, typer.Argument(metavar="ORIGIN", help="A file, server or API of the bundle; all, if left out.")
    ] = None,
    directory: BundleOption = None,
    as_json: AsJson = False,
) -> None:
    """Propose annotations for tools that have none, each with its reasons. What cannot be told is left to you, and said."""
    from aver.agents.tools import proposals_yaml

    async def looked(toolbox: Toolbox) -> dict[str, list[Proposal]]:
        origins = toolbox.origins.values() if origin is None else [_origin(toolbox, origin)]
        return {each.name: _missing(each, await _operations(each)) for each in origins}

    found = _with(context, directory, looked)
    if as_json:
        print_json({"proposals": found})
        return
    for name, several in found.items():
        if several:
            sys.stdout.write(f"# {printable(name)}\n{printable(proposals_yaml(several))}")
    if not any(found.values()):
        sys.stdout.write("every tool is declared\n")


@app.command()
def approve(
    context: typer.Context,
    server: Annotated[str, typer.Argument(metavar="SERVER", help="An MCP server of the bundle.")],
    names: Annotated[
        list[str] | None, typer.Argument(metavar="TOOL", help="Its tools, as it calls them; all, if left out.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Approve what is shown without this.")] = False,
    directory: BundleOption = None,
    as_json: AsJson = False,
) -> None:
    """Show what an MCP server says of its tools that was not approved so; with --yes, approve it. What it says differently later is not
    offered until it is approved again."""

    async def looked(toolbox: Toolbox) -> list[dict[str, Any]]:
        from aver.agents.tools import Pins

        origin = _origin(toolbox, server)
        pins = Pins(toolbox.bundle)
        shown = [
            {"tool": each.name, "standing": pins.standing(server, each), "says": _says(pins.changes(server, each))}
            for each in await _operations(origin)
            if (not names or each.name in names) and pins.standing(server, each) != "approved"
        ]
        if yes:
            await toolbox.approve(server, names or None)
        return shown

    found = _with(context, directory, looked)
    if as_json:
        print_json({"server": server, "approved": yes, "tools": found})
        return
    for each in found:
        sys.stdout.write(f"{printable(each['tool'])} ({each['standing']})\n")
        for word, (before, now) in each["says"].items():
            was = f"\n    was: {printable(str(before))}" if before is not None else ""
            sys.stdout.write(f"  {word}: {printable(str(now))}{was}\n")
    sys.stdout.write(_ending(len(found), yes))


def _ending(count: int, yes: bool) -> str:
    if not count:
        return "everything it says was approved\n"
    return f"approved: {count}\n" if yes else "Read it, then approve it with --yes.\n"


def _says(changes: Mapping[str, tuple[Any, Any]]) -> dict[str, list[Any]]:
    return {word: [before, now] for word, (before, now) in changes.items()}


def _declared(annotations: Annotations) -> tuple[str, ...]:
    back = f" by {annotations.compensation}" if annotations.compensation else ""
    output: str = annotations.output
    if annotations.untrusted_fields:
        output = f"{output} but {', '.join(annotations.untrusted_fields)}"
    if annotations.label != ANYTHING:
        output = f"{output}; {annotations.label}"
    effects = ", ".join(sorted(annotations.effects))
    return effects, f"{annotations.reversal or ''}{back}", ", ".join(annotations.targets), output


def _missing(origin: Origin, operations: Sequence[Operation]) -> list[Proposal]:
    """Proposals for what nothing is declared of."""
    from aver.agents.tools import proposals

    declared = {*origin.declared, *(each.name for each in operations if each.own)}
    return [each for each in proposals(operations) if each.name not in declared]


async def _operations(origin: Origin) -> list[Operation]:
    from aver.agents.tools import Operation

    return [each for each in await origin.operations() if isinstance(each, Operation)]


def _origin(toolbox: Toolbox, name: str) -> Origin:
    from aver.core.errors import NotFound
    from aver.core.yaml import nearest

    if name not in toolbox.origins:
        advice = nearest(name, toolbox.origins) if toolbox.origins else "The bundle declares no tools."
        raise NotFound(f"There is no origin of tools {name!r:.80}", advice)
    return toolbox.origins[name]


def _with(context: typer.Context, directory: Path | None, look: Callable[[Toolbox], Awaitable[T]]) -> T:
    """What ``look`` makes of the bundle's tools."""
    from aver.agents.tools import ToolsConfig, open_tools

    bundle, secrets = opened(context, directory)

    async def looked() -> T:
        toolbox = await open_tools(bundle.tools or ToolsConfig(), bundle.folder or Path(), secrets)
        try:
            return await look(toolbox)
        finally:
            await toolbox.close()

    return asyncio.run(looked())
