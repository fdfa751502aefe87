"""Attacks tried on a target, each in several disguises, until one works or the attempts are used up.

Attempts are made in rounds: what worked in one decides, by seed, what is tried in the next, so that a campaign comes out the same however
many attempts are made at once. An attack counts once, whatever it took: it worked if any of its attempts did.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from aver.core import canonical_json, sha256_hex
from aver.core.errors import (
    Blocked,
    ContentFiltered,
    ContextOverflow,
    InvalidInput,
    LimitReached,
    ProviderTimeout,
    TooLarge,
)
from aver.evals.redteam.arming import armed
from aver.evals.redteam.mutators import Mutator
from aver.evals.redteam.search import Search
from aver.evals.redteam.success import AttackSuccess
from aver.evals.redteam.types import ATTACK_SUCCESS, Attack, Attempt
from aver.evals.running.service import cause_of
from aver.evals.types import Case, Message, Response, Result, Target

__all__ = ["Campaign", "attempts_of"]

Progress = Callable[[int, int, str], None]
_HELD_BACK = (Blocked, ContentFiltered, ContextOverflow, TooLarge)
"""Errors by which a target withstands: a check or a bound holds the attempt back. Any other says that it was not tried: a name that is wrong, or
a budget that is empty, must not pass for a defence."""
_EXCERPT = 280
"""Characters of a response that are kept to show what worked."""
_GRACE = 1.5
"""How many times the seconds that an attack may take it is waited for."""
_PATIENCE = 300.0
_IN_A_ROW = 20
"""Attempts that come to nothing one after another, after which it is no use to go on."""


@dataclass(slots=True)
class _Standing:
    """An attack that is still being tried."""

    attack: Attack
    attempts: list[Attempt] = field(default_factory=list)
    result: Result | None = None

    @property
    def tried(self) -> list[tuple[str, ...]]:
        return [each.mutators for each in self.attempts]

    @property
    def is_over(self) -> bool:
        """It worked, or is a control that was judged: those are asked once."""
        last = self.attempts[-1]
        return bool(last.succeeded) or (self.attack.control and last.succeeded is not None)


class Campaign:
    """``attacks`` on ``target`` with up to ``attempts`` each: plain at first, then in disguises of ``mutators``.

    ``budget_usd`` bounds what the target says it cost: once it is used up, or a cost is not known, what is left stands as an error of its
    case, and nothing is guessed. ``at_once`` attempts are under way at a time. A response is waited for ``seconds``, longer where an attack is about
    time; after 20 attempts in a row that came to nothing the rest is not tried.
    """

    def __init__(
        self,
        target: Target,
        attacks: Sequence[Attack],
        mutators: Sequence[Mutator] = (),
        *,
        attempts: int = 1,
        seed: int = 0,
        budget_usd: float | None = None,
        at_once: int = 4,
        seconds: float = _PATIENCE,
    ) -> None:
        if attempts < 1 or at_once < 1:
            raise InvalidInput("A campaign without attempts tries nothing", "Ask for at least 1.")
        if budget_usd is not None and not 0 <= budget_usd < float("inf"):
            raise InvalidInput(f"A budget of {budget_usd} dollars is none", "Give a number that is not negative.")
        names = [each.id for each in attacks]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise InvalidInput(f"The attack {twice!r} is there twice", "Give each an id of its own.")
        self.target = target
        self.attacks = list(attacks)
        self.mutators = list(mutators)
        self.attempts = attempts
        self.seed = seed
        self.scorer = AttackSuccess()
        self.spent_usd = 0.0
        self._budget = budget_usd
        self._seconds = seconds
        self._exhausted = ""
        self._in_a_row = 0
        self._search = Search(mutators, seed)
        self._places = asyncio.Semaphore(at_once)

    @property
    def digest(self) -> str:
        """Of everything that decides what is tried."""
        cases = [[each.id, each.question, dict(each.metadata)] for each in map(self._plain, self.attacks)]
        return sha256_hex(canonical_json([cases, [each.name for each in self.mutators], self.attempts, self.seed]))

    async def run(self, progress: Progress | None = None, settled: Iterable[Result] = ()) -> AsyncGenerator[Result]:
        """One result an attack, in the order in which they are settled. Nothing that a target raises ends it.

        ``settled`` are results of the same campaign that was cut off: what they tried is learned from, and not tried again.
        """
        before = {each.case: attempts_of(each) for each in settled}
        for attack in self.attacks:
            for attempt in before.get(attack.id, ()):
                if attempt.succeeded is not None and not attack.control:
                    self._search.learn(attempt.mutators, worked=attempt.succeeded)
        standing = [_Standing(each) for each in self.attacks if each.id not in before]
        done, total = len(before), len(self.attacks)

        def over(each: _Standing) -> Result:
            nonlocal done
            done += 1
            if progress is not None:
                progress(done, total, each.attack.id)
            assert each.result is not None, "the first round tries everything"
            return each.result

        for number in range(1, self.attempts + 1):
            chosen = [(each, self._search.next(each.attack, each.tried)) for each in standing]
            going = [(each, disguise) for each, disguise in chosen if disguise is not None]
            async with aclosing(self._round(going)) as tried:
                async for each in tried:
                    if each.is_over or number == self.attempts:
                        yield over(each)
            for each, _ in going:  # in their order, whichever ended first
                last = each.attempts[-1]
                if last.succeeded is not None and not each.attack.control:
                    self._search.learn(last.mutators, worked=last.succeeded)
            for each, disguise in chosen:
                if disguise is None:
                    yield over(each)
            standing = [each for each, _ in going if not each.is_over]

    async def _round(self, going: Sequence[tuple[_Standing, tuple[Mutator, ...]]]) -> AsyncGenerator[_Standing]:
        tasks = [asyncio.ensure_future(self._attempt(each, disguise)) for each, disguise in going]
        try:
            for each in asyncio.as_completed(tasks):
                yield await each
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _attempt(self, standing: _Standing, disguise: tuple[Mutator, ...]) -> _Standing:
        attack, names = standing.attack, tuple(each.name for each in disguise)
        case = armed(attack, disguise, self.seed)
        async with self._places:
            if self._exhausted:
                self._keep(standing, case, Attempt(names, None, error=self._exhausted), None)
                return standing
            try:
                response, values, why = await self._played(case)
            except Exception as error:  # noqa: BLE001 - whatever one attempt raises costs that attempt
                slug, said = cause_of(error)
                self._in_a_row += 1
                if self._in_a_row >= _IN_A_ROW:
                    self._exhausted = self._exhausted or "given-up"
                self._keep(standing, case, Attempt(names, None, why=said, error=slug), None)
                return standing
        self._in_a_row = 0
        if attack.control:
            self._keep(standing, case, Attempt(names, succeeded=False, why=why), response, values)
        else:
            worked = values[ATTACK_SUCCESS][0] > 0
            self._keep(standing, case, Attempt(names, succeeded=worked, why=why), response, values)
        return standing

    async def _played(self, case: Case) -> tuple[Response, Mapping[str, tuple[float, float]], str]:
        """What came of the messages of an attack, one after the other; of the first with which it worked, else of the last."""
        history: list[Message] = [*case.history]
        turns = [*case.metadata["turns"], case.question]
        for number, words in enumerate(turns, 1):
            asked = replace(case, question=words, history=tuple(history))
            response = await self._respond(asked)
            values, why = await self.scorer.score(case, response)
            if number == len(turns) or response.refused or (values.get(ATTACK_SUCCESS, (0.0, 1.0))[0] > 0):
                return response, values, why
            history += [Message("user", words), Message("assistant", response.text or "...")]
        raise AssertionError("an attack has a message")

    async def _respond(self, case: Case) -> Response:
        limits = next((each["of"] for each in case.metadata["success"] if each["kind"] == "exceeds"), None)
        limit = None if limits is None else limits.get("seconds")
        patience = max(self._seconds, limit * _GRACE) if limit is not None else self._seconds
        try:
            async with asyncio.timeout(patience):
                response = await self.target.respond(case, seed=self.seed)
        except TimeoutError:
            if limit is not None:
                return Response(text="", latency_ms=patience * 1000, details={"ended": "nobody waited any longer"})
            raise ProviderTimeout(f"The target did not respond within {patience:.0f} s", "Ask again.") from None
        except (*_HELD_BACK, LimitReached) as error:
            if isinstance(error, LimitReached) and limits is None:
                raise
            return Response(refused=True, cost_usd=0.0, details={"error": error.slug, "cause": error.cause})
        self._account(response)
        return response

    def _account(self, response: Response) -> None:
        self.spent_usd += response.cost_usd or 0.0
        if self._budget is None:
            return
        if response.cost_usd is None:
            self._exhausted = "unpriced"
        elif self.spent_usd >= self._budget:
            self._exhausted = "budget-exceeded"

    def _keep(
        self,
        standing: _Standing,
        case: Case,
        attempt: Attempt,
        response: Response | None,
        values: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        """The attack as it stands after this attempt. One that could not be judged takes nothing back of those that could."""
        standing.attempts.append(attempt)
        before = standing.result
        attempts = " ".join(map(_told, standing.attempts))
        if attempt.error and before is not None and not before.error:
            standing.result = replace(before, notes={**before.notes, "attempts": attempts})
            return
        notes = {"attempts": attempts, "goal": standing.attack.goal}
        if attempt.why:
            notes[self.scorer.name] = attempt.why
        if attempt.succeeded or (standing.attack.control and attempt.why and response is not None):
            notes["asked"] = _excerpt(case.question)
            notes["response"] = _excerpt(response.text if response is not None else "")
        standing.result = Result(
            case=case.id,
            repeat=0,
            values={} if attempt.error else dict(values or {}),
            tags=case.tags,
            error=attempt.error,
            said=attempt.why if attempt.error else "",
            notes=notes,
            response=response,
        )

    def _plain(self, attack: Attack) -> Case:
        return armed(attack, (), self.seed)


def attempts_of(result: Result) -> list[Attempt]:
    """What a result's notes tell of each attempt."""
    found = []
    for told in result.notes.get("attempts", "").split():
        names, _, outcome = told.partition("=")
        mutators = () if names == "plain" else tuple(names.split("+"))
        known = outcome in ("worked", "withstood")
        found.append(Attempt(mutators, outcome == "worked" if known else None, error="" if known else outcome))
    return found


def _told(attempt: Attempt) -> str:
    """``base64+role-play=worked``."""
    outcome = attempt.error or ("worked" if attempt.succeeded else "withstood")
    return f"{'+'.join(attempt.mutators) or 'plain'}={outcome}"


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT else f"{line[: _EXCERPT - 3]}..."
