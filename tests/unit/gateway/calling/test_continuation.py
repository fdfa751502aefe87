"""The seam between two replies: whatever the second one repeats, the text is told once and whole, or not at all."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aver.core.settings import ModelTimeouts
from aver.gateway.calling.bulkhead import Bulkhead
from aver.gateway.calling.continuation import Diverged, Seam, anchor, asked_to_go_on, ways
from aver.gateway.calling.deployment import Deployment
from aver.gateway.config.types import Model, ProviderConfig
from aver.gateway.transport import Transport
from aver.gateway.types import ChatDelta, ChatRequest, Message, Reasoning
from aver.gateway.upstream import Upstream

WORDS = (  # noqa: SIM905 - words read better as words
    "Ten days of unused leave carry over to the next year and must be used by March 2027 unless your lead, who may say "
    "otherwise, puts it in writing: see §4.2 (b). Überstunden zählen nicht mit; 有給休暇は二十日です。 🙂 Ask *Payroll* for "
    "1,250.50 — not 1.250,50!"
).split()
TEXTS = st.builds(
    lambda words, gaps: "".join(word + gap for word, gap in zip(words, gaps, strict=False)).strip(),
    st.permutations(WORDS),
    st.lists(st.sampled_from([" ", " ", " ", "\n", "\n\n", "  "]), min_size=20, max_size=len(WORDS)),
)


def pieces(text, sizes):
    at, cut = 0, []
    for size in sizes:
        cut.append(text[at : at + size])
        at += size
    return [*(piece for piece in cut if piece), *([text[at:]] if text[at:] else [])]


def joined(shown, way, written, finish="stop"):
    """What the caller has read when the second reply has been written in these pieces."""
    seam = Seam(shown, way)
    told = shown
    for piece in written:
        told += "".join(delta.text for delta in seam.feed([ChatDelta(piece)]))
    if finish:
        told += "".join(delta.text for delta in seam.feed([ChatDelta(finish=finish)]))
    return told


@given(TEXTS, st.data())
def test_a_prefilled_reply_goes_on_to_the_letter(text, data):
    shown = text[: data.draw(st.integers(8, len(text)))]
    rest = text[len(shown.rstrip()) :]
    told = pieces(rest, data.draw(st.lists(st.integers(1, 9))))
    try:
        assert joined(shown, "prefill", told) == text
    except Diverged:
        # A capital after a small letter, the first letters again, or nothing after half a sentence: perhaps another reply.
        assert rest[:1].isupper() or text.startswith(rest.strip())


@given(TEXTS, st.data())
def test_a_reply_that_begins_anew_is_told_from_where_the_first_broke_off(text, data):
    shown = text[: data.draw(st.integers(1, len(text)))]
    told = pieces(text, data.draw(st.lists(st.integers(1, 9))))
    for way in ("prefill", "instruct") if len(shown.strip()) >= 8 else ("again",):
        assert joined(shown, way, told) == text


@given(TEXTS, st.data())
@example(WORDS[0] + " " + WORDS[1], None)
def test_a_reply_that_repeats_the_last_words_is_told_from_behind_them(text, data):
    shown = text[: data.draw(st.integers(8, len(text)))] if data else text[:8]
    core = shown.rstrip()
    begins = len(core) - len(anchor(core))
    if data:
        begins = data.draw(st.integers(0, begins))
        told = pieces(text[begins:], data.draw(st.lists(st.integers(1, 9))))
    else:
        told = [text[begins:]]
    assert joined(shown, "instruct", told) == text
    assert joined(shown, "prefill", told) == text


@given(TEXTS, TEXTS, st.data())
def test_a_reply_about_something_else_is_not_shown(text, other, data):
    shown = text[: data.draw(st.integers(8, len(text)))]
    said = pieces("Certainly! " + other, data.draw(st.lists(st.integers(1, 9))))
    with pytest.raises(Diverged):
        joined(shown, "instruct", said)


@given(st.text(min_size=1))
def test_an_anchor_is_the_end_and_stands_once(core):
    core = core.rstrip()
    if core:
        found = anchor(core)
        assert core.endswith(found)
        assert core.find(found) == len(core) - len(found)
        assert found == core or len(found) >= 24


def test_an_anchor_begins_with_a_word():
    assert anchor("Ten days of unused leave carry over to the next ye") == "carry over to the next ye"


@pytest.mark.parametrize(
    ("shown", "written", "whole"),
    [
        ("Ten days of leave car", "ry over.", "Ten days of leave carry over."),
        ("Ten days of leave", " carry over.", "Ten days of leave carry over."),
        ("Ten days of leave ", " carry over.", "Ten days of leave carry over."),
        ("Ten days of leave ", "carry over.", "Ten days of leave carry over."),
        ("Ten days of leave:\n", "\n\n- one", "Ten days of leave:\n\n- one"),
        ("It is very, very", " very good.", "It is very, very very good."),
    ],
)
def test_spaces_and_natural_repetitions_at_the_seam(shown, written, whole):
    assert joined(shown, "prefill", [written]) == whole


@pytest.mark.parametrize("written", ["Sure, here it is", "I cannot go on"])
def test_the_beginning_of_another_message_is_no_continuation(written):
    with pytest.raises(Diverged):
        joined("Ten days of leave car", "prefill", [written])


def test_nothing_more_to_say_is_the_end_only_where_one_may_end():
    assert joined("Ten days of leave carry over.", "prefill", []) == "Ten days of leave carry over."
    with pytest.raises(Diverged):
        joined("Ten days of leave car", "prefill", [])
    with pytest.raises(Diverged):
        joined("Ten days of leave carry over.", "instruct", [])


def test_an_anew_reply_that_says_less_is_another_reply():
    with pytest.raises(Diverged):
        joined("Ten days of leave carry over to the next year, and", "prefill", ["Ten days of leave"])


def test_a_message_that_opens_with_a_space_goes_on():
    assert joined("Ten days of leave", "instruct", [" carry", " over."]) == "Ten days of leave carry over."


def test_the_first_letters_are_only_told_again():
    assert joined("Ten", "again", ["T", "en days"]) == "Ten days"
    with pytest.raises(Diverged):
        joined("Ten", "again", ["You get ten days."])
    assert joined("", "again", ["Ten days"]) == "Ten days"


def test_thoughts_are_left_out_and_the_rest_is_kept():
    seam = Seam("Ten days of leave", "prefill")
    assert seam.feed([ChatDelta(reasoning=Reasoning("Hm"))]) == []
    named, told = seam.feed([ChatDelta(id="r2"), ChatDelta(" carry over.", finish="stop")])
    assert (named.id, told.text, told.finish) == ("r2", " carry over.", "stop")


CHAT = ChatRequest((Message("system", "Be brief."), Message("user", "How many?")), max_tokens=100)


def test_how_it_is_put():
    shown = "Ten days of unused leave carry over to the next ye "
    assert asked_to_go_on(CHAT, shown, "again") is CHAT
    prefilled = asked_to_go_on(CHAT, shown, "prefill")
    assert prefilled.messages[-1] == Message("assistant", shown.rstrip())
    assert prefilled.max_tokens == 100 - len(shown.rstrip()) // 4
    instructed = asked_to_go_on(CHAT, shown, "instruct")
    assert instructed.messages[-2] == prefilled.messages[-1]
    assert instructed.messages[-1].role == "user"
    assert "\ncarry over to the next ye\n" in instructed.messages[-1].text


def deployment(kind="openai", base_url="http://127.0.0.1:8000/v1", **options):
    provider = ProviderConfig("p", kind, base_url, options=options, timeouts=ModelTimeouts())
    return Deployment(Upstream(provider, Model("m", "p", "m"), Transport()), Bulkhead("p", 1, 1))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (deployment("anthropic"), ("prefill", "instruct")),
        (deployment("bedrock"), ("prefill", "instruct")),
        (deployment(), ("prefill", "instruct")),
        (deployment(base_url="https://api.openai.com/v1"), ("instruct",)),
        (deployment("azure"), ("instruct",)),
        (deployment(prefill="no"), ("instruct",)),
        (deployment("responses", prefill="yes"), ("prefill", "instruct")),
    ],
)
def test_who_is_asked_how(asked, expected):
    assert ways(asked, "Ten days of leave") == expected
    assert ways(asked, "Ten") == ("again",)


def test_who_refused_a_prefill_is_not_offered_one_again():
    refused = deployment("anthropic")
    refused.prefills = False
    assert ways(refused, "Ten days of leave") == ("instruct",)
