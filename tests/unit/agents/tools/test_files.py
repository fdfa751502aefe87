"""Python files of a bundle as tools, and what a bundle offers as a whole."""

import asyncio
import sys

import pytest

from aver.agents.sandbox import Sandbox, SandboxSettings
from aver.agents.tools import open_tools, parse_tools
from aver.core.errors import InvalidInput, Undecided
from aver.core.labels import Label
from aver.gateway.credentials import Secrets
from aver.policy import Annotations, Effect

FILE = '''
"""The desk."""
from datetime import date

from aver.agents.tools import Key, tool

import prices

SEEN = []

@tool(effects=["read"])
def total(item: str, count: int = 1) -> dict[str, int]:
    """What an order costs."""
    return {"total": prices.OF[item] * count}

@tool(effects=["spend"])
def order(item: str, key: Key) -> str:
    """Orders."""
    return f"{item} under {key}"

@tool(effects=["read"])
def due(on: date) -> str:
    """Tells."""
    return on.isoformat()

def plain(word: str) -> str:
    """Says it."""
    return word

def untyped(word):
    return word

@tool
def unsaid(word: str) -> str:
    return word
'''


@pytest.fixture
def bundle(tmp_path):
    (tmp_path / "desk.py").write_text(FILE)
    (tmp_path / "prices.py").write_text("OF = {'pen': 3}")
    (tmp_path / "json.py").write_text("raise RuntimeError('took the place of a module')")
    return tmp_path


async def opened(bundle, level, tools="plain: {effects: [read]}, untyped: {effects: [read]}, none: {effects: [read]}"):
    text = f"tools: {{python: {{desk: {{file: desk.py, sandbox: {level}, limits: {{seconds: 30s}}, tools: {{{tools}}}}}}}}}"
    return await open_tools(parse_tools(text, "aver.yaml"), bundle, Secrets({}))


@pytest.mark.parametrize("level", ["process", "none"])
async def test_functions_of_a_file_are_tools(bundle, level):
    box = await opened(bundle, level)
    assert {*box.tools} >= {"total", "order", "plain"}
    assert (await box.tools["total"].call({"item": "pen", "count": 2}, "")).value == {"total": 6}
    assert (await box.tools["order"].call({"item": "pen"}, "k1")).value == "pen under k1"
    assert (await box.tools["plain"].call({"word": "a"}, "")).value == "a"
    failed = await box.tools["total"].call({"item": "ink"}, "")
    assert failed.failed
    assert "KeyError" in failed.text
    why = {each.name: each.cause for each in box.unusable}
    assert "has no type" in why["untyped"]
    assert "is not there" in why["none"]
    assert "Nothing is declared of 'unsaid'" in why["unsaid"]
    assert (await box.tools["due"].call({"on": "2026-02-03"}, "")).value == "2026-02-03"
    assert "prices" not in sys.modules
    assert str(bundle) not in sys.path


async def test_what_a_function_returns_is_bounded_in_the_sandbox(bundle):
    (bundle / "desk.py").write_text("def big() -> str:\n    return 'x' * 50_000_000\n")
    box = await opened(bundle, "process", "big: {effects: [read]}")
    result = await box.tools["big"].call({}, "")
    assert result.failed
    assert "1024 kB of output" in result.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(:", "SyntaxError"),
        ("import nothing_like_this", "ModuleNotFoundError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("1/0", "ZeroDivisionError"),
        ("from aver.agents.tools import tool\n@tool\ndef f(a): ...", "The parameter 'a'"),
    ],
)
@pytest.mark.parametrize("level", ["process", "none"])
async def test_a_file_that_cannot_be_read_is_said_to_be(bundle, text, said, level):
    (bundle / "desk.py").write_text(text)
    box = await opened(bundle, level)
    assert box.tools == {}
    assert said in box.unusable[0].cause
    (bundle / "desk.py").unlink()
    box = await opened(bundle, level)
    assert "There is no tool's file" in box.unusable[0].cause


async def test_a_file_that_ends_the_process_ends_the_sandbox_alone(bundle):
    (bundle / "desk.py").write_text("import os\nos._exit(0)")
    box = await opened(bundle, "process")
    assert "gave no answer" in box.unusable[0].cause


async def test_a_file_is_read_again_once_it_says_something_else(bundle):
    box = await opened(bundle, "process")
    total = box.tools["total"]
    await box.refresh()
    assert box.tools["total"]._operation is total._operation
    (bundle / "prices.py").write_text("OF = {'pen': 5}")
    await box.refresh()
    assert (await box.tools["total"].call({"item": "pen"}, "")).value == {"total": 5}


async def test_names_are_not_shared_and_compensations_are_there(bundle):
    text = """
tools:
  python:
    one: {file: desk.py, sandbox: none, tools: {total: {effects: [write], reversal: compensable, compensation: order}}}
    two: {file: desk.py, sandbox: none, prefix: two_, tools: {total: {effects: [write], compensation: unsaid}}}
    three: {file: desk.py, sandbox: none}
"""
    box = await open_tools(parse_tools(text, "aver.yaml"), bundle, Secrets({}))
    assert box.tools["total"].annotations.compensation == "order"
    why = {(each.origin, each.name): each.cause for each in box.unusable}
    assert "taken back by 'two_unsaid'" in why["two", "two_total"]
    assert "Another tool is called 'total'" in why["three", "total"]
    assert box.tools["two_order"].idempotent


