import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import StreamTruncated
from aver.gateway.calling.gathering import gather, scatter
from aver.gateway.types import ChatDelta, Completion, Reasoning, Text, ToolCall, ToolDelta, Usage

PARTS = st.lists(
    st.one_of(
        st.builds(Text, st.text(min_size=1)),
        st.builds(Reasoning, st.text(min_size=1), st.text(min_size=1), family=st.just("anthropic")),
    ),
    max_size=5,
)
CALLS = st.lists(st.builds(ToolCall, st.text(), st.text(min_size=1), st.text(), st.text()), max_size=3)


def merged(parts):
    """Neighbouring texts are one."""
    whole = []
    for part in parts:
        if isinstance(part, Text) and whole and isinstance(whole[-1], Text):
            whole[-1] = Text(whole[-1].text + part.text)
        else:
            whole.append(part)
    return tuple(whole)


@given(PARTS, CALLS)
def test_what_is_scattered_is_gathered(parts, calls):
    completion = Completion((*merged(parts), *calls), "stop", Usage(3, 4), "id", "model", "openai")
    assert gather(scatter(completion), family="openai") == completion


def test_pieces_become_wholes():
    deltas = [
        ChatDelta(id="r1", model="m"),
        ChatDelta(reasoning=Reasoning("Hm", family="f")),
        ChatDelta(reasoning=Reasoning(", yes.", "signed", family="f")),
        ChatDelta("Twenty "),
        ChatDelta("days."),
        ChatDelta(tool=ToolDelta(0, "c1", "look")),
        ChatDelta(tool=ToolDelta(1, "c2", "find", "{}")),
        ChatDelta(tool=ToolDelta(0, arguments='{"a":')),
        ChatDelta(tool=ToolDelta(0, arguments="1}")),
        ChatDelta(finish="tool_calls"),
        ChatDelta(usage=Usage(1, 2)),
    ]
    whole = gather(deltas)
    assert whole.parts == (
        Reasoning("Hm, yes.", "signed", family="f"),
        Text("Twenty days."),
        ToolCall("c1", "look", '{"a":1}'),
        ToolCall("c2", "find", "{}"),
    )
    assert (whole.finish, whole.usage, whole.id, whole.model) == ("tool_calls", Usage(1, 2), "r1", "m")


def test_what_never_finished_is_not_whole():
    with pytest.raises(StreamTruncated):
        gather([ChatDelta("Twenty")])
