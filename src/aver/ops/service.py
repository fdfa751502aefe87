"""The operations of one tenant: evidence counted on, held against what is promised and what is usual, alerts fired and told, incidents assembled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from aver.core.clock import Clock, rfc3339
from aver.core.errors import Conflict
from aver.evidence import Ledger
from aver.ops.alerts.desk import AlertDesk
from aver.ops.alerts.telling import Send, Teller
from aver.ops.alerts.types import Alert, Changes, Message
from aver.ops.anomalies import Watch
from aver.ops.burning import Standing, departures, standing
from aver.ops.incidents.affected import departs, pass_over
from aver.ops.incidents.desk import IncidentDesk
from aver.ops.incidents.timeline import Explain, Timeline, timeline
from aver.ops.incidents.types import Affected, Incident
from aver.ops.periods import Periods
from aver.ops.reading import EvidenceReader, Lags
from aver.ops.turns.departing import Departed, belongs, departed
from aver.ops.turns.search import TurnSearch
from aver.ops.turns.types import TurnRow
from aver.ops.types import Departure, ObjectivesConfig
from aver.store import TenantStore

__all__ = ["IncidentReport", "Operations"]

_LOCK = "operations"
_LITTLE = 3000
"""Steps that somebody who looks can wait for: a tenth of a second."""


def _unexplained(_before: str, _after: str) -> Sequence[tuple[str, str]]:
    return ()


@dataclass(frozen=True, slots=True)
class IncidentReport:
    """An incident with all that evidence says of it."""

    incident: Incident
    timeline: Timeline
    affected: Affected
    alerts: tuple[Alert, ...]


class Operations:
    """Blocking. ``config`` gives what is declared and in force, ``explain`` what differs between two releases, ``send`` tells a route."""

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
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._config = config
        self._explain = explain
        self._reader = EvidenceReader(store, clock, lags)
        self._periods = Periods(store, clock)
        self._watch = Watch(self._periods)
        self._teller = Teller(store, ledger, clock, send)

    @property
    def tenant(self) -> str:
        """Its id."""
        return self._store.tenant.id

    @property
    def incidents(self) -> IncidentDesk:
        return IncidentDesk(self._store, self._ledger, self._clock, self._config().incidents)

    @property
    def alerts(self) -> AlertDesk:
        return AlertDesk(self._store, self._ledger, self._clock, self.incidents)

    @property
    def turns(self) -> TurnSearch:
        return TurnSearch(self._store, self._departed, self._reader.behind)

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
        return IncidentReport(found, told, passed.affected, tuple(mine))

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
        found = [
            departure
            for each in self.standings()
            for departure in departures(each, self._periods.run, self._periods.now)
        ]
        return [*found, *self._watch.look(self._config().anomalies)]
