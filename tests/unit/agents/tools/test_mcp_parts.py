"""The parts of the client of MCP servers that touch nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.agents.tools.mcp.lines import TOO_LONG, Lines
from aver.agents.tools.mcp.messages import error_of, is_reply, read, write
from aver.agents.tools.mcp.results import result_of
from aver.agents.tools.secrecy import Mask
from aver.core.errors import Unavailable, Undecided
from aver.core.labels import ANYTHING, Label


@given(
    st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=8), st.lists(st.integers(1, 9))
)
def test_lines_come_whole_however_they_are_cut(written, cuts):
    data, lines, found = b"".join(line + b"\n" for line in written), Lines(20), []
    for size in [*cuts, len(data)]:
        piece, data = data[:size], data[size:]
        found += lines.feed(piece)
    found += lines.feed(data)
    assert found == [line if len(line) <= 20 else TOO_LONG for line in written]


def test_a_line_without_end_is_told_of_once_and_kept_nowhere():
    lines = Lines(1000)
    found = [each for _ in range(1000) for each in lines.feed(b"x" * 10_000)]
    assert found == [TOO_LONG]
    assert len(lines._rest) <= 1000
    assert lines.feed(b"\nnext\n") == [b"next"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"nul",
        b'{"jsonrpc":"2.0"}',
        b'{"jsonrpc":"1.0","id":1,"result":{}}',
        b"\xff",
        b"[" * 5000,
        b'{"jsonrpc":"2.0","method":3}',
    ],
)
def test_what_is_no_message_is_none(data):
    assert read(data) is None


def test_a_message_is_one_line():
    assert b"\n" not in write({"a": "two\nlines"})
    assert is_reply(read(b'{"jsonrpc":"2.0","id":1,"error":{"code":1}}'))


@pytest.mark.parametrize("code", [-32700, -32600, -32601, -32602, -32022, -32042])
def test_a_call_that_was_not_taken_did_not_run(code):
    assert isinstance(error_of({"error": {"code": code, "message": "no"}}, "it"), Unavailable)


@pytest.mark.parametrize(
    "error", [{"code": -32603}, {"code": -32000, "message": "\x1b[2Jgone"}, {"code": "x"}, "wrong", None]
)
def test_after_any_other_error_nobody_can_tell(error):
    found = error_of({"error": error}, "it")
    assert isinstance(found, Undecided)
    assert "\x1b" not in found.cause


@pytest.mark.parametrize(
    ("result", "value", "failed"),
    [
        ({}, "", False),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "a\n\nb", False),
        ({"content": [{"type": "text", "text": "{}"}], "structuredContent": {"a": 1}}, {"a": 1}, False),
        ({"content": [{"type": "text", "text": "no"}], "isError": True}, "no", True),
        ({"content": "nonsense", "isError": "yes"}, "", False),
        ({"content": [3, {"type": 4}]}, "[4, no type, 0 characters of base64, not shown]", False),
        ({"resultType": "input_required", "inputRequests": {"a": {"method": "roots/list"}}}, None, True),
        ({"resultType": "input_required", "inputRequests": [1]}, None, True),
    ],
)
def test_a_result_is_one_value(result, value, failed):
    found = result_of(result, [])
    assert (found.value, found.failed) == (value, failed)


@pytest.mark.parametrize(
    ("meta", "label"),
    [
        ({"aver/label": {"level": "restricted", "regions": ["eu"]}}, Label("restricted", frozenset({"eu"}))),
        ({"aver/label": {"level": "confidential"}}, Label("confidential")),
        ({"aver/label": "top secret"}, Label("restricted", frozenset())),
        ({"other": 1}, ANYTHING),
        ("nonsense", ANYTHING),
    ],
)
def test_a_server_says_how_confidential_a_result_is_and_what_cannot_be_read_goes_nowhere(meta, label):
    for more in ({}, {"isError": True}, {"resultType": "input_required"}):
        assert result_of({"content": [], "_meta": meta, **more}, []).label == label


def test_what_was_asked_for_meanwhile_is_said():
    found = result_of({"structuredContent": {"a": 1}}, ["sampling/createMessage"])
    assert found.value == {"a": 1}
    assert found.text.endswith("[The server asked for sampling/createMessage meanwhile, which Aver does not give.]")


def test_secrets_are_taken_out_of_what_comes_back():
    mask = Mask()
    mask.learn("s3cret-token")
    mask.learn("short")
    assert mask(b"a s3cret-token and short") == b"a [credential] and short"
    assert mask.text("s3cret-token\ud800") == "[credential]?"
    mask.learn('quoted"and/slashed')
    assert mask(json.dumps({"a": 'quoted"and/slashed'}).encode()) == b'{"a": "[credential]"}'
    assert mask(rb'"quoted\"and\/slashed"') == b'"[credential]"'
