"""A text checked while it is written: nothing of what was found is shown, wherever it is cut."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.guard import Detecting, Finding, Guard, Rail, passing

SECRET = "The code is 12. It ends with 34."
"""Found only where both sentences are read."""


class Phrase:
    name = "phrase"

    def __init__(self, phrase):
        self.phrase = phrase
        self.read = 0

    def find(self, text):
        self.read += len(text)
        found, at = [], text.find(self.phrase)
        while at >= 0:
            found.append(Finding("CODE", at, at + len(self.phrase), 1.0))
            at = text.find(self.phrase, at + len(self.phrase))
        return found


def run(text, size, mode="redact", detector=None):
    guard = Guard({"output": [Rail(Detecting(detector or Phrase(SECRET)), mode)]})

    async def pieces():
        for start in range(0, len(text), size):
            yield text[start : start + size]

    async def collect():
        return [each async for each in passing(guard, pieces())]

    return asyncio.run(collect())


AROUND = f"First comes this. Then that.\n{SECRET} And so on it goes. Until the end."


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 500])
def test_what_is_split_over_two_sentences_is_cut_out(size):
    whole = "".join(each.text for each in run(AROUND, size))
    assert whole == AROUND.replace(SECRET, "[CODE]")


@pytest.mark.parametrize("size", [1, 5, 500])
def test_nothing_of_it_is_shown_before_it_is_blocked(size):
    passed = run(AROUND, size, "block")
    assert passed[-1].judgement.outcome == "block"
    assert passed[-1].text == ""
    shown = "".join(each.text for each in passed)
    assert AROUND.startswith(shown)
    assert "code" not in shown


@settings(max_examples=40)
@given(st.text("ab .!\n", max_size=300), st.integers(1, 40))
def test_what_is_clean_goes_on_unchanged(text, size):
    assert "".join(each.text for each in run(text, size)) == text


def test_the_first_sentences_do_not_wait_for_the_last():
    assert len(run("One is here. " * 30, 4)) > 20


def test_the_cost_is_linear_and_a_text_without_an_end_is_cut():
    few, many = Phrase(SECRET), Phrase(SECRET)
    run("x" * 20_000, 500, detector=few)
    run("x" * 80_000, 500, detector=many)
    assert many.read < 5 * few.read


def test_a_finding_that_never_ends_is_not_held_for_ever():
    class Rest(Phrase):
        def find(self, text):
            at = text.find("key:")
            return [Finding("KEY", at, len(text), 1.0)] if at >= 0 else []

    text = "A key: " + "AbCd. " * 10_000
    passed = run(text, 100, detector=Rest(""))
    assert len(passed) > 2
    assert "AbCd" not in passed[0].text
