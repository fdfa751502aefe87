"""The risk-coverage curve against its definition."""

from hypothesis import given, settings
from hypothesis import strategies as st

from aver.evals.abstention import risk_coverage

questions = st.lists(st.tuples(st.integers(-2, 2).map(float), st.booleans()), max_size=12)


@settings(deadline=None)
@given(questions)
def test_each_point_is_what_a_threshold_would_have_answered(asked):
    confidence, right = [each for each, _ in asked], [each for _, each in asked]
    curve = risk_coverage(confidence, right)
    assert [point.threshold for point in curve] == sorted(set(confidence), reverse=True)
    for point in curve:
        taken = [well for score, well in asked if score >= point.threshold]
        assert point.coverage == len(taken) / len(asked)
        assert point.risk == taken.count(False) / len(taken)


def test_it_ends_where_nobody_knows_what_would_have_been_answered():
    confidence = [3.0, 2.0, 2.0, 1.0]
    assert [point.coverage for point in risk_coverage(confidence, [True, True, None, True])] == [0.25]
    assert risk_coverage(confidence, [None, True, True, True]) == []
