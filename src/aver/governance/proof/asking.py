"""A query: a named question to what stands of steps in clear, in the order of the chain."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aver.governance.proof.terms import moment

__all__ = ["ByTurn", "Query", "Result", "Step", "number_of"]


class Step(NamedTuple):
    seq: int
    turn: str
    kind: str
    at: str
    facts: Mapping[str, Any]


class Result(NamedTuple):
    """``outcome`` is ``met``, ``not_met`` or ``no_data``; ``samples`` are the numbers of steps that it rests on, or that speak against it."""

    outcome: str
    said: str
    numbers: Mapping[str, float]
    samples: Sequence[int]


_SAMPLES = 5
_MOST_OPEN = 200_000
"""Turns whose steps are kept in mind at once: they end, as a rule, within seconds."""


def number_of(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


class Query:
    """One question to the steps of a period, which it is given in order. ``params`` are those of a control, and nothing else decides."""

    said = ""
    cannot = ""
    """What its result does not show, for whoever reads it."""
    defaults: Mapping[str, Any] = {}
    kinds: frozenset[str] = frozenset()
    """The kinds of steps that it is about; it is given no others."""

    def __init__(self, params: Mapping[str, Any], until: str) -> None:
        self.params = {**self.defaults, **params}
        self.until = moment(until)
        self.numbers: dict[str, float] = {}
        self.good: list[int] = []
        self.bad: list[int] = []

    def take(self, step: Step) -> None:
        raise NotImplementedError

    def result(self) -> Result:
        raise NotImplementedError

    def count(self, name: str, by: float = 1) -> None:
        self.numbers[name] = self.numbers.get(name, 0) + by

    def sample(self, seq: int, *, bad: bool) -> None:
        kept = self.bad if bad else self.good
        if len(kept) < _SAMPLES:
            kept.append(seq)
        elif not bad:  # the newest of those that speak for it
            kept.append(seq)
            del kept[0]

    def days_before_end(self, step: Step) -> float:
        return (self.until - moment(step.at)).total_seconds() / 86400

    def told(self, met: bool | None, said: str) -> Result:
        outcome = "no_data" if met is None else "met" if met else "not_met"
        numbers = {name: round(value, 6) for name, value in sorted(self.numbers.items())}
        return Result(outcome, said, numbers, self.bad if met is False else self.good)

    def share(self, good: str, of: str, least: float, what: str, nothing: str) -> Result:
        whole, part = self.numbers.get(of, 0), self.numbers.get(good, 0)
        if not whole:
            return self.told(None, nothing)
        asked = f"at least {100 * least:g} %" if least < 1 else "all"
        return self.told(part / whole >= least, f"{part:,.0f} of {whole:,.0f} {what}; asked for is {asked}")


class ByTurn(Query):
    """A question to each turn, answered when it ends. Turns that began before the period are left out."""

    def __init__(self, params: Mapping[str, Any], until: str) -> None:
        super().__init__(params, until)
        self._open: OrderedDict[str, list[Step]] = OrderedDict()

    def take(self, step: Step) -> None:
        if step.kind == "admitted" and not step.facts.get("shadow_of"):
            self._open[step.turn] = [step]
            if len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)
        elif step.turn in self._open:
            self._open[step.turn].append(step)
            if step.kind in ("sealed", "failed"):
                self.turn(self._open.pop(step.turn))

    def turn(self, steps: Sequence[Step]) -> None:
        """The first step of a turn, those of its :attr:`kinds`, and the last."""
        raise NotImplementedError
