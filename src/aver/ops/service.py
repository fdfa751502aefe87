"""The operations of one tenant: evidence counted on, held against what is promised and what is usual, alerts fired and told, incidents assembled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import RLock
from typing import Any

from aver.core.clock import Clock, rfc3339
from aver.core.errors import Conflict, NotFound, Unavailable
from aver.core.yaml import nearest
from aver.evidence import Ledger
from aver.ops.alerts.desk import AlertDesk
from aver.ops.alerts.telling import Send, Teller
from aver.ops.alerts.types import Alert, Changes, Message
from aver.ops.anomalies import Watch
from aver.ops.burning import Standing, departures, standing
from aver.ops.incidents.affected import departs, pass_over
from aver.ops.incidents.corrections import Correction, Corrections, Proposal, proposals
from aver.ops.incidents.desk import IncidentDesk
from aver.ops.incidents.postmortem import draft
from aver.ops.incidents.timeline import Explain, Timeline, timeline
from aver.ops.incidents.types import Affected, Incident
from aver.ops.mitigation.actions import LABELS
from aver.ops.mitigation.automatic import applies, mitigate, standing_departures
from aver.ops.mitigation.desk import MitigationDesk
from aver.ops.mitigation.ports import Ports
from aver.ops.mitigation.types import Mitigation
from aver.ops.periods import Periods
from aver.ops.reading import EvidenceReader, Lags
from aver.ops.runbooks.running import RunbookRun
from aver.ops.runbooks.types import Runbook
from aver.ops.turns.departing import Departed, belongs, departed
from aver.ops.turns.search import TurnSearch
from aver.ops.turns.types import TurnRow
from aver.ops.types import Departure, ObjectivesConfig
from aver.store import TenantStore

__all__ = ["IncidentReport", "Operations"]

_LOCK = "operations"
_LITTLE = 3000
"""Steps that somebody who looks can wait for: a tenth of a second."""
_ACTING = "mitigation"
_LATELY = 300.0


def _unexplained(_before: str, _after: str) -> Sequence[tuple[str, str]]:
    return ()


@dataclass(frozen=True, slots=True)
class IncidentReport:
    """An incident with all that evidence says of it. ``proposed`` are corrective actions that nobody has taken on."""

    incident: Incident
    timeline: Timeline
    affected: Affected
    alerts: tuple[Alert, ...]
    mitigations: tuple[Mitigation, ...] = ()
    corrections: tuple[Correction, ...] = ()
    proposed: tuple[Proposal, ...] = ()

    def record(self) -> dict[str, Any]:
        """As JSON tells it."""
        return {
            **self.incident.record(),
            "affected": self.affected,
            "timeline": self.timeline.entries,
            "suspects": self.timeline.suspects,
            "mitigations": [each.record() for each in self.mitigations],
            "corrections": [each.record() for each in self.corrections],
            "proposed": self.proposed,
            "alerts": [{"id": each.id, **each.known, "said": each.said, "fired": each.fired} for each in self.alerts],
        }


class Operations:
    """Blocking. ``config`` gives what is declared and in force, ``explain`` what differs between two releases, ``health`` what departs around the process, ``send``
    tells a route. ``ports`` is what actions act upon: without it nothing can be done, and nothing is done of itself."""

    def __init__(
        self,
        store: TenantStore,
        ledger: Ledger,
        clock: Clock,
        config: Callable[[], ObjectivesConfig],
        *,
        send: Send,
        lags: Lags = dict,
        explain: Explain = _unexplained,
        health: Callable[[], Sequence[Departure]] = tuple,
        ports: Callable[[], Ports] | None = None,
        runbooks: Callable[[], Mapping[str, Runbook]] = dict,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._config = config
        self._explain = explain
        self._health = health
        self._ports = ports
        self.runbooks = runbooks
        """What is declared of them, by name; raises the mistake in one."""
        self._reader = EvidenceReader(store, clock, lags)
        self._periods = Periods(store, clock)
        self._reading = RLock()
        """Held by whoever reads periods: they are looked at by the watcher, by requests, and by what is done of itself."""
        self._watch = Watch(self._periods)
        self._teller = Teller(store, ledger, clock, send)

    @property
    def tenant(self) -> str:
        """Its id."""
        return self._store.tenant.id

    @property
    def incidents(self) -> IncidentDesk:
        config = self._config()
        done = tuple(config.mitigations.values()) if self._ports is not None else ()

        def opens(alert: Alert) -> bool:
            return any(applies(each.when, alert) for each in done)

        return IncidentDesk(self._store, self._ledger, self._clock, config.incidents, opens)

    @property
    def alerts(self) -> AlertDesk:
        return AlertDesk(self._store, self._ledger, self._clock, self.incidents)

    @property
    def turns(self) -> TurnSearch:
        return TurnSearch(self._store, self._departed, self._reader.behind)

    @property
    def corrections(self) -> Corrections:
        """What was taken on so that incidents do not come again."""
        return Corrections(self._store, self._ledger, self._clock)

    @property
    def mitigations(self) -> MitigationDesk:
        """What was done about incidents, and does more. Raises :class:`~aver.core.errors.Unavailable` where nothing can be done here."""
        if self._ports is None:
            raise Unavailable("Nothing can be done from here", "Run it where the installation is.")
        return MitigationDesk(self._store, self._ledger, self._clock, self._ports)

    def mitigate(self) -> list[Mitigation]:
        """Do what the bundle has done of itself about the alerts that stand; what was done now. Each thing is done by one process, once an incident."""
        mitigators = tuple(self._config().mitigations.values())
        if not mitigators or self._ports is None:
            return []
        under_way = self.incidents.under_way()
        standing = [each for each in self.alerts.alerts() if each.incident in under_way]
        if not standing:
            return []
        with suppress(Conflict), self._store.lock(_ACTING):
            return mitigate(self.mitigations, mitigators, standing, self.about, self.tenant)
        return []

    def run_of(self, runbook: str, incident: str) -> RunbookRun:
        """A runbook for an incident. Raises :class:`~aver.core.errors.NotFound` where there is not one of the two."""
        known = self.runbooks()
        if runbook not in known:
            step = nearest(runbook, known) if known else "The bundle has none: write runbooks/NAME.md."
            raise NotFound(f"There is no runbook {runbook[:60]!r}", step)
        found = self.incidents.one(incident)
        alerts = [each for each in self.alerts.alerts(standing=False) if each.incident == found.id]
        labels: dict[str, str] = {}
        for each in alerts:
            labels |= {name: value for name, value in self.about(each).items() if name not in labels}
        if found.feature:
            labels["feature"] = found.feature
        return RunbookRun(known[runbook], found.id, labels, self.mitigations, self.incidents)

    def about(self, alert: Alert) -> dict[str, str]:
        """What an alert is about, as actions refer to it: its labels; beside them the provider of its model, and where it names no model or tool, the one that
        fails most."""
        found = {name: value for name, value in alert.labels.items() if name in LABELS and value}
        with self._reading:
            self._periods.refresh()
            for kind, failed in (("model", "failed"), ("tool", "tools_failed")):
                if kind not in found and (worst := self._worst(kind, failed)):
                    found[kind] = worst
        if (
            "model" in found
            and self._ports is not None
            and (provider := self._ports().declared.provider_of(found["model"]))
        ):
            found["provider"] = provider
        return found

    def _worst(self, kind: str, failed: str) -> str:
        """The model or tool of which most calls failed in the last five minutes, if that is half of its own at least."""
        several = [(each, self._periods.over(each, _LATELY)) for each in self._periods.names(kind)]
        counted = [
            (sums.get(failed, 0), sums.get("tools" if kind == "tool" else "ended", 0), each) for each, sums in several
        ]
        bad = [(count, series) for count, of, series in counted if count and count >= of / 2]
        return max(bad)[1].partition(":")[2] if bad else ""

    def read(self) -> None:
        """Count evidence on up to its end. Where another replica is at it, that is left to it."""
        with suppress(Conflict), self._store.lock(_LOCK):
            self._reader.catch_up()

    def freshen(self) -> None:
        """Count evidence on where little is left, for who looks now; much is left to :meth:`read`."""
        if 0 < self._reader.behind() <= _LITTLE:
            self.read()

    def look(self) -> Changes:
        """Count on, and fire and resolve alerts. Nothing happens where another replica looks at this moment. Not to be called by two threads at once."""
        try:
            with self._store.lock(_LOCK):
                self._reader.catch_up()
                return self.alerts.look(self._departures())
        except Conflict:
            return Changes()

    def tell(self) -> list[Message]:
        """Send what is due to be told."""
        return self._teller.tell(self._config().routes.values())

    def problems(self) -> dict[str, str]:
        """By route, what keeps it from being told."""
        return self._teller.problems()

    def standings(self) -> list[Standing]:
        """How each objective stands now, as far as evidence was counted."""
        with self._reading:
            self._periods.refresh()
            return [standing(each, self._periods.feature) for each in self._config().slos.values()]

    def report(self, incident: str) -> IncidentReport:
        """All that evidence says of an incident, by its id. Raises :class:`~aver.core.errors.NotFound` where there is none."""
        found = self.incidents.one(incident)
        mine = [each for each in self.alerts.alerts(standing=False) if each.incident == found.id]
        config = self._config()
        rule = departs(found.rule, config.slos, mine, config.anomalies.times)
        passed = pass_over(self._store, found, self._until(found), rule)
        told = timeline(self._store, self._ledger, found, passed, self._explain)
        done = self.mitigations.mitigations(incident=found.id) if self._ports is not None else []
        taken = self.corrections.of(found.id)
        suspects = [each.said for each in told.suspects]
        known = {each.text for each in taken}
        proposed = [each for each in proposals(found, passed.affected, config.slos, suspects) if each.text not in known]
        return IncidentReport(found, told, passed.affected, tuple(mine), tuple(done), tuple(taken), tuple(proposed))

    def postmortem(self, incident: str) -> str:
        """The draft of what is written after an incident, in Markdown. Raises :class:`~aver.core.errors.NotFound` where there is none."""
        of = self.report(incident)
        return draft(
            of.incident, of.timeline, of.affected, of.mitigations, of.proposed, of.corrections, self._clock.now()
        )

    def incidents_of(self, row: TurnRow) -> list[Incident]:
        """The incidents that a turn is one of, newest first."""
        return [
            each
            for each in self.incidents.incidents()
            if rfc3339(each.began) <= row.ended
            and each.feature in ("", row.feature)
            and belongs(row, self._departure(each))
        ]

    def _departed(self, incident: str) -> Departed:
        return self._departure(self.incidents.one(incident))

    def _departure(self, found: Incident) -> Departed:
        config = self._config()
        mine = [each for each in self.alerts.alerts(standing=False) if each.incident == found.id]
        return departed(found, self._until(found), config.slos, mine, config.anomalies.times)

    def _until(self, incident: Incident) -> datetime:
        """What follows the mitigation by a few minutes belongs to it: that it was told, and that it was resolved."""
        end = incident.resolved or incident.mitigated
        return self._clock.now() if end is None else end + timedelta(minutes=10)

    def _departures(self) -> list[Departure]:
        held = self.mitigations.mitigations(standing=True) if self._ports is not None else []
        with self._reading:
            found = [
                departure
                for each in self.standings()
                for departure in departures(each, self._periods.run, self._periods.now)
            ]
            return [*found, *self._watch.look(self._config().anomalies), *standing_departures(held), *self._health()]
