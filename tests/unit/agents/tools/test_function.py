"""Typed functions as tools."""

import asyncio
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from typing_extensions import TypedDict

from aver.agents.tools import Key, tool
from aver.agents.tools.operation import as_tool
from aver.core.errors import InvalidInput, SettingsError, Unavailable
from aver.policy import Annotations, Effect

NO_KEY = Key("")
READ = Annotations(frozenset({Effect.READ}))


class Colour(Enum):
    RED = "red"


class Line(TypedDict):
    item: str
    count: int


@dataclass
class Order:
    lines: list[Line]
    due: date | None = None


@tool(effects=["write"], targets=["ticket"], reversal="irreversible")
def close(ticket: int, reason: Annotated[str, "Why, in a word."] = "done", key: Key = NO_KEY) -> dict[str, str]:
    """Closes a ticket.

    It cannot be opened again.

    Args:
        ticket: Its number.
        reason: Not this one.
    """
    return {"ticket": str(ticket), "reason": reason, "key": key}


@tool
async def order(order: Order, colour: Colour = Colour.RED, size: Literal["s", "l"] = "s") -> Order:
    """Orders."""
    assert isinstance(order, Order)
    assert isinstance(order.due, date | None)
    assert colour is Colour.RED
    return order


def called(function, arguments, key="k"):
    return asyncio.run(as_tool(function.operation, READ).call(arguments, key))


def test_a_schema_is_what_types_and_docstring_say():
    operation = close.operation
    assert (operation.name, operation.description) == ("close", "Closes a ticket.\n\nIt cannot be opened again.")
    assert operation.parameters == {
        "type": "object",
        "properties": {
            "ticket": {"type": "integer", "description": "Its number."},
            "reason": {"type": "string", "default": "done", "description": "Why, in a word."},
        },
        "required": ["ticket"],
        "additionalProperties": False,
    }
    assert operation.own == Annotations(frozenset({Effect.WRITE}), "irreversible", targets=("ticket",))
    assert operation.idempotent


def test_a_tool_is_its_function_still():
    assert close(3) == {"ticket": "3", "reason": "done", "key": ""}


def test_arguments_have_their_types_and_the_result_is_json():
    result = called(order, {"order": {"lines": [{"item": "pen", "count": 2}], "due": "2026-02-03"}, "colour": "red"})
    assert result.value == {"lines": [{"item": "pen", "count": 2}], "due": "2026-02-03"}
    assert not result.failed
    assert '"item": "pen"' in result.text


def test_the_key_of_the_effect_is_given_and_never_asked_for():
    assert called(close, {"ticket": 1}, "the key").value["key"] == "the key"
    with pytest.raises(InvalidInput, match="there is no 'key'"):
        called(close, {"ticket": 1, "key": "mine"})


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"ticket": "1"},
        {"ticket": True},
        {"ticket": 1.5},
        {"ticket": None},
        {"ticket": 1, "reason": 2},
        {"ticket": 1, "more": 2},
        {"ticket": float("nan")},
        [],
        "ticket",
    ],
)
def test_arguments_that_do_not_fit_reach_nothing(arguments):
    with pytest.raises(InvalidInput, match="do not fit"):
        called(close, arguments)


def test_what_a_function_raises_is_what_the_tool_says():
    @tool(effects=["read"])
    def broken(word: str) -> str:
        raise KeyError(word)

    result = called(broken, {"word": "no\x1b[31m"})
    assert (result.failed, result.value) == (True, None)
    assert result.text.startswith("KeyError: 'no")
    assert "\x1b" not in result.text


def test_an_error_of_the_platform_keeps_its_meaning():
    @tool(effects=["read"])
    def away(word: str) -> str:
        raise Unavailable("The desk is closed", "Come tomorrow.")

    with pytest.raises(Unavailable):
        called(away, {"word": "a"})


@pytest.mark.parametrize("value", [object(), [object()], "\ud800"])
def test_what_is_no_json_is_said_to_be_none(value):
    @tool(effects=["read"])
    def odd():
        return value

    result = called(odd, {})
    assert (result.value, result.failed) == (None, True)
    assert "went through" in result.text


def test_a_value_that_is_not_of_the_declared_type_has_failed():
    @tool(effects=["read"])
    def wrong() -> int:
        return "seven"  # type: ignore[return-value]

    assert called(wrong, {}).failed


def test_parameters_need_types_and_names():
    def untyped(a):
        return a

    def starred(*rest: int):
        return rest

    def streamed(a: int):
        yield a

    class Opaque:
        pass

    def odd(a: Opaque):
        return a

    for function in (untyped, starred, streamed, odd):
        with pytest.raises(SettingsError):
            tool(function)
    with pytest.raises(SettingsError, match="unknown"):
        tool(effects=["destroy"])(close.function)


def test_a_function_promises_to_be_idempotent_or_is_declared_to_be():
    @tool(effects=["write"], idempotent=True)
    def again(a: str) -> str:
        return a

    @tool(effects=["write"])
    def once(a: str) -> str:
        return a

    assert again.operation.idempotent
    assert not once.operation.idempotent
    for function, declared, found in (
        (again, None, True),
        (again, False, False),
        (once, None, False),
        (once, True, True),
    ):
        assert as_tool(function.operation, replace(READ, idempotent=declared)).idempotent is found


def test_a_number_that_is_none_is_null():
    @tool(effects=["read"])
    def ratio(a: float) -> float:
        return a / float("inf") * float("inf")

    assert (called(ratio, {"a": 1.0}).value, called(ratio, {"a": 1.0}).failed) == (None, True)

    @tool(effects=["read"])
    def ratios():
        return {"all": (float("nan"), 1)}

    assert called(ratios, {}).value == {"all": [None, 1]}


@tool(effects=["read"])
def echo(word: Annotated[str, "it"], many: list[int] | None = None) -> str:
    return f"{word}{many}"


ECHO = as_tool(echo.operation, READ)
JSON = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.lists(st.integers(), max_size=2)
)


@given(
    st.fixed_dictionaries({}, optional={"word": st.text() | JSON, "many": st.lists(st.integers()) | JSON, "more": JSON})
)
def test_a_schema_takes_what_the_function_takes(arguments):
    if Draft202012Validator(echo.operation.parameters).is_valid(arguments):
        assert asyncio.run(ECHO.call(arguments, "")).value == echo(**arguments)
    else:
        with pytest.raises(InvalidInput):
            asyncio.run(ECHO.call(arguments, ""))
