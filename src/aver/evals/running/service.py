"""The run: every case is asked, judged and written down, many at a time, once."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from aver.core import Clock
from aver.core.clock import rfc3339
from aver.core.errors import (
    AverError,
    BudgetExceeded,
    ContentFiltered,
    ContextOverflow,
    InvalidInput,
    LimitReached,
    ProviderDenied,
    ProviderExhausted,
    RequestRejected,
    Stopped,
    Unavailable,
)
from aver.evals.running.bounds import Bounds, Pace, Purse
from aver.evals.running.file import RunWriter
from aver.evals.running.responses import Responses, response_key
from aver.evals.running.tally import Tally
from aver.evals.running.wire import asked_digest
from aver.evals.types import USED, Case, Response, Result, Scorer, Target, Values

__all__ = ["Ended", "Runner", "TimeLimit", "cause_of", "retried", "seed_of"]

T = TypeVar("T")
_PAUSE = 0.5
"""Seconds before a case is asked again; twice as long each time, unless the error says for how long."""
_LONGEST_PAUSE = 30.0
_LASTING = (
    BudgetExceeded,
    ContentFiltered,
    ContextOverflow,
    ProviderDenied,
    ProviderExhausted,
    RequestRejected,
    Stopped,
)
"""What would be the same a moment later."""


class TimeLimit(AverError):
    """A target or a scorer took longer than the run allows."""

    slug = "time-limit"


class _Broken(AverError):
    """What nobody foresaw."""

    slug = "internal-error"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run came to its end. ``why`` is empty when every case was asked, else why the rest was not; ``early`` why it did not have to be."""

    tally: Tally
    why: str = ""
    early: str = ""


class Runner:
    """Runs cases against ``target``. Every response is kept in ``responses`` before it is scored, and every result in ``writer`` before the
    next begins in its place: a process that dies takes with it only what was being asked at that moment.

    What a target responds is looked up by its digest, by what is asked, by seed and by repeat; where a target cannot say what decides its
    responses, only a run that goes on uses them again. ``enough`` is asked after each result whether to leave the rest: a reason or nothing.
    """

    def __init__(
        self,
        target: Target,
        scorers: Sequence[Scorer],
        writer: RunWriter,
        responses: Responses,
        bounds: Bounds,
        clock: Clock,
        *,
        run: str,
        enough: Callable[[Result], str] = lambda _: "",
        watch: Callable[[Tally], None] | None = None,
    ) -> None:
        """``run`` is what tells this run from any other."""
        self._target, self._scorers = target, scorers
        self._writer, self._responses = writer, responses
        self._bounds, self._clock = bounds, clock
        self._asked_of = target.digest or f"run:{run}"
        self._enough, self._watch = enough, watch
        self._purse = Purse(bounds.usd, bounds.tokens)
        self._pace = Pace(bounds.rate, clock.monotonic)
        self._why = self._early = ""
        self._in_a_row = 0

    async def run(self, cases: Iterable[Case], total: int, done: Iterable[Result] = ()) -> Ended:
        """Ask all of them that are not ``done``. ``total`` is how many cases there are; they are taken one at a time, as they are needed.

        Raises :class:`~aver.core.errors.InvalidInput` for a target that does not say what it costs under a budget, and what writing raises.
        """
        tally = Tally(total * self._bounds.repeats)
        known: set[tuple[str, int]] = set()
        for each in done:
            known.add((each.case, each.repeat))
            tally.add(each)
            self._early = self._early or self._enough(each)
            for place, measures in enumerate((("cost_usd",), ("input_tokens", "output_tokens"))):
                self._purse.add(place, sum(each.values[name][0] for name in measures if name in each.values))
        queue = self._queue(cases, known)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._bounds.concurrency):
                    group.create_task(self._work(queue, tally))
        except ExceptionGroup as broken:  # of writing; the first that could not is why the others were left
            raise broken.exceptions[0] from None
        if self._purse.unknown:
            raise InvalidInput(
                f"{self._target.name} does not say what it costs, so that a budget cannot be held",
                "Leave the budget out, or bound the tokens, the rate or the number of cases.",
            )
        if not self._why:
            self._writer.end(rfc3339(self._clock.now()), self._early)
        return Ended(tally, self._why, self._early)

    def _queue(self, cases: Iterable[Case], known: Collection[tuple[str, int]]) -> Iterator[tuple[Case, int]]:
        for case in cases:
            for repeat in range(self._bounds.repeats):
                if self._why or self._early:
                    return
                if (case.id, repeat) not in known:
                    yield case, repeat

    async def _work(self, queue: Iterator[tuple[Case, int]], tally: Tally) -> None:
        for case, repeat in queue:
            result, key = await self._one(case, repeat, tally)
            if result is None:
                self._why = self._why or "the budget is used up"
                return
            self._writer.add(result, key)
            tally.add(result)
            self._in_a_row = self._in_a_row + 1 if result.error else 0
            if self._in_a_row >= self._bounds.failures and not self._why:
                self._why = (
                    f"{self._in_a_row} cases failed one after another, the last with {result.error}: {result.said}"
                )
            self._early = self._early or self._enough(result)
            if self._watch is not None:
                self._watch(tally)
            # A target that never waits must not keep the others, and an interruption, from their turn.
            await asyncio.sleep(0)

    async def _one(self, case: Case, repeat: int, tally: Tally) -> tuple[Result | None, str]:
        """What came of it, with the key that its response is kept under; nothing where there was no room for it."""
        try:
            seed = seed_of(self._bounds.seed, case.id, repeat)
            key = response_key(self._asked_of, asked_digest(case), seed, repeat)
            response = self._responses.get(key)
        except Exception as error:  # noqa: BLE001 - a case that cannot be written down costs itself
            return _failed(case, repeat, error), ""
        if response is not None:
            tally.cached += 1
        else:
            if not await self._purse.take():
                return None, ""
            try:
                response = await self._ask(case, seed)
                await self._responses.put(key, response)
            except Exception as error:  # noqa: BLE001 - whatever one case raises costs that case
                return _failed(case, repeat, error), ""
            finally:
                await self._purse.settle(response)
        tally.usd, tally.tokens = self._purse.spent
        return await self._judge(case, repeat, response), key

    async def _ask(self, case: Case, seed: int) -> Response:
        async def once() -> Response:
            await self._pace.wait()
            return await _within(self._bounds.seconds, self._target.name, self._target.respond(case, seed=seed))

        return await retried(once, self._bounds.retries)

    async def _judge(self, case: Case, repeat: int, response: Response) -> Result:
        values: dict[str, tuple[float, float]] = dict(_used(response))
        notes: dict[str, str] = {}
        error: Exception | None = None
        for scorer in self._scorers:
            try:
                found, why = await _within(self._bounds.scorer_seconds, scorer.name, scorer.score(case, response))
                values |= _finite(scorer.name, found)
            except Exception as raised:  # noqa: BLE001 - a scorer that breaks costs this case, and no other scorer's word
                error = error or raised
            else:
                if why:
                    notes[scorer.name] = why
        if error is not None:
            slug, said = cause_of(error)
            return Result(case.id, repeat, values, case.tags, case.cluster, slug, said, notes)
        return Result(case.id, repeat, values, case.tags, case.cluster, notes=notes)