TYPED = '''
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

@tool(effects={Effect.WRITE}, targets=["order.item"], content=["size"], reversal="compensable", compensation="cancel", name="place_order")
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

@tool(idempotent=True)
def again(name: str) -> str:
    return name

def no_tool(): ...
'''
DECLARED = ", ".join(f"{each}: {{effects: [read]}}" for each in ("keyed", "add", "wrong", "crashes", "again"))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Tools of one file, held at the lower level, which every machine has: what differs between levels is tested where levels are."""
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "desk.py").write_text(TYPED)
    (folder / "prices.py").write_text("OF = {'pen': 3}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUNDLE_SECRET", "x")
        box = asyncio.run(opened(folder, "process", DECLARED))
    assert [each.name for each in box.unusable] == ["place_order"]  # what takes it back is not there
    return box


@pytest.fixture
def found(place):
    return place.tools


async def test_functions_are_what_their_types_say(place, found):
    operations = {each.name: each for each in await place.origins["desk"].operations()}
    assert [*operations] == ["total", "place_order", "keyed", "add", "wrong", "crashes", "again"]
    assert operations["total"].description == "What an order costs."
    assert operations["total"].parameters == {
        "type": "object",
        "properties": {
            "item": {"type": "string", "description": "what"},
            "count": {"type": "integer", "default": 1, "description": "how many"},
        },
        "required": ["item"],
        "additionalProperties": False,
    }
    assert operations["total"].own == Annotations(frozenset({Effect.READ}), output="trusted")
    assert operations["place_order"].own.compensation == "cancel"
    assert operations["place_order"].returns["properties"]["day"]["format"] == "date"
    assert operations["keyed"].own is None
    assert "key" not in operations["keyed"].parameters["properties"]
    assert [name for name, each in operations.items() if each.idempotent] == ["place_order", "keyed", "again"]


async def test_a_function_gets_what_its_types_say_and_the_key(place, found):
    order = {"order": {"item": "pen", "day": "2026-01-31"}, "size": "small"}
    operations = {each.name: each for each in await place.origins["desk"].operations()}
    result = await operations["place_order"].run(order, "k1")
    assert result.value == {"item": "pen k1", "day": "2026-02-01"}
    assert (await found["keyed"].call({"how": "once"}, "k2")).value == "k2"


async def test_what_is_json_already_is_passed_on_as_it_is(place, found):
    """so that Aver's own code is not needed for it, which takes several times as long."""
    said = await Sandbox(SandboxSettings("process")).describe(place.bundle / "desk.py")
    plain = {each["name"] for each in said.value if each["plain"]}
    assert plain == {"total", "keyed", "add", "crashes", "again"}
    assert (await found["add"].call({"lines": [{"item": "pen", "count": 2}, {"item": "ink"}]}, "")).value["count"] == 3


async def test_a_function_that_fails_says_how(found):
    with pytest.raises(InvalidInput, match="count"):
        await found["total"].call({"item": "pen", "count": "2"}, "key")
    result = await found["wrong"].call({"day": "2026-01-31"}, "")
    assert (result.failed, result.text) == (True, "LookupError: no order on 31.01.2026")
    result = await found["wrong"].call({"day": "yesterday"}, "")
    assert result.failed
    assert result.text.startswith("InvalidInput: The arguments do not fit: day")


async def test_a_call_that_is_stopped_fails_where_nothing_can_have_come_of_it(found):
    """and is undecided where the sandbox does not hold the network."""
    if "network" in (await Sandbox(SandboxSettings("process")).probe()).holds:
        result = await found["crashes"].call({}, "")
        assert result.failed
        assert "ended with status 1" in result.text
    else:
        with pytest.raises(Undecided, match="may have done its work"):
            await found["crashes"].call({}, "")


LABELLED = """
from aver.agents.tools import tool

@tool(effects=["read"], label={"level": "restricted", "regions": ["eu"]}, clearance="confidential", region="eu")
def pay() -> int:
    return 1
"""


@pytest.mark.parametrize("level", ["process", "none"])
async def test_a_function_says_its_label_and_what_it_may_be_given(bundle, level):
    (bundle / "desk.py").write_text(LABELLED)
    box = await opened(bundle, level, "")
    label = Label("restricted", frozenset({"eu"}))
    assert box.tools["pay"].annotations == Annotations(
        frozenset({Effect.READ}), label=label, clearance="confidential", region="eu"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ('label={"level": "secret"}', "level is unknown"),
        ('label={"levels": "restricted"}', "nothing else"),
        ('clearance="all"', "level is unknown"),
        ('region="EU"', "regions are no names"),
    ],
)
async def test_what_is_no_label_of_a_function_is_said(bundle, words, said):
    (bundle / "desk.py").write_text(
        f"from aver.agents.tools import tool\n@tool(effects=['read'], {words})\ndef f(): ..."
    )
    box = await opened(bundle, "none", "")
    assert said in box.unusable[0].cause
