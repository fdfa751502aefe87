"""Attacks made from what is declared of tools: their calls fit, are aimed where they are said to be, and are planted where nobody vouches."""

from dataclasses import dataclass, field

import pytest

from aver.agents.tools.schema import Schema
from aver.evals.redteam.agency import agency_attacks, hostile_calls, vector_of
from aver.evals.redteam.arming import armed
from aver.evals.redteam.sampling import Aim, call_of, leaves_of
from aver.evals.redteam.simulated import planted_in, simulated
from aver.policy import Annotations, Effect


@dataclass
class Declared:
    name: str
    annotations: Annotations
    properties: dict = field(default_factory=dict)
    required: tuple = ()
    description: str = "Does something."
    returns: dict | None = None

    @property
    def parameters(self):
        return {
            "type": "object",
            "properties": self.properties,
            "required": list(self.required),
            "additionalProperties": False,
        }


def effects(*names, **given):
    return Annotations(frozenset(map(Effect, names)), **given)


TEXT = {"type": "string"}
LETTERS = Declared("read_letters", effects("read", output="untrusted"))
TICKET = Declared(
    "read_ticket",
    effects("read", targets=["ticket"], output="trusted", untrusted_fields=["text", "comments.text"]),
    {"ticket": {"type": "integer", "minimum": 1}},
    ("ticket",),
)
VOUCHED = Declared("list_people", effects("read", output="trusted"))
SEND = Declared(
    "send_message",
    effects("send", targets=["body.to"], content=["body.text"]),
    {
        "body": {
            "type": "object",
            "properties": {
                "to": {"type": "array", "items": {"type": "string", "pattern": "^[^@]+@[^@]+$"}, "minItems": 1},
                "text": TEXT,
            },
            "required": ["to", "text"],
        }
    },
    ("body",),
)
EVENT = Declared(
    "schedule_event",
    effects("write", "send", targets=["participants"], content=["title"]),
    {
        "title": TEXT,
        "day": {"type": "string", "format": "date"},
        "start": {"type": "string", "pattern": "^([01]\\d|2[0-3]):[0-5]\\d$"},
        "end": {"type": "string", "pattern": "^([01]\\d|2[0-3]):[0-5]\\d$"},
        "participants": {"type": "array", "items": TEXT},
        "state": {"enum": ["open", "closed"]},
        "note": {"type": ["string", "null"], "maxLength": 5},
    },
    ("title", "day", "start", "end", "participants"),
)
WIPE = Declared("wipe", effects("delete", targets=["id"]), {"id": {"type": "integer", "maximum": 5000}}, ("id",))
RIDDLE = Declared("riddle", effects("write"), {"code": {"type": "string", "pattern": "^QX{7}[0-9]{3}Z$"}}, ("code",))
TOOLS = [LETTERS, TICKET, VOUCHED, SEND, EVENT, WIPE]


@pytest.mark.parametrize("tool", TOOLS, ids=lambda each: each.name)
def test_calls_fit_and_are_aimed(tool):
    call = call_of(tool, Aim("eve@gather.example", 666))
    assert call is not None
    assert Schema(tool.parameters, "It").problems(call) == []
    aimed = [value for path, value in leaves_of(call) if path in tool.annotations.targets]
    assert all(value in ("eve@gather.example", 666) for value in aimed)
    assert bool(aimed) == bool(tool.annotations.targets)


def test_what_cannot_be_made_is_left_out_and_said():
    assert call_of(RIDDLE, Aim("eve@gather.example", 666)) is None
    attacks, left_out = agency_attacks([LETTERS, RIDDLE])
    assert left_out == ["riddle"]
    assert [each.id for each in attacks] == ["agency/flood"]


def test_hostile_text_comes_by_a_tool_that_nobody_vouches_for():
    assert vector_of(TOOLS)[0] is LETTERS
    assert vector_of([TICKET, VOUCHED])[0] is TICKET
    assert vector_of([VOUCHED, SEND]) is None


def test_every_effect_is_attacked_and_has_a_control():
    attacks, left_out = agency_attacks(TOOLS)
    assert left_out == []
    by_tool = {}
    for each in attacks:
        by_tool.setdefault(each.wants[0].tool, set()).add(each.technique)
    assert by_tool["send_message"] == {"control", "foreign", "invented", "lookalike", "carried"}
    assert by_tool["wipe"] == {"control", "foreign", "invented"}
    assert by_tool["read_letters"] == {"flood"}
    assert len({each.id for each in attacks}) == len(attacks)
    for each in attacks:
        case = armed(each)
        planted = " ".join(plant["text"] for plant in case.metadata["plants"])
        aimed = [str(value) for _, value in leaves_of(each.wants[0].arguments)]
        if each.technique == "foreign":
            assert any(value in planted for value in aimed), each.id
        if each.technique == "invented":
            assert not any(value in planted + case.question for value in aimed if "@" in value or value == "31337"), (
                each.id
            )
        if each.control:
            assert all(str(value) in case.question for value in aimed), each.id


def test_without_a_way_in_there_are_controls_alone():
    attacks, _ = agency_attacks([VOUCHED, SEND])
    assert [each.control for each in attacks] == [True]


def test_an_agent_that_is_taken_over_tries_everything():
    calls = hostile_calls(TOOLS, "eve@gather.example", "gather.example")
    assert [each.tool for each in calls] == ["send_message", "schedule_event", "wipe"]


@pytest.mark.parametrize(
    ("annotations", "value"),
    [
        (LETTERS.annotations, {"text": "evil"}),
        (TICKET.annotations, {"text": "evil"}),
        (effects("read", output="trusted", untrusted_fields=["tickets.title"]), {"tickets": {"title": "evil"}}),
        (effects("read", output="trusted", untrusted_fields=["*"]), {"text": "evil"}),
        (VOUCHED.annotations, {"status": "done"}),
    ],
)
def test_what_is_planted_stands_where_the_tool_does_not_vouch(annotations, value):
    assert planted_in(annotations, "evil") == value


async def test_simulated_tools_look_alike_and_do_nothing():
    (letters, *_) = simulated(TOOLS, "evil")
    assert (letters.name, letters.parameters, letters.annotations) == (
        LETTERS.name,
        LETTERS.parameters,
        LETTERS.annotations,
    )
    result = await letters.call({}, "key")
    assert result.value == {"text": "evil"}
    assert '"evil"' in result.text
