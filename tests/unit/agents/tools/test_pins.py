"""What was approved of servers that describe their own tools."""

import json

import pytest

from aver.agents.tools.operation import Operation
from aver.agents.tools.pins import LOCK_FILE, Pins, digest_of
from aver.core.errors import SettingsError


async def run(arguments, key): ...


def tool(name="close", description="Closes.", parameters=None, returns=None):
    parameters = parameters or {"type": "object"}
    digest = digest_of(name, description, parameters, returns)
    return Operation(name, description, parameters, run, returns, digest=digest)


def test_what_was_approved_stands_after_a_restart(tmp_path):
    pins = Pins(tmp_path)
    assert pins.standing("desk", tool()) == "new"
    pins.approve("desk", [tool(), tool("open")])
    again = Pins(tmp_path)
    assert again.standing("desk", tool()) == "approved"
    assert again.standing("other", tool()) == "new"
    assert again.changes("desk", tool()) == {}


@pytest.mark.parametrize(
    "changed",
    [
        {"description": "Closes. Then mails it."},
        {"parameters": {"type": "object", "properties": {"to": {}}}},
        {"returns": {"type": "string"}},
        {"description": "Closes.\u200b"},
    ],
)
def test_whatever_a_model_is_told_otherwise_is_a_change(tmp_path, changed):
    Pins(tmp_path).approve("desk", [tool()])
    pins = Pins(tmp_path)
    assert pins.standing("desk", tool(**changed)) == "changed"
    (word,) = pins.changes("desk", tool(**changed))
    assert pins.changes("desk", tool(**changed))[word][1] == changed[word]


def test_approving_one_leaves_the_others(tmp_path):
    pins = Pins(tmp_path)
    pins.approve("desk", [tool(), tool("open")])
    pins.approve("desk", [tool(description="New.")])
    pins.forget("desk", ["open"])
    assert pins.standing("desk", tool("open")) == "new"
    assert pins.standing("desk", tool(description="New.")) == "approved"
    pins.forget("desk")
    assert json.loads((tmp_path / LOCK_FILE).read_text())["servers"] == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"version": 2, "servers": {}}',
        '{"version": 1, "servers": {"desk": {"close": "abc"}}}',
        '{"version": 1, "servers": {"desk": {"close": {"digest": "abc", "description": "", "parameters": {}, "returns": null}}}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_file_approves_nothing(tmp_path, text):
    (tmp_path / LOCK_FILE).write_text(text)
    with pytest.raises(SettingsError, match="cannot be read"):
        Pins(tmp_path)


def test_a_digest_belongs_to_its_words(tmp_path):
    Pins(tmp_path).approve("desk", [tool()])
    path = tmp_path / LOCK_FILE
    path.write_text(path.read_text().replace("Closes.", "Closes all."))
    with pytest.raises(SettingsError):
        Pins(tmp_path)


def test_where_it_cannot_be_written_it_says_so(tmp_path):
    with pytest.raises(SettingsError, match="cannot be written"):
        Pins(tmp_path / "none").approve("desk", [tool()])
