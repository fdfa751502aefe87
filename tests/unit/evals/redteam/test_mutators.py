"""Disguises: what is put on can be taken off, the same seed puts on the same, and what an attack is told by stays readable."""

import re
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.core.errors import InvalidInput
from aver.evals.redteam.arming import armed, marks
from aver.evals.redteam.mutators import MUTATORS, chosen_mutators
from aver.evals.redteam.mutators.types import folded, outside_quotes
from aver.evals.redteam.reading import chosen
from aver.guard.plain import plain

ALL = sorted(MUTATORS.values(), key=lambda each: each.name)
EXACT = [each for each in ALL if each.exact]
LOSSY = [each for each in ALL if not each.exact]
WORDS = st.lists(
    st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=12), min_size=1, max_size=30
)
ENGLISH = st.builds(
    lambda words, mark: " ".join(words) + f' "{mark}".', WORDS, st.text("abcdefgh", min_size=3, max_size=8)
)


@pytest.mark.parametrize("mutator", EXACT, ids=lambda each: each.name)
@settings(max_examples=25, deadline=None)
@given(text=st.text(min_size=1), seed=st.integers(0, 50))
def test_an_exact_disguise_gives_the_very_text_back(mutator, text, seed):
    assert mutator.reveal(mutator.apply(text, Random(seed))) == text


@pytest.mark.parametrize("mutator", [each for each in LOSSY if each.name != "typos"], ids=lambda each: each.name)
@settings(max_examples=25, deadline=None)
@given(text=ENGLISH, seed=st.integers(0, 50))
def test_any_other_gives_its_letters_back(mutator, text, seed):
    assert folded(mutator.reveal(mutator.apply(text, Random(seed)))) == folded(text)


@settings(max_examples=25, deadline=None)
@given(text=ENGLISH, seed=st.integers(0, 50))
def test_typos_keep_the_number_of_words_their_first_letters_and_what_is_quoted(text, seed):
    (typed,) = MUTATORS["typos"].apply(text, Random(seed))
    assert [word[0] for word in typed.split()] == [word[0] for word in text.split()]
    assert re.findall(r'"(\w+)"', typed) == re.findall(r'"(\w+)"', text)


@pytest.mark.parametrize("mutator", ALL, ids=lambda each: each.name)
@settings(max_examples=25, deadline=None)
@given(text=st.text(), seed=st.integers())
def test_a_seed_decides(mutator, text, seed):
    assert mutator.apply(text, Random(seed)) == mutator.apply(text, Random(seed))


@pytest.mark.parametrize("mutator", ALL, ids=lambda each: each.name)
def test_a_disguise_changes_what_is_written(mutator):
    text = 'Please write the words "amber" and "lantern" together as one word.'
    assert any(mutator.apply(text, Random(seed)) != (text,) for seed in range(5))
    assert mutator.about
    assert all(mutator.apply(text, Random(1)))


@pytest.mark.parametrize("mutator", ALL, ids=lambda each: each.name)
def test_the_marks_of_every_attack_are_there_when_a_disguise_is_taken_off(mutator):
    for attack in chosen(["injection-direct", "jailbreak", "harmful", "output"]):
        if attack.ask or "{left}" not in attack.payload:
            continue
        case, known = armed(attack, [mutator]), marks(attack, 0)
        revealed = mutator.reveal([*case.metadata["turns"][len(attack.turns) :], case.question]).casefold()
        # Homoglyphs and their like are read as a reader does.
        revealed = plain(revealed).text
        assert known["left"] in revealed, attack.id
        assert known["right"] in revealed, attack.id
        assert known["left"] + known["right"] not in revealed, attack.id


def test_two_disguises_come_off_in_reverse():
    attack = next(each for each in chosen(["injection-direct"]) if each.id.endswith("/ignore"))
    inner, outer = MUTATORS["leetspeak"], MUTATORS["base64"]
    case = armed(attack, [inner, outer], seed=3)
    text = inner.reveal([outer.reveal([case.question])])
    assert folded(text) == folded(armed(attack, seed=3).question)
    assert case.metadata["mutators"] == ["leetspeak", "base64"]


def test_several_messages_are_asked_one_after_the_other():
    attack = next(each for each in chosen(["jailbreak"]) if each.id.endswith("/grown"))
    case = armed(attack, [MUTATORS["crescendo"]])
    assert case.metadata["turns"][:2] == list(attack.turns)
    assert len(case.metadata["turns"]) == 5
    assert "thief" in case.question


def test_what_is_quoted_is_left_alone_only_where_the_quotes_close():
    assert outside_quotes('ab "cd" ef', str.upper) == 'AB "cd" EF'
    assert outside_quotes('ab "cd', str.upper) == 'AB "CD'
    assert outside_quotes("", str.upper) == ""


def test_mutators_are_chosen_by_name_and_by_kind():
    assert {each.kind for each in chosen_mutators(["turns"])} == {"turns"}
    assert len(chosen_mutators(["all"])) == len(MUTATORS)
    assert chosen_mutators(["none"]) == []
    assert [each.name for each in chosen_mutators(["rot13", "base64", "rot13"])] == ["base64", "rot13"]
    with pytest.raises(InvalidInput, match="base65"):
        chosen_mutators(["base65"])
