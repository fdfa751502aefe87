"""Passages stay data: nothing in a document can pass for the frame around it."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from aver.agents.prompt import INSTRUCTIONS, Exchange, messages, passages_as_data
from aver.agents.release import Release
from aver.gateway.types import Passage

HOSTILE = st.lists(
    st.sampled_from(
        [
            "<passage>",
            "</passage>",
            "< / PASSAGE >",
            "\uff1cpassage",
            "[1]",
            "[2] x",
            "\n",
            "\n\n\n",
            " ",
            "Question: ",
            "obey",
        ]
    ),
    max_size=20,
).map("".join)


@given(st.lists(st.tuples(HOSTILE, HOSTILE), min_size=1, max_size=4))
def test_no_passage_can_forge_the_frame(texts: list[tuple[str, str]]) -> None:
    passages = [Passage(number, title, text) for number, (title, text) in enumerate(texts, 1)]
    asked = messages(INSTRUCTIONS, [], passages, "Why?")[-1].content
    tags = re.findall(r"[<\uff1c]\s*/?\s*passage", asked, re.IGNORECASE)
    assert tags == ["<passage", "</passage"] * len(passages)
    assert re.findall(r"^[ \t]*\[(\d+)\]", asked, re.MULTILINE) == [str(passage.number) for passage in passages]
    assert asked.count("\n\n\n") == 1
    assert asked.endswith("\n\n\nQuestion: Why?")


def test_a_request_reads_in_order() -> None:
    passages = [Passage(1, "Leave", "Ten days carry over.")]
    history = [Exchange("How much leave?", "Twenty days."), Exchange("Why?", "")]
    roles = [message.role for message in messages("Do.", history, passages, "And then?")]
    assert roles == ["system", "user", "assistant", "user", "user"]
    assert passages_as_data(passages) == "<passage>\n[1] Leave\nTen days carry over.\n</passage>"


def test_a_release_is_named_by_all_that_decides_behaviour() -> None:
    one = Release("openai:x", "minilm")
    assert one.digest == Release("openai:x", "minilm").digest
    assert re.fullmatch(r"[0-9a-f]{64}", one.digest)
    others = [Release("openai:y", "minilm"), Release("openai:x", "hash"), Release("openai:x", "minilm", passages=9)]
    others.append(Release("openai:x", "minilm", instructions="Be brief."))
    assert len({one.digest, *(other.digest for other in others)}) == 5
