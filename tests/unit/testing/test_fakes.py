"""What the fake model server's families have in common, without a network."""

import pytest

from aver.gateway.types import ToolCall
from aver.testing.fakes import voices
from aver.testing.fakes.types import by_shared_words, vectors
from aver.testing.replies import Received, Reply, Tokens, load_script

REPLY = Reply("Twenty days.", reasoning="Hm.", tools=(ToolCall("call_1", "look", '{"a": 1}'),))


def test_a_reply_breaks_off_after_so_many_characters_of_all_that_it_writes():
    written = REPLY.written
    assert written == 'Hm.Twenty days.{"a": 1}'
    for after in range(len(written) + 1):
        begun = Reply(**{name: getattr(REPLY, name) for name in ("text", "reasoning", "tools")}, after=after).begun()
        assert begun.written == written[:after]
        assert begun.ended == "tool_calls"


def test_words_stand_for_tokens_unless_the_reply_says_otherwise():
    received = Received("/", {}, {"messages": [{"content": "How many days?"}]})
    assert REPLY.used(received) == Tokens(input=3, output=5, reasoning=1)
    assert Reply("x", tokens=Tokens(7, 8, cached=3)).used(received) == Tokens(7, 8, 3)


def test_a_script_can_say_all_that_a_reply_can(tmp_path):
    script = tmp_path / "s.json"
    script.write_text(
        '[{"text": "x", "tools": [{"id": "1", "name": "look", "arguments": "{}"}], "tokens": {"input": 3},'
        ' "error": "quota", "embeddings": [[1, 0]], "prefill": "reject", "headers": {"x-a": "b"}}]'
    )
    assert load_script(script)(Received("/", {})) == Reply(
        "x",
        tools=(ToolCall("1", "look", "{}"),),
        tokens=Tokens(3),
        error="quota",
        embeddings=((1, 0),),
        prefill="reject",
        headers={"x-a": "b"},
    )


def test_texts_that_share_words_are_near():
    near, nearer, far = vectors(["paid leave days", "paid leave", "printer upstairs"], 64)
    assert sum(value * value for value in near) == pytest.approx(1)
    assert sum(map(float.__mul__, near, nearer)) > sum(map(float.__mul__, near, far))
    assert vectors(["a"]) == vectors(["a"])
    assert by_shared_words("paid leave", ["printer", "leave", "paid leave"]) == [(2, 1.0), (1, 0.5), (0, 0.0)]


@pytest.mark.parametrize("voice", voices(), ids=lambda voice: voice.family)
def test_a_voice_ends_its_stream_with_what_a_broken_one_lacks(voice):
    route = next(route for route in voice.routes if route.operation == "chat")
    received = Received(route.path, {}, {"model": "m", "stream": True}, family=voice.family, captured={"model": "m"})
    whole, begun = voice.stream(received, Reply("Twenty days.")), voice.stream(received, Reply("Twenty"))
    assert whole.ending
    assert all(whole.ending)
    assert b"Twenty" in b"".join(begun.pieces)
    assert len(whole.pieces) > len(begun.pieces) > 0
    assert voice.malformed()
    assert voice.stream_error(received, "overloaded", "")
