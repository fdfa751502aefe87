"""MCP servers as programs: a fake one, over real pipes, and everything it can do wrong."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from aver.agents.tools import Toolbox, open_tools, parse_tools
from aver.core.errors import InvalidInput, Unavailable, Undecided
from aver.gateway.credentials import Secrets
from aver.testing.fakes.tools import desk

SECRET = "desk-t0ken-123"
TOOLS = """
tools:
  mcp:
    desk:
      command: [{python}, -I, {desk}, --folder, {folder}{modern}]
      environment: {{DESK_TOKEN: env:TOKEN, PLACE: here}}
      limits: {{seconds: {seconds}s, largest: 10000}}
      tools:
        list_tickets: {{effects: [read], output: trusted}}
        close_ticket: {{effects: [write], targets: [ticket], reversal: irreversible}}
        misbehave: {{effects: [write]}}
"""


@pytest.fixture
async def opened(tmp_path):
    boxes = []

    async def open_(*, modern=False, seconds=20, approve=True) -> Toolbox:
        text = TOOLS.format(
            python=sys.executable,
            desk=desk.__file__,
            folder=tmp_path,
            modern=", --modern" if modern else "",
            seconds=seconds,
        )
        boxes.append(box := await open_tools(parse_tools(text, "aver.yaml"), tmp_path, Secrets({"TOKEN": SECRET})))
        if approve:
            await box.approve("desk")
        return box

    yield open_
    for box in boxes:
        await box.close()


def calls(folder: Path) -> list[str]:
    path = folder / "calls"
    return path.read_text().split() if path.exists() else []


async def misbehave(box, how):
    return await box.tools["misbehave"].call({"how": how}, "k")


@pytest.mark.parametrize("modern", [False, True])
async def test_tools_of_a_server_are_tools(opened, modern):
    box = await opened(modern=modern)
    assert sorted(box.tools) == ["close_ticket", "list_tickets", "misbehave"]
    assert box.unusable == []
    result = await box.tools["close_ticket"].call({"ticket": 2}, "key-1")
    assert (result.value, result.failed) == ({"ticket": 2, "state": "closed"}, False)
    listed = await box.tools["list_tickets"].call({}, "")
    assert [each["ticket"] for each in listed.value["tickets"]] == [1, 3]


async def test_calls_at_once_get_their_own_answers(opened):
    box = await opened()
    found = await asyncio.gather(*(box.tools["close_ticket"].call({"ticket": each}, "") for each in range(50)))
    assert [each.value["ticket"] for each in found] == [*range(50)]


async def test_arguments_that_do_not_fit_never_get_there(opened, tmp_path):
    box = await opened()
    with pytest.raises(InvalidInput):
        await box.tools["close_ticket"].call({"ticket": "all"}, "")
    assert calls(tmp_path) == []


async def test_it_has_what_was_declared_and_nothing_of_avers(opened):
    result = await misbehave(await opened(), "tell its environment")
    environment = json.loads(result.value)
    environment.pop("LC_CTYPE", None)  # which Python sets itself
    assert environment == {"DESK_TOKEN": "[credential]", "PLACE": "here"}


async def test_nothing_is_offered_before_it_is_approved(opened):
    box = await opened(approve=False)
    assert box.tools == {}
    assert {each.name for each in box.unusable} == {"close_ticket", "list_tickets", "misbehave"}
    assert "was not approved yet" in box.unusable[0].cause


@pytest.mark.parametrize("how", ["say otherwise", "say otherwise in silence"])
async def test_a_tool_that_says_otherwise_is_in_quarantine(opened, tmp_path, how):
    box = await opened()
    await misbehave(box, how)
    if "silence" in how:
        await box.origins["desk"].client.operations()  # as after five minutes
    before = len(calls(tmp_path))
    with pytest.raises(Unavailable, match="quarantine"):
        await box.tools["close_ticket"].call({"ticket": 1}, "")
    assert len(calls(tmp_path)) == before
    assert "mallory" not in box.tools["close_ticket"].description
    assert (await box.tools["list_tickets"].call({}, "")).value["tickets"]
    await box.refresh()
    assert "close_ticket" not in box.tools
    (left,) = box.unusable
    assert "quarantine" in left.cause
    await box.approve("desk", ["close_ticket"])
    assert "mallory" in box.tools["close_ticket"].description
    assert not (await box.tools["close_ticket"].call({"ticket": 1}, "")).failed


@pytest.mark.parametrize(
    ("how", "method"),
    [
        ("ask for a sample", "sampling/createMessage"),
        ("ask for a person's answer", "elicitation/create"),
        ("ask for a folder", "roots/list"),
    ],
)
async def test_what_a_server_asks_for_is_refused_and_said(opened, how, method):
    box = await opened()
    result = await misbehave(box, how)
    assert result.text == f"done\n[The server asked for {method} meanwhile, which Aver does not give.]"
    assert box.origins["desk"].client.refused == {method: 1}
    assert "asked for" not in (await misbehave(box, "chatter")).text


async def test_a_server_that_wants_something_first_has_not_done_it(opened):
    result = await misbehave(await opened(modern=True), "ask first")
    assert result.failed
    assert "sampling/createMessage" in result.text


@pytest.mark.parametrize("how", ["chatter", "flood its errors"])
async def test_noise_is_passed_over(opened, how):
    box = await opened()
    assert (await misbehave(box, how)).value == "done"
    assert len(box.origins["desk"].client._channel._tail) <= 4096


async def test_half_a_gigabyte_is_not_kept(opened):
    box = await opened()
    with pytest.raises(Undecided, match="more than is read"):
        await misbehave(box, "answer more than anybody reads")
    assert len(box.origins["desk"].client._channel._lines._rest) < 2**20
    assert (await misbehave(box, "chatter")).value == "done"


async def test_a_line_without_end_leaves_it_undecided_and_is_not_kept(opened):
    box = await opened(seconds=5)
    with pytest.raises(Undecided, match="more than is read") as raised:
        await misbehave(box, "send a line without end")
    assert "See there" in raised.value.next_step
    assert len(box.origins["desk"].client._channel._lines._rest) < 2**20


async def test_the_answer_to_another_request_is_no_answer(opened):
    box = await opened(seconds=1)
    with pytest.raises(Undecided, match="did not answer"):
        await misbehave(box, "answer another's request")
    assert (await misbehave(box, "chatter")).value == "done"


async def test_pages_without_end_are_left_and_nothing_is_called(opened, tmp_path):
    box = await opened()
    await misbehave(box, "list pages without end")
    before = len(calls(tmp_path))
    with pytest.raises(Unavailable, match="more than 1,000 tools, or no end of them") as raised:
        await box.tools["close_ticket"].call({"ticket": 1}, "")
    assert raised.value.next_step
    assert len(calls(tmp_path)) == before


async def test_an_answer_that_is_no_json_leaves_it_undecided(opened):
    box = await opened()
    with pytest.raises(Undecided, match="no message of its protocol"):
        await misbehave(box, "answer no JSON")
    assert (await misbehave(box, "chatter")).value == "done"


async def test_escapes_are_not_shown(opened):
    assert (await misbehave(await opened(), "escape")).text.startswith("nothing to see here\n[")


async def test_what_a_tool_reports_is_a_failure_and_no_error(opened):
    result = await misbehave(await opened(), "fail")
    assert (result.failed, result.text) == (True, "no such ticket")


async def test_an_error_of_the_server_leaves_it_undecided(opened):
    with pytest.raises(Undecided, match="the database is gone"):
        await misbehave(await opened(), "refuse")


async def test_pictures_and_links_are_named(opened):
    result = await misbehave(await opened(), "show a picture")
    assert "[image, image/png, 4 characters of base64, not shown]" in result.text
    assert "[a link to file:///etc/passwd, not followed]" in result.text
    assert result.text.endswith("ticket 1")


async def test_a_server_that_hangs_is_undecided_and_told_to_stop(opened):
    box = await opened(seconds=1)
    with pytest.raises(Undecided, match="did not answer"):
        await misbehave(box, "hang")
    assert (await misbehave(box, "chatter")).value == "done"


async def test_a_server_that_dies_is_undecided_and_started_anew(opened):
    box = await opened()
    with pytest.raises(Undecided, match="ended before it had answered") as raised:
        await misbehave(box, "die")
    assert SECRET not in str(raised.value)
    assert "no tickets left" in raised.value.next_step
    assert "no tickets left" not in raised.value.cause
    assert (await misbehave(box, "chatter")).value == "done"


async def test_nothing_that_a_server_started_outlives_it(opened):
    box = await opened()
    child = int((await misbehave(box, "leave a child behind")).value)
    server = box.origins["desk"].client._channel._process.pid
    await box.close()
    for process in (server, child):
        for _ in range(200):
            if not _runs(process):
                break
            await asyncio.sleep(0.01)
        assert not _runs(process)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


async def test_a_server_that_does_not_start_takes_nothing_with_it(tmp_path):
    text = """
tools:
  mcp:
    none: {command: [no-such-program-here], tools: {a: {effects: [read]}}}
    ends: {command: [sh, -c, "exit 1"], tools: {b: {effects: [read]}}}
    secret: {command: [sh], environment: {A: env:MISSING}, tools: {c: {effects: [read]}}}
"""
    box = await open_tools(parse_tools(text, "aver.yaml"), tmp_path, Secrets({}))
    assert box.tools == {}
    assert {each.origin for each in box.unusable} == {"none", "ends", "secret"}
    await box.close()


async def test_a_server_that_is_stopped_lets_nobody_wait(opened):
    box = await opened(seconds=0.5)
    process = box.origins["desk"].client._channel._process
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(Undecided):
        await box.tools["list_tickets"].call({}, "")
    await box.close()
    assert process.returncode is not None
