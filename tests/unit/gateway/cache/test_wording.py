"""Which questions have one form, and which never may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.gateway.cache.wording import form, plain

SAME = [
    ("How do I reset a router?", "How can you reset the router"),
    ("How to fix a bike", "What is the best way to fix a bike?"),
    ("What's the colour of the sky?", "What is the color of the sky?"),
    ("What does it feel like to be tall?", "How does it feel to be tall?"),
    ("What does osmosis mean?", "What is the exact meaning of osmosis?"),
    ("What is the difference between tea and coffee?", "What are the differences between coffee and tea?"),
    ("Does it cost 1,000 rupees?", "Does it cost 1000 rupee?"),
    ("Which films are the biggest?", "which movies are the largest?"),
    ("Are there any owls?", "Are there owls?"),
    ("What are some of the best parks?", "What are the best parks?"),
    ("How do I find my keys?", "How do you find your keys?"),
    ("What is your favourite dish and why?", "What is your favorite dish?"),
]
DIFFERENT = [
    ("How do I eat?", "How do I not eat?"),
    ("Can dogs eat bread?", "Can't dogs eat bread?"),
    ("Who is paid 20 days?", "Who is paid 21 days?"),
    ("Is it 5 km away?", "Is it 5 miles away?"),
    ("What is C++?", "What is C#?"),
    ("What is C?", "What is C++?"),
    ("What does ~ mean?", "What does % mean?"),
    ("How do I fly from Oslo to Rome?", "How do I fly from Rome to Oslo?"),
    ("Does Ann trust Bob?", "Does Bob trust Ann?"),
    ("Is tea better than milk?", "Is milk better than tea?"),
    ("How does it work?", "Why does it work?"),
    ("When was it made?", "Where was it made?"),
    ("How many do I need?", "How much do I need?"),
    ("Is the shop open?", "Was the shop open?"),
    ("Should I go?", "Can I go?"),
    ("Are all cats grey?", "Are some cats grey?"),
    ("Do some dogs bite?", "Do dogs bite?"),
    ("How do people get my number?", "How do I get my number?"),
    ("How would you describe yourself?", "How would I describe myself?"),
    ("How can I help you?", "How can you help me?"),
    ("What is the best phone?", "What is the worst phone?"),
    ("Is it wrong to lie to my boss?", "Is it wrong to lie to your boss?"),
    ("How do I calm myself?", "How do I calm her?"),
    ("Life before the flood?", "Life after the flood?"),
    ("What is the universe?", "What is the university?"),
    ("Which IT course is good?", "Which course is it good?"),
    ("What is a type A?", "What is a type B?"),
    ("What is an X-1?", "What is an X-2?"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_question_in_other_words_has_one_form(one, other):
    assert form(one) == form(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_changes_the_answer_changes_the_form(one, other):
    assert form(one) != form(other)


@pytest.mark.parametrize(
    "text",
    [
        "print(x)",
        "Is a < b?",
        "Is it -5 or 5?",
        "What is 3/4?",
        "two\nlines",
        "see https://a.example",
        "x" * 301,
        "a_b?",
    ],
)
def test_where_punctuation_may_decide_no_form_is_asked_for(text):
    assert not plain(text)


WORDS = st.lists(
    st.sampled_from(["cats", "not", "3", "4", "never", "like", "in", "on", "from", "to", "Rome", "why"]), min_size=2
)


@given(words=WORDS, place=st.integers(0), other=st.sampled_from(["no", "17", "zebras", "before", "must"]))
def test_one_word_more_is_another_form(words, place, other):
    longer = [*words]
    longer.insert(place % (len(words) + 1), other)
    assert form(" ".join(words)) != form(" ".join(longer))


@given(st.text(max_size=200))
def test_any_text_has_a_form(text):
    assert all(isinstance(word, str) for word in form(text))
