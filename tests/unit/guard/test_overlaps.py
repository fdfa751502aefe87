from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from aver.guard import Finding, resolved

findings = st.lists(
    st.builds(
        lambda kind, start, length, score: Finding(kind, start, start + length, score),
        st.sampled_from(["A", "B"]),
        st.integers(0, 40),
        st.integers(0, 15),
        st.sampled_from([0.2, 0.5, 0.9]),
    ),
    max_size=12,
)


def covered(each):
    return {place for one in each for place in range(one.start, one.end)}


@given(findings)
def test_in_order_without_overlaps_and_nothing_lost(given_):
    kept = resolved(given_)
    assert all(one.end <= two.start for one, two in pairwise(kept))
    assert covered(kept) == covered(given_)
    assert resolved(kept) == kept


@given(findings)
def test_the_surest_finding_is_whole(given_):
    best = max(given_, key=lambda each: (each.score, each.end - each.start, -each.start), default=None)
    if best is not None and best.start < best.end:
        same = [each for each in given_ if (each.score, each.end - each.start) == (best.score, best.end - best.start)]
        assert any(each in resolved(given_) for each in same)


def test_what_sticks_out_stays():
    name, firm = Finding("PERSON", 0, 10, 0.9), Finding("ORGANIZATION", 5, 14, 0.5)
    assert resolved([name, firm]) == [name, Finding("ORGANIZATION", 10, 14, 0.5)]
    inner = Finding("URL", 4, 6, 1.0)
    assert [(each.start, each.end) for each in resolved([name, inner])] == [(0, 4), (4, 6), (6, 10)]
