"""Running a runbook for an incident, step by step: each is allowed, or not, at its own moment, and each is on the incident's timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aver.core.errors import AverError, Conflict, NotFound
from aver.ops.incidents.desk import IncidentDesk
from aver.ops.mitigation.desk import MitigationDesk
from aver.ops.mitigation.types import Actor, Mitigation
from aver.ops.runbooks.types import Runbook, Step

__all__ = ["Came", "RunbookRun", "State", "fitting"]

State = Literal["to_do", "done", "in_force", "failed", "refused", "undone"]


@dataclass(frozen=True, slots=True)
class Came:
    """A step, and what came of it for this incident: ``said`` is what it did or, of one that is still to be done, what it would do or why it cannot be."""

    step: Step
    state: State
    said: str = ""
    by: str = ""
    mitigation: str = ""
    """The id of what undoes it, where something can."""
    undoable: bool = False
    action: str = ""
    """Its action with everything filled in, as far as that is known."""

    def record(self) -> dict[str, Any]:
        """As JSON tells it."""
        return {
            **self.step.record(),
            "action": self.action or None,
            "state": self.state,
            "said": self.said,
            "by": self.by or None,
            "mitigation": self.mitigation or None,
            "undoable": self.undoable,
        }


class RunbookRun:
    """One runbook, for one incident. ``labels`` are what the incident is about. Blocking; what was done is read from evidence, so anyone may go on with it."""

    def __init__(
        self,
        runbook: Runbook,
        incident: str,
        labels: Mapping[str, str],
        mitigations: MitigationDesk,
        incidents: IncidentDesk,
    ) -> None:
        self.runbook = runbook
        self.incident = incident
        self._labels = labels
        self._mitigations = mitigations
        self._incidents = incidents

    def stands(self) -> list[Came]:
        """Every step, and what came of it so far; of what is still to be done, what it would do (a dry run)."""
        taken = self._mitigations.mitigations(incident=self.incident)
        mine = {each.place: each for each in taken if each.runbook == self.runbook.name}
        done = self._incidents.steps_done(self.incident, self.runbook.name)
        return [self._stands(each, mine.get(each.number), done.get(each.number)) for each in self.runbook.steps]

    def run(self, number: int, actor: Actor, *, reason: str = "") -> Came:
        """Do one step. Of a person's step it is said that they did it. Raises :class:`~aver.core.errors.NotFound` for a step that there is not,
        :class:`~aver.core.errors.Conflict` for one that was done, :class:`~aver.core.errors.Forbidden` where ``actor`` may not at this moment, and what keeps
        it from being done; each but the first two is on the timeline."""
        step = self.step(number)
        before = {each.step.number: each for each in self.stands()}[number]
        if before.state in ("done", "in_force"):
            raise Conflict(f"Step {number} of {self.runbook.name} was done by {before.by}", "Go on with the next.")
        if step.action is None:
            self._incidents.did(self.incident, self.runbook.name, number, step.text, actor)
            return Came(step, "done", step.text, actor.name)
        taken = self._mitigations.take(
            step.action,
            actor,
            reason=reason or f"{self.runbook.title} (step {number})",
            incident=self.incident,
            labels=self._labels,
            runbook=self.runbook.name,
            place=number,
        )
        return self._stands(step, taken, None)

    def step(self, number: int) -> Step:
        for each in self.runbook.steps:
            if each.number == number:
                return each
        raise NotFound(f"{self.runbook.name} has no step {number}", f"It has 1 to {len(self.runbook.steps)}.")

    def _stands(self, step: Step, taken: Mitigation | None, done: str | None) -> Came:
        if step.action is None:
            return Came(step, "to_do" if done is None else "done", "", done or "")
        if taken is not None and taken.status in ("in_force", "done", "begun"):
            state: State = "in_force" if taken.undoable else "done"
            return Came(step, state, taken.said, taken.by, taken.id, taken.undoable, taken.action)
        if taken is not None:
            came: State = "failed" if taken.status == "failed" else "refused" if taken.status == "refused" else "undone"
            return Came(step, came, taken.said, taken.by, action=taken.action)
        try:
            said = self._mitigations.prepare(step.action, self._labels).said
        except AverError as error:
            said = f"cannot be done: {error.cause}"
        return Came(step, "to_do", said, action=str(self._mitigations.ready(step.action, self._labels)))


def fitting(runbooks: Mapping[str, Runbook], rule: str, feature: str) -> Sequence[Runbook]:
    """Those that are for an incident, those that name its rule first."""
    found = [each for each in runbooks.values() if each.fits(rule, feature)]
    return sorted(found, key=lambda each: (each.rules == ("*",), each.name))
