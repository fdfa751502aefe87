import pytest

from aver.core import Principal
from aver.gateway.calling.features import features
from aver.gateway.calls import Call
from aver.gateway.types import ChatRequest, File, Image, Message, Text


def call(body=None, chat=None, size=0, family="openai"):
    return Call(Principal("t", "u"), "m", lambda *_: None, lambda: chat, family=family, body=body, size=size)


def message(*parts):
    return {"messages": [{"role": "user", "content": list(parts)}]}


def test_text_is_bounded_by_its_bytes():
    found = features(call({"messages": [{"role": "user", "content": "hi"}], "max_tokens": 7, "n": 3}, size=60))
    assert found.read == 60
    assert 60 < found.read_most < 2000
    assert (found.max_tokens, found.copies) == (7, 3)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 400_000}},
        {"type": "image", "source": {"type": "base64", "data": "A" * 400_000}},
        {"type": "tool_result", "content": [{"type": "image", "source": {"data": "A" * 400_000}}]},
    ],
)
def test_an_image_counts_as_a_piece_not_by_its_letters(part):
    found = features(call(message({"type": "text", "text": "What is this?"}, part), size=400_200))
    assert found.read < 300
    assert 1000 < found.read_most < 10_000


def test_a_file_counts_by_its_size():
    part = {"type": "file", "file": {"file_data": "A" * 40_000}}
    assert 10_000 < features(call(message(part), size=40_100)).read_most < 15_000


def test_an_own_request_is_measured_too():
    chat = ChatRequest(
        (Message("user", "Überraschung"), Message("user", (Text("x"), Image(data="A" * 9999)))), max_tokens=9
    )
    found = features(call(chat=chat))
    assert found.read == len("Überraschung".encode()) + 1
    assert found.read_most > 6000
    assert found.max_tokens == 9
    assert features(call(chat=ChatRequest((Message("user", (File(data="A" * 40_000),)),)))).read_most > 12_000


NAMES = {
    "openai": {"max_tokens", "max_completion_tokens"},
    "responses": {"max_output_tokens"},
    "anthropic": {"max_tokens"},
}


@pytest.mark.parametrize("family", NAMES)
@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens", "max_output_tokens"])
def test_a_bound_is_found_under_the_names_of_its_family_alone(limit, family):
    found = features(call({"messages": [], limit: 5}, family=family))
    assert found.max_tokens == (5 if limit in NAMES[family] else None)


@pytest.mark.parametrize("limit", [0, -1, -(2**63), True, 5.0, "5"])
def test_what_some_server_takes_for_no_bound_is_none(limit):
    assert features(call({"messages": [], "max_tokens": limit})).max_tokens is None


def test_what_it_costs_stays_a_number_that_can_be_kept():
    found = features(call({"messages": [], "max_tokens": 2**64, "n": 2**64}))
    assert found.max_tokens * found.copies * 1_000_000 < 2**63


def test_what_is_malformed_is_measured_all_the_same():
    body = {"messages": [3, {"content": [3, {"type": "image"}]}], "max_tokens": "many", "n": "x"}
    found = features(call(body, size=50))
    assert (found.max_tokens, found.copies) == (None, 1)
