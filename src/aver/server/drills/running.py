"""One drill after another: healthy load, the fault, what is told and what users see, and afterwards whether all of it is in evidence."""

from __future__ import annotations

import json
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aver.core.errors import AverError, Unavailable
from aver.core.settings import Settings
from aver.evidence.clear import ClearStep, clear_steps, clear_turns
from aver.ops.drills.measuring import by_time, detected, shares, spared
from aver.ops.drills.types import Drill, Sample, Scenario, Told
from aver.server.drills.bundle import HOOK, write_bundle
from aver.server.drills.faults import FAULTS, Fault, Scene, disk
from aver.server.drills.hook import Hook
from aver.server.drills.load import Answered, Kind, Load
from aver.server.drills.soaking import simulate
from aver.server.drills.stage import Server, Stage, fresh_stage, write_history
from aver.server.drills.world import Provider
from aver.store.copying import DatabaseCopies
from aver.testing.provider import FakeProvider

__all__ = ["Drilling", "drilling"]

_WARM = 6.0
"""Seconds of healthy load before the fault."""
_LASTING = 5.0
"""Seconds for which users have to be spared."""
_PATIENCE = 100.0
"""Seconds after which a fault that nobody has seen, or contained, is taken back."""
_LOOKS = 0.25
_HISTORY = timedelta(minutes=40)
_MODELLING = timedelta(minutes=2)
"""In which the past is found out, before it is written."""
_MODELLED = 60
"""Requests whose evidence the past is made of, at the rate at which they come: what is usual here is how long they take when few are under way."""
_RATES: Mapping[Kind, float] = {"ask": 2.0, "chat": 0.5}
_TASKS = 0.7
_SLOW, _DEAR = 2.0, 1700
"""Seconds and tokens above which an answer is as the fault makes it: three deviations above what is usual here."""
_SKEWED = timedelta(seconds=30)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Lost:
    """What of the records is not as it should be."""

    turns: int = 0
    steps: int = 0
    notes: tuple[str, ...] = ()
    done: tuple[str, ...] = ()


