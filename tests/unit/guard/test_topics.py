import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aver.core.errors import InvalidInput
from aver.gateway.adapters.minilm import MiniLM
from aver.guard.topics import Topic, Topics

MEDICINE = Topic(
    "medical advice",
    examples=[
        "Which dose of ibuprofen may I take?",
        "I have chest pain, what should I do?",
        "Is this rash dangerous?",
        "How do I treat a fever?",
    ],
    unlike=["How do I report sick leave?", "Where is the first aid kit?"],
    words=["off-label use"],
)


@pytest.fixture(scope="module")
def embedder(tmp_path_factory):
    return MiniLM(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def topics(embedder):
    return Topics([MEDICINE, Topic("rival", words=["Contoso", "Fabrikam Ltd"])], embedder)


def kinds(topics, text):
    return [each.kind for each in topics.find(text)]


def test_what_means_the_same_is_found_where_it_stands(topics):
    text = (
        "The office opens at nine. How many tablets of paracetamol can I take against fever? The train leaves at ten."
    )
    (found,) = topics.find(text)
    assert found.kind == "medical advice"
    assert "paracetamol" in text[found.start : found.end]


@pytest.mark.parametrize(
    "text", ["How do I report that I am ill?", "Which train goes to Bonn?", "Contosoan rhythms", ""]
)
def test_other_things_pass(topics, text):
    assert kinds(topics, text) == []


@pytest.mark.parametrize("text", ["Is contoso better?", "C\u200bontoso", "Ϲontoso", "fabrikam  ltd", "FABRIKAM\nLTD"])
def test_words_are_found_however_they_are_written(topics, text):
    assert kinds(topics, text) == ["rival"]


def test_a_topic_of_nothing_and_two_of_one_name_are_refused(embedder):
    with pytest.raises(InvalidInput, match="neither"):
        Topics([Topic("empty")], embedder)
    with pytest.raises(InvalidInput, match="twice"):
        Topics([Topic("a", words=["x"]), Topic("a", words=["y"])], embedder)
    with pytest.raises(InvalidInput, match="empty word"):
        Topics([Topic("a", words=[" "])], embedder)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from([*MEDICINE.examples, "Contoso", "off-label use"]) | st.text(max_size=30), max_size=8).map(
        " ".join
    )
)
def test_findings_lie_in_any_text_in_order_and_apart(topics, text):
    last = 0
    for each in topics.find(text):
        assert last <= each.start < each.end <= len(text)
        last = each.end
