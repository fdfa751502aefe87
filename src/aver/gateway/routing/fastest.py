"""By the time to the first token, times the calls under way: the better of two drawn at random, so that all callers do not rush to the
same model at once (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", IEEE TPDS 12(10), 2001)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aver.gateway.config.types import Route
from aver.gateway.routing.choices import UNKNOWN, Choice, Ranked, take
from aver.gateway.routing.types import Situation

__all__ = ["order"]


def order(
    _route: Route, choices: Sequence[Choice], situation: Situation, draw: float, _scores: Mapping[str, float]
) -> tuple[list[Ranked], float]:
    states = [situation.states.get(choice.name, UNKNOWN) for choice in choices]
    known = [state.first_token for state in states if state.first_token is not None]
    usual = sum(known) / len(known) if known else 1.0
    expected = [(usual if state.first_token is None else state.first_token) * (1 + state.in_flight) for state in states]
    by_time = sorted(range(len(choices)), key=expected.__getitem__)
    # One call finds out about a model; while it is under way the others take the model for an average one.
    new = [index for index in by_time if states[index].first_token is None and not states[index].in_flight]
    if new:
        place, draw = take([1.0] * len(new), draw)
        first, likely = new[place], {index: 1 / len(new) for index in new}
    else:
        first, likely, draw = _better_of_two(by_time, draw)
    ranked = [first, *(index for index in by_time if index != first)]
    return [Ranked(choices[index], expected[index], likely.get(index, 0.0)) for index in ranked], draw


def _better_of_two(by_time: list[int], draw: float) -> tuple[int, dict[int, float], float]:
    """The one chosen, how likely each was to be, and what is left of the draw. The k-th best wins against all that are worse."""
    count = len(by_time)
    if count == 1:
        return by_time[0], {by_time[0]: 1.0}, draw
    wins = [float(count - 1 - place) for place in range(count)]
    pairs = count * (count - 1) / 2
    place, draw = take(wins, draw)
    return by_time[place], {index: win / pairs for index, win in zip(by_time, wins, strict=True)}, draw