class Drilling:
    """Everything that drills share: a copy that was prepared once, its providers, and who is told. Made by :func:`drilling`."""

    def __init__(self, template: Stage, first: Provider, hook: Hook, say: Say, warm: float, lasting: float) -> None:
        self._template = template
        self._warm = warm
        self._lasting = lasting
        self._first = first
        self._hook = hook
        self._say = say
        self._turns: Sequence[Sequence[ClearStep]] = ()
        self._has_past = False

    def _with_past(self) -> Stage:
        """The copy, once it has a past in which nothing happened."""
        if not self._has_past:
            turns = self._usual()
            self._say("making a past in which nothing happened")
            write_history(self._template, turns, _HISTORY, sum(_RATES.values()))
            self._has_past = True
        return self._template

    def _usual(self) -> Sequence[Sequence[ClearStep]]:
        """What the copy records of healthy requests, turn by turn."""
        if not self._turns:
            self._say("asking the copy, to see what is usual")
            self._turns = _modelled(self._template)
        return self._turns

    def run(self, scenario: Scenario) -> Drill:
        """Drill one scenario on a copy of its own. One that cannot be brought about has not passed, and says why."""
        at = datetime.now(UTC)
        try:
            return self._run(scenario)
        except (AverError, OSError) as error:
            why = error.cause if isinstance(error, AverError) else str(error)
            note = f"the drill could not be brought about: {why}"
            return Drill(scenario.name, at, "copy", "", None, None, 0, 0, 0, 0, notes=(note,))

    def _run(self, scenario: Scenario) -> Drill:
        template = self._with_past() if scenario.needs_past else self._template
        fault: Fault = FAULTS[scenario.name]()
        folder = self._template.folder / scenario.name
        folder.mkdir()
        with ExitStack() as stack:
            small = scenario.name == "disk-full" and stack.enter_context(disk(folder, template.data))
            stage = stack.enter_context(template.copied_to(folder))
            return self._on(stage, scenario, fault, small=small)

    def soak(self, seconds: float) -> tuple[Sequence[Told], Sequence[Sample]]:
        """Healthy load for so long; what was told, and what users saw."""
        folder = self._template.folder / "soak"
        folder.mkdir()
        self._hook.clear()
        with self._with_past().copied_to(folder) as stage:
            server = Server(stage)
            try:
                load = Load(server.url, stage.key, {**_RATES, "task": 0.1, "wiki": 0.2}, lambda _: True)
                self._await_ready(server.url)
                load.start()
                until = time.monotonic() + seconds
                while time.monotonic() < until:
                    time.sleep(min(5.0, until - time.monotonic() + 0.01))
                    left = max(until - time.monotonic(), 0) / 60
                    self._say(f"soak: {len(load.samples):,} answers, {left:.0f} minutes left")
                load.stop()
            finally:
                server.stop()
        return self._hook.told(load.began), load.samples

    def simulate(self, seconds: float) -> tuple[Sequence[Told], int]:
        """As :meth:`soak`, with traffic that is made up and a clock that is moved on; what was told, and how many turns there were."""
        folder = self._template.folder / "simulated"
        folder.mkdir()
        turns = self._usual()
        with self._template.copied_to(folder) as stage:
            return simulate(stage, turns, seconds, sum(_RATES.values()), self._say)

    def _on(self, stage: Stage, scenario: Scenario, fault: Fault, *, small: bool) -> Drill:
        self._hook.clear()
        at = datetime.now(UTC)
        server = Server(stage, clock=scenario.name == "clock-skew")
        load = Load(server.url, stage.key, _rates(scenario.name), _well(scenario.name))
        scene = Scene(stage, server, load, self._first, small)
        try:
            self._await_ready(server.url)
            load.began = time.monotonic()
            load.start()
            self._say(f"{scenario.name}: healthy load")
            time.sleep(self._warm)
            since = load.now()
            fault.begin(scene)
            self._say(f"{scenario.name}: {fault.means}")
            effect = self._watch(scenario, fault, load, since)
            until = load.now()
        finally:
            with suppress(OSError):
                fault.end(scene)
            load.stop()
            server.stop()
        return self._judged(scenario, fault, stage, load, at, (since, effect, until))

    def _watch(self, scenario: Scenario, fault: Fault, load: Load, since: float) -> float:
        """Look until somebody was told and users are spared, or for as long as patience lasts; when the first effect was."""
        told = False
        effect: float | None = None
        while load.now() < since + _PATIENCE:
            time.sleep(_LOOKS)
            if effect is None and (touched := fault.touched()) is not None:
                effect = touched - load.began
            if effect is None:
                continue
            seen = detected(self._hook.told(load.began), scenario.rules, since)
            if seen is not None and not told:
                told = True
                self._say(f"{scenario.name}: told after {max(seen - effect, 0):.1f} s")
            enough = seen is not None and load.now() - seen >= self._lasting
            if enough and spared(list(load.samples), effect, load.now(), self._lasting) is not None:
                break
        return since if effect is None else effect

    def _judged(
        self,
        scenario: Scenario,
        fault: Fault,
        stage: Stage,
        load: Load,
        at: datetime,
        moments: tuple[float, float, float],
    ) -> Drill:
        """``moments`` are when the fault began, when it had its first effect, and when it was about to be taken back."""
        since, effect, until = moments
        told, samples = self._hook.told(load.began), load.samples
        seen = detected(told, scenario.rules, since)
        before = [each for each in samples if each.sent <= until]
        well = spared(before, effect, until, self._lasting - 1)
        lost = _look_into(stage, samples, at)
        later = [each for each in samples if each.answered >= since]
        found = shares(samples, effect)
        return Drill(
            scenario.name,
            at,
            "copy",
            fault.means,
            None if seen is None else round(max(seen - effect, 0.0), 1),
            None if seen is None or well is None else round(max(well - max(seen, effect), 0.0), 1),
            lost.turns + lost.steps,
            sum(each.verdict == "leaked" for each in later),
            sum(each.verdict == "wrong" for each in later),
            len(later),
            found,
            by_time(samples, effect),
            tuple(dict.fromkeys(each.rule for each in told if each.at >= since)),
            lost.done,
            tuple(dict.fromkeys(each.rule for each in told if each.at < since)),
            lost.notes,
            None if well is None else round(well - effect, 1),
        )

    def _await_ready(self, url: str) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with suppress(OSError), urllib.request.urlopen(f"{url}/readyz", timeout=5) as response:  # noqa: S310 - our own server
                if response.status == 200:
                    return
            time.sleep(0.1)
        raise Unavailable("The copy that is served does not become ready", "Look at the log of its server.")


