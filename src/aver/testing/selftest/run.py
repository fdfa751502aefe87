"""A self-test from beginning to end: every fault, at every route, streamed and whole."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from aver.gateway.config.types import GatewayConfig
from aver.testing.provider import FakeProvider
from aver.testing.selftest.addresses import WrongAddresses
from aver.testing.selftest.caller import AnyGateway, ask
from aver.testing.selftest.faults import FAULTS, HEALTHY, Fault, Place
from aver.testing.selftest.judge import Judgement, Seen, judge, judge_outage, worst
from aver.testing.selftest.opening import open_gateway
from aver.testing.selftest.scene import Scene, Trial, Upstream
from aver.testing.selftest.scorecard import Finding, Scorecard, finding
from aver.testing.selftest.stage import KEY, Stage

__all__ = ["Advance", "OpenGateway", "selftest"]

Advance = Callable[[int, int, str], None]
"""Hears of progress: done, of how many, which fault."""
OpenGateway = Callable[[GatewayConfig], AnyGateway]

_AT_ONCE = {"busy": 8, "waiting": 48, "lookup": 2, "many": 2}
"""Cases under way at once, by what they mostly do: more would measure how busy this machine is."""
_DRAWS = 4
"""Calls for each fault where chance decides who is asked first."""
_OUTAGE_CALLS = 50
_RARE_ROUNDS = 8
"""More than a gateway could pass with retries that it was given once and for all."""
_SLOWER = 4.0
"""So many times slower passes the time of a case that is looked at again."""
_CLOSING = 2.0
"""Seconds that a gateway may take to close."""
_SLACK = 4.0
"""Seconds that a call may take beyond what its timeouts and retries explain: this machine may be busy."""


async def selftest(
    config: GatewayConfig,
    *,
    routes: Sequence[str] = (),
    speed: float = 60.0,
    opened: OpenGateway = open_gateway,
    faults: Sequence[Fault] = FAULTS,
    advance: Advance | None = None,
) -> Scorecard:
    """What a gateway with this configuration survives. No provider of the configuration is spoken to: all are fake, on this machine.

    ``routes`` names routes or models; all routes by default, or all models where there are none. Declared times pass ``speed`` times
    as fast. What did not pass and may be owed to a busy machine is tried again by itself and slower: that counts, and the detail says
    so. Raises :class:`~aver.core.errors.InvalidInput` for a name that is not declared.
    """
    upstream = Upstream(tuple(config.providers))
    with _silent(), FakeProvider(upstream, key=KEY) as server:
        stage = Stage(config, server.root_url, speed)
        targets = stage.targets(tuple(routes))
        async with WrongAddresses() as addresses:
            run = _Run(stage, upstream, addresses, opened, advance)
            findings = await run.all(faults, targets)
    return Scorecard(tuple(findings), targets, speed, stage.notes())


@contextmanager
def _silent() -> Iterator[None]:
    """The fake server does not log that callers left it: they are meant to."""
    log = logging.getLogger("aiohttp.server")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


@dataclass(frozen=True, slots=True)
class _Case:
    """One gateway under one fault. ``unreachable`` is the provider whose address is wrong."""

    fault: Fault
    target: str
    streamed: bool = True
    variant: int = 0
    draw: int = 0
    unreachable: str = ""

    @property
    def lane(self) -> str:
        if self.fault.address == "unresolved":
            return "lookup"  # some resolvers lose questions that come all at once
        return "many" if self.fault.many else "waiting" if self.fault.waits else "busy"

    @property
    def where(self) -> str:
        return self.target if self.fault.many else f"{self.target}, {'streamed' if self.streamed else 'whole'}"


@dataclass(slots=True)
class _Run:
    stage: Stage
    upstream: Upstream
    addresses: WrongAddresses
    opened: OpenGateway
    advance: Advance | None

    async def all(self, faults: Sequence[Fault], targets: Sequence[str]) -> list[Finding]:
        cases = [case for fault in faults for target in targets for case in self._cases(fault, target)]
        times: dict[str, list[float]] = {fault.name: [] for fault in faults}
        lanes = {lane: asyncio.Semaphore(most) for lane, most in _AT_ONCE.items()}
        done = 0

        async def one(case: _Case) -> Judgement:
            nonlocal done
            async with lanes[case.lane]:
                times[case.fault.name].append(time.monotonic())
                judgement = await self.judged(case)
            times[case.fault.name].append(time.monotonic())
            done += 1
            if self.advance:
                self.advance(done, len(cases), case.fault.name)
            return judgement

        tasks = {case: asyncio.ensure_future(one(case)) for case in cases}
        try:
            await asyncio.gather(*tasks.values())
        except BaseException:
            for task in tasks.values():
                task.cancel()
            await asyncio.wait(tasks.values())
            raise
        judged = {case: task.result() for case, task in tasks.items()}
        slower = replace(self, stage=self.stage.slower(_SLOWER))
        for case in [case for case in cases if judged[case].by_time]:
            again = await slower.judged(case)
            judged[case] = again._replace(detail=f"{again.detail}, tried again by itself")
            times[case.fault.name].append(time.monotonic())
        return [
            finding(
                fault.name,
                fault.explanation,
                [(case.where, judged[case]) for case in cases if case.fault is fault],
                max(times[fault.name]) - min(times[fault.name]),
            )
            for fault in faults
        ]

    def _cases(self, fault: Fault, target: str) -> list[_Case]:
        if fault.many:
            return [_Case(fault, target)]
        broken = self.stage.first_providers(target) if fault.address else ("",)
        draws = _DRAWS if self.stage.by_chance(target) else 1
        return [
            _Case(fault, target, streamed, variant, draw, provider)
            for streamed in fault.streamed
            for variant in range(fault.variants if streamed else 1)
            for draw in range(draws)
            for provider in broken
        ]

    async def judged(self, case: _Case) -> Judgement:
        fault = case.fault
        broken = {case.unreachable: self.addresses.url(fault.address)} if fault.address else {}
        gateway = self.opened(self.stage.config(broken))
        try:
            if fault.lasts:
                return await self._outage(gateway, case)
            if fault.every:
                return await self._now_and_then(gateway, case)
            trial = Trial(Scene(fault, self.stage.delays(fault.delay), case.variant))
            judgement = await self._call(gateway, case, trial)
        finally:
            await _closed(gateway)
        if self.addresses.confided(trial.marker):
            return Judgement("fail", "the request and its key went to a server whose certificate nobody vouches for")
        return judgement

    async def _call(self, gateway: AnyGateway, case: _Case, trial: Trial) -> Judgement:
        fault, stage, scene = case.fault, self.stage, trial.scene
        late = self._late(case)
        self.upstream.expect(trial)
        try:
            outcome = await ask(
                gateway,
                case.target,
                trial.prompt,
                stream=case.streamed,
                user=f"caller-{case.draw}",
                patience=late + self._slowest(case.target, "total"),
            )
        finally:
            self.upstream.forget(trial)
        seen = Seen(
            fault,
            trial.text,
            outcome,
            asks=tuple(trial.asks),
            faulty=scene.faulty,
            others=self._others(case, scene.faulty),
            places={name: stage.place(name) for name in stage.declared.models},
            unreachable=case.unreachable,
            retries=stage.route(case.target).retries,
            answers_at=self._answers_at(case, scene.faulty),
            late=late,
        )
        return judge(seen)

    async def _outage(self, gateway: AnyGateway, case: _Case) -> Judgement:
        """Calls at equal distances until the model is well again, and then until it is asked again."""
        scene = Scene(case.fault)
        lasts = case.fault.lasts / self.stage.speed
        began = time.monotonic()
        calls: list[asyncio.Task[Judgement]] = []
        async with asyncio.TaskGroup() as group:
            for number in range(_OUTAGE_CALLS):
                each = _Case(case.fault, case.target, number % 2 == 0, draw=number)
                calls.append(group.create_task(self._call(gateway, each, Trial(scene))))
                await asyncio.sleep(max(0.0, began + lasts * (number + 1) / _OUTAGE_CALLS - time.monotonic()))
            scene.over = True
        recovered = await self._recovered(gateway, case, scene)
        return judge_outage([call.result() for call in calls], len(scene.asked), recovered=recovered)

    async def _now_and_then(self, gateway: AnyGateway, case: _Case) -> Judgement:
        """The worst of many calls, of which few meet the fault."""
        judged = []
        for number in range(_RARE_ROUNDS * case.fault.every):
            turn, place = divmod(number, case.fault.every)
            fault = HEALTHY if place else case.fault
            each = _Case(fault, case.target, (turn + place) % 2 == 0, draw=number)
            judged.append(await self._call(gateway, each, Trial(Scene(fault))))
        return worst(judged)

    async def _recovered(self, gateway: AnyGateway, case: _Case, scene: Scene) -> bool:
        """Whether the model answers again soon after its breaker lets it. Where the route may well prefer others, any right answer is
        taken for it."""
        if scene.faulty is None:
            return False  # nobody was ever asked
        provider = self.stage.config().providers[scene.faulty.provider]
        settled = self.stage.settled(case.target)
        until = time.monotonic() + 3 * provider.breaker.open + provider.breaker.window + _SLACK
        while time.monotonic() < until:
            trial = Trial(scene)
            judgement = await self._call(gateway, case, trial)
            back = any(asked.place == scene.faulty for asked in trial.asks)
            if judgement.detail == "the exact text" and (back or not settled):
                return True
            await asyncio.sleep(provider.breaker.open / 4)
        return False

    def _others(self, case: _Case, faulty: Place | None) -> tuple[str, ...]:
        places = ((name, self.stage.place(name)) for name in self.stage.answerers(case.target, case.fault.error_class))
        return tuple(
            name
            for name, place in places
            if not case.fault.befalls(place, faulty) and place.provider != case.unreachable
        )

    def _answers_at(self, case: _Case, faulty: Place | None) -> int:
        fault = case.fault
        if fault.delay and faulty:
            return int(fault.delay < self.stage.declared.providers[faulty.provider].timeouts.first_token)
        if fault.every and self.stage.route(case.target).retries.budget * fault.every < 1:
            return 0  # so many retries are not allowed
        return fault.answers_at

    def _late(self, case: _Case) -> float:
        """Seconds in which every attempt may run into its timeout, and half as much again."""
        retries = self.stage.route(case.target).retries
        # Nobody can say of a reply that comes whole when its first token was due.
        waits = "total" if case.fault.waits in ("first_token", "stall") and not case.streamed else case.fault.waits
        waiting = self._slowest(case.target, waits) if waits else 0.0
        return 1.5 * retries.attempts * (waiting + retries.longest) + _SLACK

    def _slowest(self, target: str, timeout: str) -> float:
        providers = {self.stage.place(name).provider for name in self.stage.answerers(target, "outage")}
        providers |= set(self.stage.first_providers(target))
        return max(float(getattr(self.stage.timeouts(name), timeout)) for name in providers)


async def _closed(gateway: AnyGateway) -> None:
    closing: Awaitable[None] = gateway.close()
    await asyncio.wait({asyncio.ensure_future(closing)}, timeout=_CLOSING)
