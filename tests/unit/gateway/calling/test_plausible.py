import pytest

from aver.gateway.calling.plausible import estimate, plausible
from aver.gateway.types import Usage


@pytest.mark.parametrize(
    "usage",
    [Usage(10, 20), Usage(40, 1), Usage(700, 60_000, reasoning_tokens=59_000), Usage(10, 100, estimated=True)],
)
def test_what_can_be_is_taken_as_reported(usage):
    assert plausible(usage, 40, 500, 30) == (usage, "")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (Usage(0, 0), (100, 250)),
        (Usage(100, 0), (100, 250)),
        (Usage(100, 3), (100, 250)),
        (Usage(10**9, 250), (100, 250)),
        (Usage(100, 10**9), (100, 250)),
    ],
)
def test_what_cannot_be_is_worked_out_and_noted(said, meant):
    usage, doubt = plausible(said, 400, 900, 1000)
    assert (usage.input_tokens, usage.output_tokens) == meant
    assert usage.estimated
    assert doubt == f"input={said.input_tokens},output={said.output_tokens}"


def test_parts_never_exceed_their_whole():
    usage, _ = plausible(Usage(10**9, 5, cached_tokens=10**8, reasoning_tokens=9), 40, 500, 20)
    assert usage.cached_tokens <= usage.input_tokens


def test_an_estimate_says_that_it_is_one():
    assert estimate(9, 3) == Usage(3, 1, None, estimated=True)
