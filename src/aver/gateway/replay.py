"""Past calls decided again: under the configuration they were made with, to see that the record explains them, and under another one,
to see what it would have done.

A decision depends on nothing but its record: the inputs of the router, the number it drew, and who asked. Another configuration gets the
same inputs and the same draw. What it would have cost is the usage of the call at the model's price of that day; other models may write
longer or shorter. How well it would have done is an off-policy estimate, and says nothing about choices that were never tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date
from functools import partial
from typing import Any, Protocol

from aver.core.errors import InvalidInput, NotFound
from aver.evidence import Step
from aver.gateway.calls import Attempt, CallRecord, Candidate
from aver.gateway.config.types import GatewayConfig, Model
from aver.gateway.prices.types import Price
from aver.gateway.routing.offpolicy import Estimate, Logged, snips
from aver.gateway.routing.replay import replay as decide
from aver.gateway.routing.types import Plan
from aver.gateway.types import Usage

__all__ = ["DatedPrices", "Past", "Replayed", "Summary", "past_call", "record_of", "replay", "reproduce", "summary"]

_TOLERANCE = 1e-9
_MISMATCHES = 20


class DatedPrices(Protocol):
    """A :class:`~aver.gateway.prices.book.PriceBook`."""

    def on(self, name: str, day: date) -> Price | None:
        """The price on a day."""


@dataclass(frozen=True, slots=True)
class Past:
    """A call as evidence has it. ``reward`` says how well it went, from 0 to 1, where anything says so."""

    record: CallRecord
    day: date
    tenant: str = ""
    reward: float | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """One call, then and under the other configuration. Costs are nano-dollars, times milliseconds to the first token."""

    call: str
    mismatch: str
    """Why the record does not give its decision again; empty when it does."""
    before: str
    """The model asked first; empty when the answer came from the cache or nobody was asked."""
    after: str = ""
    unanswered: str = ""
    """Why the other configuration cannot be asked about this call."""
    cost_before: int = 0
    cost_after: int | None = None
    """``None`` without a price or a usage."""
    expected_before: float | None = None
    """As the router expected at that moment; ``None`` when nothing was known of the model."""
    expected_after: float | None = None
    logged: Logged | None = None
    """For the estimate of success."""

    @property
    def moved(self) -> bool:
        return bool(self.after) and self.after != self.before


@dataclass(frozen=True, slots=True)
class Summary:
    """Costs and times compare the same calls: those for which both sides are known."""

    calls: int
    reproduced: int
    mismatches: tuple[tuple[str, str], ...]
    """The first of them: the call, and why."""
    cached: int
    """Calls that asked no model."""
    unanswered: int
    """Calls that the other configuration cannot be asked about."""
    moved: int
    unpriced: int
    cost_before: int
    cost_after: int
    expected_before: float | None
    expected_after: float | None
    success_before: float | None
    """The mean reward of the calls that have one."""
    success_after: Estimate | None
    """Inconclusive where the other configuration does what was never tried; :attr:`Estimate.uncovered` is the share of it."""


def past_call(step: Step, tenant: str, reward: float | None = None) -> Past | None:
    """From a step of kind ``called``; ``None`` when its body was erased."""
    if step.body is None:
        return None
    return Past(record_of(step.body), step.at.astimezone(UTC).date(), tenant, reward)


def record_of(body: Mapping[str, Any]) -> CallRecord:
    """What :meth:`CallRecord.body` wrote. Fields that a later version added are left out."""
    try:
        known = _known(CallRecord, body)
        known["candidates"] = [Candidate(**_known(Candidate, each)) for each in body.get("candidates", ())]
        known["attempts"] = [
            Attempt(**_known(Attempt, each) | {"usage": _usage(each.get("usage"))}) for each in body.get("attempts", ())
        ]
        known["usage"] = _usage(body.get("usage")) or Usage(cost_usd=None)
        return CallRecord(**known)
    except (TypeError, AttributeError) as error:
        raise InvalidInput(f"This is no record of a call: {error}", "Read it from a step of kind 'called'.") from None


def _known(kind: type[CallRecord | Candidate | Attempt | Usage], values: Mapping[str, Any]) -> dict[str, Any]:
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in values.items() if name in names}


def _usage(values: Mapping[str, Any] | None) -> Usage | None:
    return None if values is None else Usage(**_known(Usage, values))


def reproduce(past: Past, config: GatewayConfig | None) -> str:
    """Why the call's decision is not what its record says it was, or nothing. ``config`` is the one its record names."""
    record = past.record
    if not record.inputs:
        # Nothing was decided: the answer was remembered, or the call was refused before.
        return "" if not record.candidates else "its record has candidates and no inputs"
    if config is None:
        return f"its configuration {record.config[:12]} was not given"
    if config.digest != record.config:
        return f"it was made under the configuration {record.config[:12]}, not {config.digest[:12]}"
    try:
        plan = _decided(config, past, record.inputs)
    except (NotFound, KeyError, TypeError) as error:
        return f"its inputs do not decide it: {error}"
    return _difference(record.candidates, plan.ranked)


def _decided(config: GatewayConfig, past: Past, inputs: Mapping[str, Any]) -> Plan:
    record = past.record
    return decide(config, record.asked, inputs, draw=record.draw, tenant=past.tenant, user=record.user)


