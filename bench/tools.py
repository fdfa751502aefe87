"""What calling a tool costs beside calling what is behind it, without a sandbox, and how good proposed annotations are.

``function`` is a typed function, called bare and as a tool; ``stdio`` and ``http`` are the same MCP server, called by the official library's
client and as a tool, turn and turn about. ``overhead_ms`` is the difference of the medians, ``ratio`` one to the other. ``linter`` compares
proposals with ``scaffold/labelled_tools.yaml``: ``missed`` counts tools of which an effect was left out, ``guessed`` those proposed although
it cannot be told.

    python bench/tools.py --json [--calls N]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx2
import yaml
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from scaffold import say

from aver.agents.tools import Operation, Tool, open_tools, parse_tools, proposals, tool
from aver.agents.tools.operation import Hints, as_tool
from aver.gateway.credentials import Secrets
from aver.testing.fakes.tools import FakeDesk, desk

TARGET_MS = 1.0
LABELLED = Path(__file__).parent / "scaffold" / "labelled_tools.yaml"
TYPES = {
    "list": {"type": "array", "items": {"type": "string"}},
    "enum": {"enum": ["a", "b"]},
    "email": {"type": "string", "format": "email"},
    "uri": {"type": "string", "format": "uri"},
}
Call = Callable[[], Awaitable[Any]]


@tool(effects=["read"])
async def price(item: str, count: int = 1) -> dict[str, int]:
    """What an order costs."""
    return {"total": len(item) * count}


async def timed(calls: dict[str, Call], times: int) -> dict[str, list[float]]:
    """Milliseconds of each call, in turn with the others."""
    took: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(times + 20):
        for name, call in calls.items():
            started = time.perf_counter()
            await call()
            if number >= 20:
                took[name].append(1000 * (time.perf_counter() - started))
    return took


def compared(took: dict[str, list[float]]) -> dict[str, float]:
    bare, called = (median(took[name]) for name in ("bare", "tool"))
    p95 = quantiles(took["tool"], n=20)[-1]
    return {
        "bare_ms": round(bare, 4),
        "tool_ms": round(called, 4),
        "tool_p95_ms": round(p95, 4),
        "overhead_ms": round(called - bare, 4),
        "ratio": round(called / bare, 2),
    }


async def function(calls: int) -> dict[str, float]:
    assert price.operation.own is not None
    called = as_tool(price.operation, price.operation.own)
    return compared(
        await timed(
            {"bare": lambda: price("pen", count=3), "tool": lambda: called.call({"item": "pen", "count": 3}, "key")},
            calls,
        )
    )


async def server(where: str, bare: Client, calls: int) -> dict[str, float]:
    """The tool of a server that ``where`` declares, and the same tool by the official client."""
    text = f"tools: {{mcp: {{desk: {{{where}, tools: {{list_tickets: {{effects: [read]}}}}}}}}}}"
    with tempfile.TemporaryDirectory() as folder:
        box = await open_tools(parse_tools(text, "bench"), Path(folder), Secrets({}))
        await box.approve("desk")
        listed: Tool = box.tools["list_tickets"]
        async with bare:
            await bare.list_tools()
            took = await timed(
                {"bare": lambda: bare.call_tool("list_tickets", {}), "tool": lambda: listed.call({}, "key")}, calls
            )
        await box.close()
    return compared(took)


async def stdio(calls: int) -> dict[str, float]:
    command = [sys.executable, "-I", desk.__file__]
    parameters = StdioServerParameters(command=command[0], args=command[1:])
    return await server(f"command: {json.dumps(command)}", Client(parameters, mode="legacy"), calls)


async def http(calls: int) -> dict[str, float]:
    with FakeDesk(sessions=False) as served:
        async with httpx2.AsyncClient() as session:
            client = Client(streamable_http_client(served.url, http_client=session), mode="legacy")
            return await server(f"url: '{served.url}'", client, calls)


def linter() -> dict[str, Any]:
    rows = [row for domain in yaml.safe_load(LABELLED.read_text()).values() for row in domain]
    found = proposals([_operation(*row[:4]) for row in rows])
    tell = [(each, {*row[4]}, {*row[5]}) for each, row in zip(found, rows, strict=True) if row[4] != "?"]
    made = [(each.annotations, effects, targets) for each, effects, targets in tell if each.annotations is not None]
    right = sum(len(targets & {*each.targets}) for each, _, targets in made)
    return {
        "tools": len(rows),
        "exact": sum(each.effects == effects for each, effects, _ in made),
        "more": sum(each.effects > effects for each, effects, _ in made),
        "missed": sum(not each.effects >= effects for each, effects, _ in made),
        "undeclared": len(tell) - len(made),
        "guessed": sum(row[4] == "?" and each.annotations is not None for each, row in zip(found, rows, strict=True)),
        "cannot_be_told": len(rows) - len(tell),
        "targets_precision": round(right / sum(len(each.targets) for each, _, _ in made), 3),
        "targets_recall": round(right / sum(len(targets) for _, _, targets in made), 3),
    }


def _operation(name: str, how: str, about: str, arguments: dict[str, str]) -> Operation:
    method, _, path = how.partition(" ") if how not in ("ro", "rw") else ("", "", "")
    properties = {each: TYPES.get(kind, {"type": kind}) for each, kind in arguments.items()}
    hints = Hints(method, path, {"ro": True, "rw": False}.get(how))

    async def run(_: Any, __: str) -> Any: ...

    return Operation(name, about, {"type": "object", "properties": properties}, run, hints=hints)


async def measured(calls: int) -> dict[str, Any]:
    say("function")
    found: dict[str, Any] = {"function": await function(10 * calls)}
    say("stdio")
    found["stdio"] = await stdio(calls)
    say("http")
    found["http"] = await http(calls)
    found["linter"] = linter()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--calls", type=int, default=300)
    given = parser.parse_args()
    found = asyncio.run(measured(given.calls))
    if given.json:
        print(json.dumps(found))
    else:
        for name, each in found.items():
            print(name, *(f"{word} {value}" for word, value in each.items()))
    costs = [found[name]["overhead_ms"] for name in ("function", "stdio", "http")]
    return 0 if max(costs) <= TARGET_MS and found["linter"]["missed"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
