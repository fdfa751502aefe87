"""Typed functions and code of models as tools: what they say of themselves, what they are called with, what comes of them."""

import asyncio

import pytest

from aver.agents.sandbox import Host, Limits, Network, Sandbox, SandboxSettings
from aver.agents.sandbox.tool import code, functions
from aver.agents.tools.operation import as_tool
from aver.agents.tools.types import Tool
from aver.core.errors import InvalidInput, SettingsError, Undecided
from aver.policy import Annotations, Effect

TOOLS = '''
"""Orders."""
from __future__ import annotations
import datetime
import os
import sys
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Literal, NotRequired

from aver.agents.tools import tool
from aver.agents.tools.function import Key
from aver.policy import Effect
from typing_extensions import TypedDict

import prices

if "BUNDLE_SECRET" in os.environ or "aver.knowledge" in sys.modules:
    raise RuntimeError("this is no sandbox")

class Size(Enum):
    SMALL = "small"
    LARGE = "large"

@dataclass
class Order:
    item: str
    day: datetime.date

@tool(effects=["read"], output="trusted")
def total(item: Annotated[str, "what"], count: int = 1) -> dict[str, str | int]:
    """What an order costs.

    Args:
        count: how many
    """
    return {"item": item, "total": prices.OF[item] * count}

@tool(effects={Effect.WRITE}, targets=["order.item"], reversal="compensable", compensation="cancel", name="place_order")
def place(order: Order, size: Size, key: Key) -> Order:
    """Place it."""
    assert size is Size.SMALL
    return Order(f"{order.item} {key}", order.day + datetime.timedelta(1))

@tool
async def keyed(key: Key, how: Literal["once", "twice"]) -> str:
    return key

class Line(TypedDict):
    item: str
    count: NotRequired[int]

@tool
def add(lines: list[Line], rebate: float | None = None) -> Line:
    return {"item": "all", "count": sum(line.get("count", 1) for line in lines)}

@tool
def wrong(day: datetime.date) -> str:
    print("so far")
    raise LookupError(f"no order on {day:%d.%m.%Y}")

@tool
def crashes() -> str:
    os._exit(1)

def no_tool(): ...
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "orders.py").write_text(TOOLS)
    (folder / "prices.py").write_text("OF = {'pen': 3}")
    return folder


@pytest.fixture(scope="module")
def place():
    """The lower level, which every machine has: what differs between levels is tested where levels are."""
    return Sandbox(SandboxSettings("process"))


@pytest.fixture(scope="module")
def found(folder, place):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUNDLE_SECRET", "x")
        operations = asyncio.run(functions(folder / "orders.py", place, Limits(cpu_seconds=60)))
    return {each.name: each for each in operations}


def test_functions_are_what_their_types_say(found):
    assert list(found) == ["total", "place_order", "keyed", "add", "wrong", "crashes"]
    assert found["total"].description == "What an order costs."
    assert found["total"].parameters == {
        "type": "object",
        "properties": {
            "item": {"type": "string", "description": "what"},
            "count": {"type": "integer", "default": 1, "description": "how many"},
        },
        "required": ["item"],
        "additionalProperties": False,
    }
    assert found["total"].own == Annotations(
        frozenset({Effect.READ}), output="trusted", targets=[], content=[], untrusted_fields=[]
    )
    assert found["place_order"].own.compensation == "cancel"
    assert found["place_order"].returns["properties"]["day"]["format"] == "date"
    assert found["keyed"].own is None
    assert "key" not in found["keyed"].parameters["properties"]


async def test_an_operation_becomes_a_tool_and_is_called_in_the_sandbox(found):
    tool: Tool = as_tool(found["total"], found["total"].own)
    result = await tool.call({"item": "pen", "count": 2}, "key")
    assert (result.value, result.failed) == ({"item": "pen", "total": 6}, False)
    with pytest.raises(InvalidInput, match="count"):
        await tool.call({"item": "pen", "count": "2"}, "key")
    failed = await tool.call({"item": "gold"}, "key")
    assert (failed.failed, failed.text) == (True, "KeyError: 'gold'")


async def test_a_function_gets_what_its_types_say_and_the_key(found):
    order = {"order": {"item": "pen", "day": "2026-01-31"}, "size": "small"}
    result = await found["place_order"].run(order, "k1")
    assert result.value == {"item": "pen k1", "day": "2026-02-01"}
    assert (await found["keyed"].run({"how": "once"}, "k2")).value == "k2"


async def test_what_is_json_already_is_passed_on_as_it_is(folder, place, found):
    """so that Aver's own code is not needed for it, which takes several times as long."""
    described = {each["name"]: each["plain"] for each in (await place.describe(folder / "orders.py")).value}
    assert {name for name, plain in described.items() if plain} == {"total", "keyed", "add", "crashes"}
    assert (await found["add"].run({"lines": [{"item": "pen", "count": 2}, {"item": "ink"}]}, "")).value["count"] == 3


async def test_a_typed_function_that_fails_says_how(found):
    result = await found["wrong"].run({"day": "2026-01-31"}, "")
    assert (result.failed, result.text) == (True, "LookupError: no order on 31.01.2026")
    result = await found["wrong"].run({"day": "yesterday"}, "")
    assert result.failed
    assert result.text.startswith("InvalidInput: The arguments do not fit: day")


async def test_a_call_that_is_stopped_fails_where_nothing_can_have_come_of_it(place, found):
    """and is undecided where the sandbox does not hold the network."""
    if "network" in (await place.probe()).holds:
        result = await found["crashes"].run({}, "")
        assert result.failed
        assert "ended with status 1" in result.text
    else:
        with pytest.raises(Undecided, match="may have done its work"):
            await found["crashes"].run({}, "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("from aver.agents.tools import tool\n@tool\ndef f(x): ...", "has no type"),
        ("from aver.agents.tools import tool\n@tool\ndef f() -> int: ...\ng = tool(name='f')(lambda: 1)", "two tools called 'f'"),
        ("import os\nos._exit(0)", "gave no answer"),
    ],
)  # fmt: skip
async def test_a_file_that_cannot_be_read_is_refused(tmp_path, place, text, said):
    (tmp_path / "tools.py").write_text(text)
    with pytest.raises(SettingsError, match=said):
        await functions(tmp_path / "tools.py", place)


async def test_code_works_on_values(place):
    operation = code(place, Limits(cpu_seconds=60))
    tool = as_tool(operation, operation.own)
    result = await tool.call({"code": "print('adding')\nsum(xs) + n", "values": {"xs": [1, 2.5], "n": 1}}, "")
    assert result.value == {"value": 4.5, "printed": "adding\n"}
    assert (await tool.call({"code": "x = 1"}, "")).value == {"value": None, "printed": ""}
    failed = await tool.call({"code": "def f(n):\n    return 1 / n\nf(0)"}, "")
    assert failed.failed
    assert failed.text.startswith(
        'Traceback (most recent call last):\n  File "<code>", line 3, in <module>\n    f(0)\n'
    )
    assert "inside" not in failed.text


@pytest.mark.parametrize("name", ["a b", "1", "for", "__builtins__", ""])
async def test_values_have_names_of_variables(place, name):
    with pytest.raises(InvalidInput, match="no name of a variable"):
        await code(place).run({"code": "1", "values": {name: 1}}, "")


def test_code_that_may_connect_sends(place):
    assert code(place).own.effects == {Effect.READ}
    connected = code(place, network=Network([Host("example.com")]))
    assert connected.own.effects == {Effect.READ, Effect.SEND}
    assert "example.com" in connected.description
