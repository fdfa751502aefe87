"""A text checked while it is written: nothing of what was found is shown, wherever it is cut."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.core.errors import Blocked
from aver.guard import Detecting, Finding, Guard, Passage, Rail, facts_of, passing
from aver.guard.secrets import Secrets

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
    """What went on, and the error that ended it."""
    guard = Guard({"output": [Rail(Detecting(detector or Phrase(SECRET), quick=True), mode)]})

    async def pieces():
        for start in range(0, len(text), size):
            yield text[start : start + size]

    async def collect(shown):
        async for unit in passing(guard, pieces()):
            shown.extend([unit])

    shown = []
    try:
        asyncio.run(collect(shown))
    except Blocked as error:
        return shown, error
    return shown, None


AROUND = f"First comes this. Then that.\n{SECRET} And so on it goes. Until the end."


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 500])
def test_what_is_split_over_two_sentences_is_cut_out(size):
    shown, error = run(AROUND, size)
    assert "".join(shown) == AROUND.replace(SECRET, "[CODE]")
    assert error is None


@pytest.mark.parametrize("size", [1, 5, 500])
def test_nothing_of_it_is_shown_before_it_is_blocked(size):
    shown, error = run(AROUND, size, "block")
    assert AROUND.startswith("".join(shown))
    assert "code" not in "".join(shown)
    assert error is not None
    assert "code is" not in str(error)


@settings(max_examples=40, deadline=None)
@given(st.text("ab .!\n", max_size=300), st.integers(1, 40))
def test_what_is_clean_goes_on_unchanged(text, size):
    assert "".join(run(text, size)[0]) == text


PHRASES = st.sampled_from(["ab. ab", "b.\nb", ". ", "aab", "b! a. b"])


@settings(max_examples=150, deadline=None)
@given(st.text("ab .!\n", max_size=200), PHRASES, st.integers(1, 40))
def test_what_goes_on_is_what_a_look_at_the_whole_text_would_let_through(text, phrase, size):
    shown, error = run(text, size, detector=Phrase(phrase))
    assert error is None
    assert "".join(shown) == text.replace(phrase, "[CODE]")


@settings(max_examples=60, deadline=None)
@given(st.text("ab .!\n", max_size=200), PHRASES, st.integers(1, 40))
def test_of_what_blocks_nothing_is_shown(text, phrase, size):
    shown, error = run(text, size, "block", Phrase(phrase))
    assert (error is not None) == (phrase in text)
    assert phrase not in "".join(shown)
    assert text.startswith("".join(shown))


def test_the_first_sentences_do_not_wait_for_the_last():
    assert len(run("One is here. " * 30, 4)[0]) > 20


def test_the_cost_is_linear_and_a_text_without_an_end_is_cut():
    few, many = Phrase(SECRET), Phrase(SECRET)
    run("x" * 20_000, 500, detector=few)
    run("x" * 80_000, 500, detector=many)
    assert many.read < 5 * few.read


class Rest(Phrase):
    """Finds everything from ``key:`` on, to ``end.`` or as far as the text goes."""

    def find(self, text):
        self.read += len(text)
        at = text.find("key:")
        end = text.find("end.", at)
        return [Finding("KEY", at, end + 4 if end >= 0 else len(text), 1.0)] if at >= 0 else []


def test_a_long_finding_is_held_until_it_ends():
    text = "A key: " + "AbCd. " * 500 + "end. And more. And more."
    shown, error = run(text, 100, detector=Rest(""))
    assert "".join(shown) == "A [KEY] And more. And more."
    assert error is None


def test_a_finding_that_never_ends_ends_the_text_and_nothing_of_it_is_shown():
    detector = Rest("")
    shown, error = run("Before. A key: " + "AbCd. " * 2_000, 8, detector=detector)
    assert error is not None
    assert "AbCd" not in "".join(shown)
    assert "".join(shown).strip() == "Before."


def test_a_private_key_is_cut_out_line_by_line():
    lines = "\n".join("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7" + f"{n:012d}" for n in range(26))
    key = "-----BEGIN PRIVATE" + f" KEY-----\n{lines}\n-----END PRIVATE" + " KEY-----"
    shown, error = run(f"It is this.\n{key}\nKeep it safe. Always.", 37, detector=Secrets())
    assert "".join(shown) == "It is this.\n[PRIVATE_KEY]\nKeep it safe. Always."
    assert error is None


def test_what_was_found_is_told_once():
    heard = []

    async def main():
        guard = Guard({"output": [Rail(Detecting(Phrase("two"), quick=True), "redact")]})
        passage = Passage(guard, "output", heard.append)
        for unit in ("One. ", "Then two. ", "Three. ", "And two. ", "Four."):
            await passage.take(unit)
        await passage.rest()

    asyncio.run(main())
    facts = facts_of(heard)
    assert (facts["texts"], facts["redacted"], facts["counts"]) == (6, 2, [2])


@pytest.mark.parametrize(("mode", "waiting"), [("observe", 0), ("flag", 0), ("redact", 1), ("block", 1)])
def test_nothing_waits_where_nothing_can_be_held_back(mode, waiting):
    async def main():
        passage = Passage(Guard({"output": [Rail(Detecting(Phrase("two"), quick=True), mode)]}), "output")
        going = [each for unit in ("One. ", "Three. ", "Four.") for each in await passage.take(unit)]
        return going, await passage.rest()

    going, rest = asyncio.run(main())
    assert len(rest) == waiting
    assert "".join((*going, *rest)) == "One. Three. Four."


class Linked(Phrase):
    def opened(self, text):
        return "The code" in text


@pytest.mark.parametrize(("detector", "shown"), [(Linked(SECRET), 1), (Phrase(SECRET), 0)])
async def test_a_unit_in_which_nothing_can_begin_goes_on_at_once(detector, shown):
    guard = Guard({"output": [Rail(Detecting(detector, quick=True), "redact")]})
    passage = Passage(guard, "output")
    assert await passage.take("First comes this. ") == ["First comes this. "] * shown
    assert await passage.take("The code is 12. ") == ["First comes this. "] * (1 - shown)
    going = [*await passage.take("It ends with 34. "), *await passage.take("And more."), *await passage.rest()]
    assert "".join(going) == "[CODE] And more."