@contextmanager
def drilling(like: Settings, say: Say, *, warm: float = _WARM, lasting: float = _LASTING) -> Iterator[Drilling]:
    """Prepare a copy of the installation with these settings, if there is one yet, and two providers; all of it is gone afterwards. There is healthy load for ``warm`` seconds
    before a fault, and users have to be spared for ``lasting``. Raises :class:`~aver.core.errors.StorageFull` where there is no room,
    :class:`~aver.core.errors.Forbidden` where the user of a Postgres may make no database, and :class:`~aver.core.errors.Unavailable` where the copy cannot be served."""
    first, second = Provider(1), Provider(2)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aver-drill-")))
        servers = [stack.enter_context(FakeProvider(each)) for each in (first, second)]
        hook = stack.enter_context(Hook())
        bundle = write_bundle(folder / "bundle", servers[0].base_url, servers[1].base_url)
        say("copying the data")
        copies = stack.enter_context(closing(DatabaseCopies(like.database_url))) if like.database_url else None
        template = fresh_stage(folder, bundle, like, {HOOK: hook.url}, _HISTORY + _MODELLING, copies)
        yield Drilling(template, first, hook, say, warm, lasting)


def _modelled(template: Stage) -> list[list[ClearStep]]:
    """The evidence of some healthy requests, turn by turn, as a server of a copy records it."""
    folder = template.folder / "model"
    folder.mkdir()
    with template.copied_to(folder) as stage:
        load = _sampled(stage)
        good = [each for each in load.samples if each.verdict == "right"]
        if len(good) < _MODELLED // 2:
            bad = next((each for each in load.answers if each.verdict != "right"), None)
            said = json.dumps(bad.document)[:300] if bad else "nothing came back"
            raise Unavailable(f"The copy does not answer as it should: {said}", "Report this.")
        with stage.opened() as application:
            turns = clear_turns(application.tenant(stage.tenant).store, [each.turn for each in good if each.turn])
    return [steps for steps in turns.values() if steps]


def _sampled(stage: Stage) -> Load:
    server = Server(stage)
    try:
        load = Load(server.url, stage.key, {"ask": 2.6, "chat": 0.7, "task": 0.7}, lambda _: True, at_most=_MODELLED)
        load.start()
        load.join()
    finally:
        server.stop()
    return load


def _rates(name: str) -> dict[Kind, float]:
    rates: dict[Kind, float] = dict(_RATES)
    if name == "wrong-tool":
        rates["task"] = _TASKS
    if name == "stale-source":
        rates["wiki"] = 1.0
    return rates


def _well(name: str) -> Callable[[Answered], bool]:
    """When the fault does not reach the user of an answer."""

    def right(each: Answered) -> bool:
        return each.verdict == "right"

    special: dict[str, Callable[[Answered], bool]] = {
        "slow-provider": lambda each: right(each) and each.took < _SLOW,
        "token-spend": lambda each: right(each) and each.tokens < _DEAR,
        "wrong-tool": lambda each: right(each) and not _denied(each),
        "injection-campaign": lambda each: each.status == 400 if each.kind == "attack" else right(each),
        "personal-data": lambda each: each.status == 400 if each.kind == "private" else right(each),
        "stale-source": lambda each: bool(each.notices) if each.kind == "wiki" else right(each),
    }
    return special.get(name, right)


def _denied(each: Answered) -> bool:
    return any(action.get("status") == "denied" for action in each.document.get("actions") or ())


def _look_into(stage: Stage, samples: Sequence[Sample], began: datetime) -> _Lost:
    """Whether what was acknowledged is in evidence, evidence verifies, and its times are right; and what was done of itself."""
    notes: list[str] = []
    try:
        with stage.opened() as application:
            services = application.tenant(stage.tenant)
            services.outbox.settle()
            verified = services.ledger.verify()
            acknowledged = {each.turn for each in samples if each.turn}
            missing = acknowledged - clear_turns(services.store, acknowledged).keys()
            off = _off(clear_steps(services.store, max(verified.steps - 20_000, 0), 20_000), began)
            done = tuple(each.action for each in services.operations.mitigations.mitigations() if each.rule)
    except AverError as error:
        return _Lost(len(samples), 0, (f"the evidence cannot be read: {error.cause}",))
    if missing:
        notes.append(f"{len(missing)} of {len(acknowledged)} acknowledged turns are not in evidence")
    if not verified.ok:
        notes.append(f"evidence does not verify: {verified.reason}")
    if off:
        notes.append(f"{off} steps bear a time that was not theirs")
    return _Lost(len(missing), off + (not verified.ok), tuple(notes), done)


def _off(steps: Sequence[ClearStep], began: datetime) -> int:
    """Steps behind the first of the drill whose time lies before it or after now. What was written as the past lies before the first."""
    moments = [datetime.fromisoformat(each.at) for each in steps]
    first = next((place for place, moment in enumerate(moments) if moment >= began), len(moments))
    return sum(not began - _SKEWED <= moment <= datetime.now(UTC) + _SKEWED for moment in moments[first:])
