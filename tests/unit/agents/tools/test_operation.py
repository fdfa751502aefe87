"""An operation under annotations and within limits."""

import asyncio

import pytest

from aver.agents.tools import Result
from aver.agents.tools.operation import Limits, Operation, as_tool
from aver.core.errors import InvalidInput, SettingsError, Undecided
from aver.policy import Annotations, Effect

READ = Annotations(frozenset({Effect.READ}))
RULES = {"type": "object", "properties": {"to": {"type": "string"}, "event": {"properties": {"title": {}}}}}


def operation(run, returns=None, description="It."):
    return Operation("it", description, RULES, run, returns)


def answering(value, text="", failed=False):
    async def run(arguments, key):
        return Result(value, text, failed)

    return run


async def call(run, returns=None, **limits):
    return await as_tool(operation(run, returns), READ, Limits(**limits)).call({"to": "a"}, "k")


async def test_a_tool_that_hangs_is_undecided():
    async def hang(arguments, key):
        await asyncio.Event().wait()

    with pytest.raises(Undecided, match=r"did not answer within 0\.01 s"):
        await call(hang, seconds=0.01)


@pytest.mark.parametrize("value", ["x" * 2000, ["x" * 2000], {"a": ["x"] * 2000}])
async def test_a_result_beyond_the_limit_is_not_passed_on(value):
    result = await call(answering(value), largest=1000)
    assert (result.value, result.failed) == (None, True)
    assert "at most 1,000 are read" in result.text


@pytest.mark.parametrize("value", [{1: 2}, object(), "\ud800", 2**70])
async def test_a_value_that_json_does_not_know_is_not_passed_on(value):
    result = await call(answering(value))
    assert (result.value, result.failed) == (None, True)


@pytest.mark.parametrize(
    ("value", "returns", "failed"),
    [
        ("pay slip", None, False),
        ("x" * 2000, None, True),
        ({1: 2}, None, True),
        ("pay slip", {"type": "integer"}, True),
    ],
)
async def test_whoever_may_read_a_result_may_read_what_became_of_it(value, returns, failed):
    async def run(arguments, key):
        return Result(value, "", readers=frozenset({"group:payroll"}))

    result = await call(run, returns, largest=1000)
    assert (result.readers, result.failed) == ({"group:payroll"}, failed)


async def test_what_is_shown_is_bounded_and_what_is_kept_is_not():
    result = await call(answering("word " * 1000), shown=100)
    assert result.value == "word " * 1000
    assert result.text.endswith("[cut: the first 100 of 5,000 characters are shown]")


async def test_the_text_of_a_failure_is_cleaned_and_bounded_too():
    result = await call(answering(None, "\x1b[2Jno" + "o" * 9000, failed=True), shown=200)
    assert result.failed
    assert result.text.startswith("noo")
    assert "[cut:" in result.text


async def test_a_result_that_is_not_as_declared_has_failed():
    returns = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
    assert not (await call(answering({"id": 1}), returns)).failed
    for wrong in ({"id": "1"}, {}, "1", None):
        result = await call(answering(wrong), returns)
        assert result.failed
        assert "not what it declares" in result.text
    assert (await call(answering({"error": "x"}, "no", failed=True), returns)).value == {"error": "x"}


async def test_arguments_are_looked_at_before_anything_runs():
    async def never(arguments, key):
        raise AssertionError

    with pytest.raises(InvalidInput, match="to: 3 is not of type 'string'"):
        await as_tool(operation(never), READ).call({"to": 3}, "k")


def test_a_description_hides_nothing_from_whoever_approves_it():
    rules = {"type": "object", "properties": {"a": {"type": "string", "description": "A\u200b\x1b[8m thing"}}}
    tool = as_tool(Operation("it", "Reads.\U000e0041\u202e", rules, answering(1)), READ)
    assert tool.description == "Reads."
    assert tool.parameters["properties"]["a"]["description"] == "A thing"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"targets": ["too"]}, "no argument 'too'"),
        ({"content": ["event.tilte"]}, "no argument 'event.tilte'"),
        ({"targets": ["to"], "content": ["to"]}, "a target and content"),
        ({"untrusted_fields": ["titel"]}, "no field 'titel'"),
    ],
)
def test_annotations_that_guard_nothing_are_refused(given, said):
    returns = {"type": "object", "properties": {"title": {}}}
    with pytest.raises(SettingsError, match=said):
        as_tool(operation(answering(1), returns), Annotations(frozenset({Effect.READ}), **given))


@pytest.mark.parametrize(
    "rules", [{}, {"type": "string"}, {"type": "object", "properties": {"a": {"type": "nothing"}}}]
)
def test_parameters_that_are_no_object_are_refused(rules):
    with pytest.raises(SettingsError):
        as_tool(Operation("it", "", rules, answering(1)), READ)
