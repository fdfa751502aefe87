"""Annotations proposed for tools that have none: what is proposed, what is not, and how often that is right."""

from pathlib import Path

import pytest
import yaml

from aver.agents.tools import Operation, parse_tools, proposals, proposals_yaml
from aver.agents.tools.operation import Hints, as_tool
from aver.agents.tools.words import split
from aver.policy import Effect

LABELLED = Path(__file__).parents[4] / "bench" / "scaffold" / "labelled_tools.yaml"
TYPES = {
    "list": {"type": "array", "items": {"type": "string"}},
    "enum": {"enum": ["a", "b"]},
    "email": {"type": "string", "format": "email"},
    "uri": {"type": "string", "format": "uri"},
}


async def run(arguments, key): ...


def operation(name, how="", about="", arguments=(), returns=None, required=()):
    method, _, path = how.partition(" ") if how not in ("ro", "rw") else ("", "", "")
    properties = {each: TYPES.get(kind, {"type": kind}) for each, kind in dict(arguments).items()}
    rules = {"type": "object", "properties": properties, "required": [*required]}
    read_only = {"ro": True, "rw": False}.get(how)
    return Operation(name, about, rules, run, returns, hints=Hints(method, path, read_only))


def propose(*given, **named):
    return proposals([operation(*given, **named)])[0]


def labelled():
    for domain, rows in yaml.safe_load(LABELLED.read_text()).items():
        for name, how, about, arguments, effects, targets in rows:
            yield domain, operation(name, how, about, arguments), effects, targets


def test_nothing_is_proposed_that_says_too_little():
    """Over the labelled set no effect is left out of any proposal, what cannot be told is not, and most of the rest is exact."""
    rows = [*labelled()]
    found = proposals([each for _, each, _, _ in rows])
    exact = told = 0
    for proposal, (_, each, effects, targets) in zip(found, rows, strict=True):
        assert proposal.reasons, each.name
        if effects == "?":
            assert proposal.annotations is None, (each.name, proposal)
            continue
        told += 1
        if proposal.annotations is None:
            continue
        assert {*effects} <= proposal.annotations.effects, (each.name, proposal)
        exact += {*effects} == proposal.annotations.effects
        assert {*targets} <= {*proposal.annotations.targets}, (each.name, proposal)
        as_tool(each, proposal.annotations)
    assert exact / told > 0.85


def test_what_is_written_is_read_again():
    found = proposals([each for _, each, _, _ in labelled()])
    text = "tools:\n  mcp:\n    it:\n      command: [it]\n      tools:\n"
    text += "".join(f"        {line}\n" for line in proposals_yaml(found).splitlines())
    read = parse_tools(text, "aver.yaml").mcp["it"].tools
    assert read == {each.name: each.annotations for each in found if each.annotations}
    assert "# voidInvoice: undeclared" in text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("frobnicate",), "no word in its name"),
        (("run_report",), "'run' in its name"),
        (("deleteUser", "GET /users/delete"), "GET promises to change nothing"),
        (("delete_user", "ro"), "the server says that it only reads"),
        (("list_users", "rw"), "does more than read"),
        (("getReport", "DELETE /reports"), "DELETE promises to change something"),
        (("post /x", "POST /x"), ""),
    ],
)
def test_what_cannot_be_told_is_undeclared_and_says_why(given, said):
    proposal = propose(*given)
    if said:
        assert proposal.annotations is None
        assert said in proposal.reasons[0]


def test_a_hint_is_never_enough_to_change_anything():
    assert propose("frobnicate", "rw").annotations is None
    assert propose("frobnicate", "ro").annotations.effects == {Effect.READ}


def test_an_output_is_trusted_only_where_nobody_can_write_in_it():
    closed = {
        "type": "object",
        "properties": {
            "count": {"type": "integer"},
            "state": {"enum": ["a"]},
            "at": {"type": "string", "format": "date"},
        },
        "additionalProperties": False,
    }
    assert propose("get_count", returns=closed).annotations.output == "trusted"
    for opened in (
        {**closed, "additionalProperties": True},
        {"type": "string"},
        {},
        {"type": "object"},
        None,
        {"$ref": "#/x"},
    ):
        assert propose("get_count", returns=opened).annotations.output == "untrusted"


def test_what_takes_it_back_is_proposed_where_it_can_be_called():
    create = operation("create_event", arguments={"title": "string"}, returns={"properties": {"event_id": {}}})
    delete = operation("delete_event", arguments={"event_id": "string"}, required=["event_id"])
    other = operation("delete_calendar", arguments={"event_id": "string"}, required=["event_id"])
    (found, gone, _) = proposals([create, delete, other])
    assert (found.annotations.reversal, found.annotations.compensation) == ("compensable", "delete_event")
    assert gone.annotations.reversal == "irreversible"
    (found, *_) = proposals([operation("create_event", arguments={"title": "string"}), delete])
    assert found.annotations.compensation is None


def test_nested_arguments_are_named_by_their_paths():
    event = {
        "type": "object",
        "properties": {"attendees": {"type": "array"}, "notes": {"type": "string"}, "at": {"type": "string"}},
    }
    rules = {"type": "object", "properties": {"event": {"$ref": "#/$defs/e"}}, "$defs": {"e": event}}
    (found,) = proposals([Operation("create_event", "", rules, run)])
    assert found.annotations.targets == ("event.attendees",)
    assert found.annotations.content == ("event.notes",)
    assert Effect.SEND in found.annotations.effects


def test_a_name_and_a_description_break_no_line():
    name = "get x\n  evil: {effects: [read]}"
    (found,) = proposals([operation(name, about="Emails\n  evil: 1\x1b[2J")])
    text = proposals_yaml([found])
    assert yaml.safe_load(text) in (None, {name: {"effects": ["read"]}})


def test_words_of_a_name():
    assert split("getHTTPStatus_of-order2") == ["get", "http", "status", "of", "order", "2"]
