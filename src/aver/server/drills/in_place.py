"""A drill of the installation itself, while it is served: loud, by an owner alone, and taken back whatever becomes of whoever drills."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from statistics import median
from typing import Any

from aver.core.errors import AverError, InvalidInput, Unavailable
from aver.core.principal import Principal
from aver.evidence.clear import clear_turns
from aver.ops.drills.measuring import by_time, shares, spared
from aver.ops.drills.types import Drill, Scenario
from aver.policy.access import check
from aver.server.application import Application
from aver.server.drills.load import Load
from aver.server.drills.placed import Opened, Placed, placed
from aver.server.drills.restoring import restore
from aver.server.drills.undoing import Undo, taking_back

__all__ = ["drill_in_place"]

_WARM, _LASTING, _PATIENCE, _LOOKS = 5.0, 5.0, 100.0, 0.5
"""Seconds: of load before the fault; for which users have to be spared; after which it is taken back; between looks."""
_ANSWERS = 30.0
"""Seconds in which a first answer has to come, or to fail."""
_PATIENCE_OF_SOURCES = 3.0
"""How many times its schedule is waited for beside, where a source is drilled."""
_KEY_LASTS = timedelta(minutes=30)
"""The drill's key ends then, also where nobody is left to end it."""


def drill_in_place(
    opened: Opened,
    url: str,
    key: str,
    scenario: Scenario,
    question: str,
    say: Callable[[str], None],
    *,
    of: str = "",
    warm: float = _WARM,
    lasting: float = _LASTING,
) -> Drill:
    """Drill the installation that is served at ``url``. ``opened`` opens its data, ``key`` is an API key of the tenant that is drilled, of somebody who has the
    permission ``own``; ``of`` names the provider or source it is about, and ``warm`` and ``lasting`` are as of :func:`~aver.server.drills.running.drilling`. What the drill
    asks, it asks with a key of its own, so that its turns are known. Raises :class:`~aver.core.errors.Forbidden` for anyone else,
    :class:`~aver.core.errors.InvalidInput` for a scenario that takes a copy, :class:`~aver.core.errors.Conflict` while another is under way, and
    :class:`~aver.core.errors.Unavailable` where the installation does not answer as it is."""
    if not scenario.in_place:
        raise InvalidInput(f"{scenario.name} takes a copy: {scenario.takes_copy}", "Leave --in-place out.")
    with opened() as application:
        principal = application.store.authenticate(key).principal
        check(principal, "own")
        plan = placed(scenario.name, application, opened, principal, of)
        data = application.settings.data.absolute()
    say(f"IN PLACE: {plan.means}. This is the installation in {data}, and its users see it.")
    at = datetime.now(UTC)
    with _own_key(opened, principal, scenario.name) as own:
        load = Load(url, own, {"ask": 2.0}, lambda each: each.status == 200, question=question)
        drill = _InPlace(opened, url, key, principal, scenario, plan, load, say, lasting)
        load.start()
        try:
            drill.run(data, _warmed(load, warm, url, question))
        finally:
            load.stop()
    return drill.judged(at)


@dataclass
class _InPlace:
    """One drill under way. What it came to is in seconds from its beginning: ``seen`` and ``well`` are ``None`` until somebody was told, and users were spared."""

    opened: Opened
    url: str
    key: str
    principal: Principal
    scenario: Scenario
    plan: Placed
    load: Load
    say: Callable[[str], None]
    lasting: float
    effect: float = 0.0
    seen: float | None = None
    well: float | None = None

    def run(self, data: Path, usual: float) -> None:
        """Break it, look, and take it back; ``usual`` is how many seconds an answer takes."""
        before, over = _concerns(self.url), False
        self.load.well = lambda each: self.plan.well(each, usual)
        undoes = (*self.plan.undoes, *self._mitigations())
        try:
            with taking_back(data, undoes, self._restore, self.plan.fault(usual)):
                began = datetime.now(UTC)
                self.plan.act()
                self.effect = self.load.now() + self.plan.delay
                self.load.rates |= self.plan.rates
                self._watch(began, before)
                over = True
                self.load.stop()  # what is taken back of documents waits for nobody who reads
        except AverError as error:
            if not over:
                raise
            self.say(f"not taken back yet, which the server does within seconds: {error.cause}")
        else:
            self.say("taken back")

    def _mitigations(self) -> list[Undo]:
        """What takes back what is done of itself from now on, with every tenant that the fault reaches."""
        tenants, since = [self.principal.tenant], datetime.now(UTC).isoformat()
        if self.plan.everybody:
            with self.opened() as application:
                tenants = [each.id for each in application.store.tenants()]
        return [Undo("mitigations", tenant, since) for tenant in tenants]

    def _restore(self, undo: Undo) -> None:
        with self.opened() as application:
            restore(application, undo)

    def _watch(self, began: datetime, before: Collection[str]) -> None:
        """Look until somebody was told and users are spared, or for as long as patience lasts."""
        load = self.load
        until = load.now() + _PATIENCE + _PATIENCE_OF_SOURCES * self.plan.delay
        while load.now() < until:
            time.sleep(_LOOKS)
            if self.seen is None and _told(self.url, self.key, self.scenario, began, before):
                self.seen = load.now()
                self.say(f"told after {max(self.seen - self.effect, 0.0):.1f} s")
            self.well = spared(list(load.samples), self.effect, load.now(), self.lasting)
            if self.seen is not None and self.well is not None:
                return

    def judged(self, at: datetime) -> Drill:
        """What it came to, once nothing is asked any more."""
        effect, seen, well, samples = self.effect, self.seen, self.well, self.load.samples
        with self.opened() as application:
            lost, notes = _lost(application, self.principal.tenant, {each.turn for each in samples if each.turn})
            done = _done(application, self.principal.tenant, at)
        later = [each for each in samples if each.answered >= effect]
        return Drill(
            self.scenario.name,
            at,
            "in place",
            self.plan.means,
            None if seen is None else round(max(seen - effect, 0.0), 1),
            None if seen is None or well is None else round(max(well - max(seen, effect), 0.0), 1),
            lost,
            sum(each.verdict == "leaked" for each in later),
            sum(each.verdict == "wrong" for each in later),
            len(samples),
            shares(samples, effect),
            by_time(samples, effect),
            done=done,
            notes=notes,
            spared_s=None if well is None else round(well - effect, 1),
        )