def _difference(recorded: Sequence[Candidate], again: Sequence[Candidate]) -> str:
    for place, (one, other) in enumerate(zip(recorded, again, strict=False), 1):
        if (one.model, one.skipped) != (other.model, other.skipped):
            return f"place {place} was {_named(one)} and is {_named(other)}"
        if abs(one.propensity - other.propensity) > _TOLERANCE:
            return f"{one.model} had the propensity {one.propensity:.6g} and has {other.propensity:.6g}"
        if abs(one.score - other.score) > _TOLERANCE * max(1.0, abs(one.score)):
            return f"{one.model} had the score {one.score:.6g} and has {other.score:.6g}"
    if len(recorded) != len(again):
        return f"there were {len(recorded)} candidates and are {len(again)}"
    return ""


def _named(candidate: Candidate) -> str:
    return f"{candidate.model} ({candidate.skipped})" if candidate.skipped else candidate.model


def replay(
    calls: Iterable[Past],
    config: GatewayConfig,
    prices: DatedPrices,
    then: Mapping[str, GatewayConfig] | None = None,
) -> Iterator[Replayed]:
    """Each call under ``config`` beside what was done. ``then`` are the configurations that calls were made under, by digest."""
    known = {config.digest: config, **(then or {})}
    for past in calls:
        mismatch = reproduce(past, known.get(past.record.config))
        yield _replayed(past, config, prices, mismatch)


def _replayed(past: Past, config: GatewayConfig, prices: DatedPrices, mismatch: str) -> Replayed:
    record = past.record
    first = record.attempts[0].model if record.attempts else ""
    done = partial(Replayed, record.id, mismatch, first, cost_before=record.nano_usd)
    if not first or not record.inputs:
        return done(cost_after=record.nano_usd)
    price = partial(_priced, config, prices, past.day)
    inputs = _completed(config, record.inputs, price)
    try:
        plan = _decided(config, past, inputs)
    except NotFound as error:
        return done(unanswered=error.cause)
    except KeyError as error:
        return done(unanswered=f"what the route {error} predicts was not recorded")
    if not plan.models:
        return done(unanswered="no model of it could have been asked")
    after = plan.models[0]
    states = record.inputs.get("models", {})
    return done(
        after=after,
        cost_after=record.nano_usd if after == first else _cost(record, price(after)),
        expected_before=_expected(states, first),
        expected_after=_expected(states, after),
        logged=_logged(past, first, plan),
    )


def _priced(config: GatewayConfig, prices: DatedPrices, day: date, name: str) -> Price | None:
    model: Model = config.models[name]
    if model.rates is not None:
        return Price(name, day, model.rates)
    return prices.on(model.price or model.id, day)


def _completed(config: GatewayConfig, inputs: Mapping[str, Any], price: partial[Price | None]) -> dict[str, Any]:
    """The inputs with what can be known about models that were not there: their price."""
    models = dict(inputs.get("models", {}))
    for name in config.models.keys() - models.keys():
        found = price(name)
        worst = found.worst(inputs.get("input_tokens", 0), inputs.get("output_tokens", 0)) if found else None
        models[name] = {"nano_usd": worst}
    return {**inputs, "models": models}


def _cost(record: CallRecord, price: Price | None) -> int | None:
    usage = record.usage
    if price is None or not (usage.input_tokens or usage.output_tokens or usage.images):
        return None
    return price.cost(usage)


def _expected(states: Mapping[str, Any], model: str) -> float | None:
    seconds = states.get(model, {}).get("first_token")
    return None if seconds is None else float(seconds) * 1000


def _logged(past: Past, first: str, plan: Plan) -> Logged | None:
    """What an estimate of success is made of; ``None`` without a reward or when the call's own choice had no chance on record."""
    chances = {each.model: each.propensity for each in past.record.candidates}
    if past.reward is None or not 0 < chances.get(first, 0.0) <= 1 + _TOLERANCE:
        return None
    other = {each.model: each.propensity for each in plan.ranked}
    return Logged(
        propensity=min(chances[first], 1.0),
        target=min(other.get(first, 0.0), 1.0),
        reward=past.reward,
        covered=min(sum(chance for model, chance in other.items() if chances.get(model, 0.0) > 0), 1.0),
    )


class _Mean:
    """Of pairs of which both are known."""

    def __init__(self) -> None:
        self._sums = [0.0, 0.0]
        self._count = 0

    def add(self, one: float | None, other: float | None) -> None:
        if one is not None and other is not None:
            self._sums[0] += one
            self._sums[1] += other
            self._count += 1

    @property
    def values(self) -> tuple[float | None, float | None]:
        return (self._sums[0] / self._count, self._sums[1] / self._count) if self._count else (None, None)


def summary(replayed: Iterable[Replayed]) -> Summary:
    """Reads its argument once; of each call only what the estimate of success needs is kept."""
    calls = reproduced = cached = unanswered = moved = unpriced = cost_before = cost_after = 0
    mismatches: list[tuple[str, str]] = []
    logged: list[Logged] = []
    expected = _Mean()
    for each in replayed:
        calls += 1
        reproduced += not each.mismatch
        if each.mismatch and len(mismatches) < _MISMATCHES:
            mismatches.append((each.call, each.mismatch))
        cached += not each.before
        unanswered += bool(each.unanswered)
        moved += each.moved
        if each.cost_after is not None:
            cost_before += each.cost_before
            cost_after += each.cost_after
        elif not each.unanswered:
            unpriced += 1
        expected.add(each.expected_before, each.expected_after)
        if each.logged is not None:
            logged.append(each.logged)
    return Summary(
        calls=calls,
        reproduced=reproduced,
        mismatches=tuple(mismatches),
        cached=cached,
        unanswered=unanswered,
        moved=moved,
        unpriced=unpriced,
        cost_before=cost_before,
        cost_after=cost_after,
        expected_before=expected.values[0],
        expected_after=expected.values[1],
        success_before=sum(each.reward for each in logged) / len(logged) if logged else None,
        success_after=snips(logged) if logged else None,
    )
