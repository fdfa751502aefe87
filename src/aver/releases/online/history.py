"""What the evidence holds of releases before and after they met traffic, put side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aver.evidence import Step
from aver.releases.online.correlation import Correlation, Pair, correlate
from aver.releases.online.escapes import Escape, Gated, escape_of
from aver.releases.rollout.measures import MEASURES

__all__ = ["History", "calibration"]

_LESS = ("_usd", "_ms", "_tokens")


@dataclass
class History:
    """By release, in the order in which they met traffic: ``offline`` by slice (an empty name for all) and measure, ``online`` by metric. ``gates`` are what
    was said before, in order, ``escapes`` the rollouts that failed all the same."""

    offline: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    online: dict[str, dict[str, float]] = field(default_factory=dict)
    gates: dict[str, list[Gated]] = field(default_factory=dict)
    escapes: list[Escape] = field(default_factory=list)

    def take(self, steps: Iterable[Step]) -> None:
        """Steps ``gated``, ``evaluated`` and ``staged``, those of a kind in order, and gates before the rollouts that they let through. The last
        evaluation of a release counts, the last figures of its rollout, and the gate's last word before the end of that; a step whose content is erased says
        nothing."""
        for step in steps:
            release = str(step.facts.get("release") or "")
            if step.kind == "gated" and release:
                self.gates.setdefault(release, []).append(Gated.of(step))
            elif step.kind == "evaluated" and release and step.body is not None:
                self._evaluated(release, step.body)
            elif step.kind == "staged" and step.body is not None:
                self._staged(step, step.body)

    def _evaluated(self, release: str, body: Mapping[str, Any]) -> None:
        known = self.offline.setdefault(release, {})
        known[""] = {name: float(each["value"]) for name, each in body.get("overall", {}).items()}
        for tag, some in body.get("slices", {}).items():
            known[tag] = {name: float(each["value"]) for name, each in some.items()}

    def _staged(self, step: Step, body: Mapping[str, Any]) -> None:
        facts, found = step.facts, body.get("found", {})
        digests: list[Any] = list(facts.get("variants") or [])
        if len(digests) != 1 or not found.get("findings"):
            return  # of several variants it is not said which is which
        release, rollout = str(digests[0]), str(facts["rollout"])
        figures = {each["metric"]: float(each["treated"]) for each in found["findings"] if each["treated"] is not None}
        if figures:
            self.online.setdefault(release, {}).update(figures)
        if facts.get("event") == "rolled_back" and not any(each.rollout == rollout for each in self.escapes):
            gates = sorted(
                (each for each in self.gates.get(release, ()) if each.at <= step.at), key=lambda each: each.at
            )
            self.escapes += escape_of(release, rollout, found, gates[-1] if gates else None)


def calibration(history: History, least: int = 2) -> list[Correlation]:
    """Every measure that was taken offline against every one online, of all cases and of each slice, of which ``least`` releases have both; those that
    have stopped predicting first, then the closest."""
    found = []
    slices = sorted({slice_ for measures in history.offline.values() for slice_ in measures})
    for slice_ in slices:
        names = sorted({name for measures in history.offline.values() for name in measures.get(slice_, ())})
        for offline in names:
            for online in MEASURES:
                pairs = [
                    Pair(release, history.offline[release][slice_][offline], after[online])
                    for release, after in history.online.items()
                    if online in after and offline in history.offline.get(release, {}).get(slice_, {})
                ]
                if len(pairs) >= least:
                    same = offline.endswith(_LESS) == (MEASURES[online].better == "less")
                    found.append(correlate(offline, online, pairs, slice_, same_way=same))
    return sorted(found, key=lambda each: (each.standing != "stopped predicting", -(each.spearman or -1)))
