import re

from hypothesis import given
from hypothesis import strategies as st

from aver.guard import Finding, Windowed
from aver.guard.windows import windows


class Digits:
    name = "digits"

    def __init__(self):
        self.longest = 0

    def find(self, text):
        self.longest = max(self.longest, len(text))
        return [Finding("D", each.start(), each.end(), 1.0) for each in re.finditer(r"\d+", text)]


@given(st.text("12 a", max_size=400))
def test_windows_find_what_the_whole_shows(text):
    assert Windowed(Digits(), 20, 10).find(text) == Digits().find(text)


def test_no_window_is_longer_than_declared():
    inner = Digits()
    Windowed(inner, 100, 20).find("1 " * 5_000)
    assert inner.longest <= 140


@given(st.integers(0, 500), st.integers(1, 60), st.integers(0, 30))
def test_cores_cover_everything_once(length, size, margin):
    places = [place for _, start, end, _ in windows(length, size, margin) for place in range(start, end)]
    assert places == list(range(length))
