"""What the tests of streams share: replies at random, cut at random, and what is left of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from aver.gateway.types import ChatDelta, Reasoning, ToolDelta, Usage

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
USAGE = st.builds(
    lambda read, cached, written, thought: Usage(
        read + cached, written + thought, None, cached_tokens=cached, reasoning_tokens=thought
    ),
    *[st.integers(0, 99)] * 4,
)


@dataclass
class Heard:
    """What a reader of a reply has heard at its end."""

    text: str = ""
    thought: str = ""
    tools: dict[int, list[str]] = field(default_factory=dict)
    finish: str | None = None
    usage: Usage | None = None


def heard(deltas) -> Heard:
    all_ = Heard()
    for delta in deltas:
        all_.text += delta.text
        all_.thought += delta.reasoning.text if delta.reasoning else ""
        if delta.tool:
            begun = all_.tools.setdefault(delta.tool.index, ["", "", ""])
            begun[0] += delta.tool.id
            begun[1] += delta.tool.name
            begun[2] += delta.tool.arguments
        all_.finish = delta.finish or all_.finish
        all_.usage = delta.usage or all_.usage
    return all_


@st.composite
def replies(draw, family="openai"):
    """The deltas of a whole reply: thought, text, tools, the finish and the usage."""
    deltas = [ChatDelta(reasoning=Reasoning(text, family=family)) for text in draw(st.lists(TEXT, max_size=3))]
    deltas += [ChatDelta(text) for text in draw(st.lists(TEXT, max_size=5))]
    tools = draw(st.integers(0, 2))
    for index in range(tools):
        deltas.append(ChatDelta(tool=ToolDelta(index, f"call_{index}", "look", draw(st.sampled_from(["", "{"])))))
        deltas += [ChatDelta(tool=ToolDelta(index, arguments=text)) for text in draw(st.lists(TEXT, max_size=2))]
    finish = "tool_calls" if tools else draw(st.sampled_from(["stop", "length", "content_filter"]))
    usage = draw(USAGE)
    if draw(st.booleans()):
        return [*deltas, ChatDelta(finish=finish, usage=usage)]
    return [*deltas, ChatDelta(finish=finish), ChatDelta(usage=usage)]


def pieces(draw_from, data: bytes) -> list[bytes]:
    """``data`` cut anywhere."""
    cuts = sorted(draw_from.draw(st.lists(st.integers(0, len(data)), max_size=9), label="cuts"))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def read(reader, chunks) -> list[ChatDelta]:
    return [delta for chunk in chunks for delta in reader.feed(chunk)]


def to_be_written(deltas) -> list[ChatDelta]:
    return [replace(delta, raw=None) for delta in deltas]
