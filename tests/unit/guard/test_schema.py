import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import InvalidInput
from aver.guard.schema import OutputSchema

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "pattern": "^[a-z]+$"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}


async def outcome(text, schema=SCHEMA):
    return await OutputSchema(schema).check(text, "output")


async def test_what_fits_passes():
    assert (await outcome('{"name": "ann", "age": 7}')).outcome == "pass"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"name": 7}', "'type'"),
        ('{"name": "Ann"}', "'pattern'"),
        ("{}", "'required'"),
        ('{"name": "a", "x": 1}', "'additionalProperties'"),
        ('{"name": "a"', "not JSON"),
        ("", "not JSON"),
        ('{"name": "a", "name": "b"}', "twice"),
        ('{"name": "a", "age": NaN}', "NaN"),
        ("[" * 200_000, "nested"),
        ('"' + "x" * 2_000_001 + '"', "longer"),
    ],
)
async def test_what_does_not_fit_is_blocked_without_quoting_it(text, reason):
    verdict = await outcome(text)
    assert verdict.outcome == "block"
    assert reason in verdict.reason
    assert all(0 <= each.start <= each.end <= len(text) for each in verdict.findings)


async def test_a_pattern_takes_linear_time():
    schema = {"type": "string", "pattern": "^(a+)+$"}
    assert (await outcome('"' + "a" * 5_000 + '!"', schema)).outcome == "block"


@pytest.mark.parametrize("schema", [{"type": "nothing"}, {"pattern": "(?=a)b"}, {"pattern": "("}])
def test_a_schema_that_is_none_is_refused(schema):
    with pytest.raises(InvalidInput):
        OutputSchema(schema)


async def test_a_reference_is_not_fetched():
    verdict = await outcome("{}", {"$ref": "http://127.0.0.1:1/schema.json"})
    assert verdict.outcome == "block"


@given(st.text(max_size=60))
async def test_no_text_raises(text):
    assert (await outcome(text)).outcome in {"pass", "block"}