async def retried(ask: Callable[[], Awaitable[T]], retries: int) -> T:
    """What comes of asking, again up to ``retries`` times after an error that may pass. Raises the last one, or one that will not pass at once."""
    for tried in range(retries + 1):
        try:
            return await ask()
        except (LimitReached, Unavailable) as error:
            if tried == retries or isinstance(error, _LASTING):
                raise
            await asyncio.sleep(min(error.retry_after or _PAUSE * 2**tried, _LONGEST_PAUSE))
    raise AssertionError("the last try returns or raises")


def seed_of(seed: int, case: str, repeat: int) -> int:
    """The seed of one case in one repeat: the same for every target, and unrelated to that of another; below 2³¹."""
    return int.from_bytes(hashlib.sha256(f"{seed}\0{case}\0{repeat}".encode()).digest()[:4]) >> 1


async def _within(seconds: float, name: str, work: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(seconds) as limit:
            return await work
    except TimeoutError:
        if limit.expired():
            raise TimeLimit(f"{name} took longer than {seconds:g} s", "Allow it more, or look at why.") from None
        raise


def _used(response: Response) -> Iterator[tuple[str, tuple[float, float]]]:
    """What every response is measured by that says it."""
    for name in USED:
        value = getattr(response, name)
        if value is not None and math.isfinite(value):
            yield name, (float(value), 1.0)


def _finite(name: str, values: Values) -> dict[str, tuple[float, float]]:
    found = {measure: (float(above), float(below)) for measure, (above, below) in values.items()}
    if not all(math.isfinite(each) for pair in found.values() for each in pair):
        raise InvalidInput(f"{name} gave a score that is no number", "Correct the scorer.")
    return found


def _failed(case: Case, repeat: int, error: Exception) -> Result:
    slug, said = cause_of(error)
    return Result(case.id, repeat, {}, case.tags, case.cluster, slug, said)


def cause_of(error: Exception) -> tuple[str, str]:
    """The slug of what kept a case from being asked or judged, and its cause in one line."""
    known = error if isinstance(error, AverError) else _Broken(f"{type(error).__name__}: {error}", "Report it.")
    return known.slug, " ".join(known.cause.split())[:500]