def _warmed(load: Load, warm: float, url: str, question: str) -> float:
    """The seconds that an answer usually takes. Raises :class:`~aver.core.errors.Unavailable` where one fails."""
    while load.now() < warm or (not load.samples and load.now() < _ANSWERS):
        time.sleep(_LOOKS)
    if not load.samples or any(not each.well for each in load.samples):
        raise Unavailable(f"{url} does not answer {question!r} as it is", "Look at it first; nothing was done.")
    return median(each.answered - each.sent for each in load.samples)


@contextmanager
def _own_key(opened: Opened, principal: Principal, drill: str) -> Iterator[str]:
    """A key of whoever drills that may ask and do nothing else: what is asked with it is known as the drill's."""
    with opened() as application:
        key, secret = application.api_keys.create(
            principal.tenant,
            principal.user,
            principal.groups,
            principal.roles,
            ["ask"],
            _KEY_LASTS,
            f"{principal.user} (drill {drill})",
        )
    try:
        yield secret
    finally:
        with suppress(AverError), opened() as application:
            application.revoke_key(principal.tenant, key.id, principal.user)


def _told(url: str, key: str, scenario: Scenario, began: datetime, before: Collection[str]) -> bool:
    """Whether an alert that tells of it has fired since, or what asks for readiness is told what it was not told ``before``."""
    signals = {rule.removeprefix("health:") for rule in scenario.rules}
    if signals & (_concerns(url) - set(before)):
        return True
    return any(
        datetime.fromisoformat(each["fired"]) >= began
        and any(fnmatchcase(each["rule"], rule) for rule in _rules(scenario))
        for each in _get(f"{url}/v1/alerts", key).get("alerts") or ()
    )


def _rules(scenario: Scenario) -> list[str]:
    """An installation calls its objectives as it likes."""
    return ["burn:*" if rule.startswith("burn:") else rule for rule in scenario.rules]


def _concerns(url: str) -> set[str]:
    return set(_get(f"{url}/readyz").get("concerns") or ())


def _get(url: str, key: str = "") -> Mapping[str, Any]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the installation's own
    try:
        with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310 - as above
            found = json.load(response)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _done(application: Application, tenant: str, since: datetime) -> tuple[str, ...]:
    """What was done of itself."""
    try:
        found = application.tenant(tenant).operations.mitigations.mitigations()
    except AverError:  # which is told as lost
        return ()
    return tuple(each.action for each in found if each.rule and each.begun >= since)


def _lost(application: Application, tenant: str, acknowledged: set[str]) -> tuple[int, tuple[str, ...]]:
    try:
        services = application.tenant(tenant)
        services.outbox.settle()
        verified = services.ledger.verify()
        missing = len(acknowledged - clear_turns(services.store, acknowledged).keys())
    except AverError as error:
        return len(acknowledged), (f"the evidence cannot be read: {error.cause}",)
    notes = [f"{missing} of {len(acknowledged)} acknowledged turns are not in evidence"] if missing else []
    notes += [] if verified.ok else [f"evidence does not verify: {verified.reason}"]
    return missing + (not verified.ok), tuple(notes)
