"""Python files of a bundle as tools, and what a bundle offers as a whole."""

import sys

import pytest

from aver.agents.tools import open_tools, parse_tools
from aver.gateway.credentials import Secrets

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
    if level == "none":
        assert (await box.tools["due"].call({"on": "2026-02-03"}, "")).value == "2026-02-03"
    else:
        assert "plain JSON in the sandbox" in why["due"]
    assert "prices" not in sys.modules
    assert str(bundle) not in sys.path


async def test_what_a_function_returns_is_bounded_in_the_sandbox(bundle):
    (bundle / "desk.py").write_text("def big() -> str:\n    return 'x' * 50_000_000\n")
    box = await opened(bundle, "process", "big: {effects: [read]}")
    with pytest.raises(Exception, match=r"output|memory"):
        await box.tools["big"].call({}, "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(:", "SyntaxError"),
        ("import nothing_like_this", "ModuleNotFoundError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("1/0", "ZeroDivisionError"),
        ("from aver.agents.tools import tool\n@tool\ndef f(a): ...", "desk.py: The parameter 'a'"),
    ],
)
async def test_a_file_that_cannot_be_loaded_is_said_to_be(bundle, text, said):
    (bundle / "desk.py").write_text(text)
    box = await opened(bundle, "none")
    assert box.tools == {}
    assert said in box.unusable[0].cause
    (bundle / "desk.py").unlink()
    box = await opened(bundle, "none")
    assert "There is no Python file" in box.unusable[0].cause


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
