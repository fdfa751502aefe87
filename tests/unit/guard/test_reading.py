"""What is found in the plain reading of a text stands where it is in the text itself."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from aver.guard import Finding
from aver.guard.plain import plain
from aver.guard.reading import Plainly


class Runs:
    """Finds every run of digits."""

    name = "runs"

    def find(self, text):
        found, start = [], None
        for at, char in enumerate([*text, " "]):
            digit = char in "0123456789"
            if digit and start is None:
                start = at
            elif not digit and start is not None:
                found.append(Finding("N", start, at, 1.0))
                start = None
        return found


ODD = "0123 ab\u200b\u00ad\uff11\u0663\U0001d7ce\ufb01\u0301\u2028\U000e0031\ud800"


@given(st.text(ODD, max_size=40))
def test_findings_are_in_order_within_the_text_and_cover_every_digit(text):
    found = Plainly(Runs()).find(text)
    assert all(0 <= each.start < each.end <= len(text) for each in found)
    assert all(one.end <= two.start for one, two in pairwise(found))
    covered = {at for each in found for at in range(each.start, each.end)}
    assert {at for at, char in enumerate(text) if char.isdecimal()} <= covered


@given(st.text(ODD, max_size=40))
def test_the_plain_reading_leads_back_character_by_character(text):
    read = plain(text)
    for at in range(len(read.text)):
        start, end = read.original(at, at + 1)
        assert end == start + 1
        assert read.text[at] in plain(text[start:end]).text
    places = [read.original(at, at + 1)[0] for at in range(len(read.text))]
    assert places == sorted(places)
