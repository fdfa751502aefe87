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
    """By release, in the order in which they met traffic: ``offline`` by slice (an empty name for all) and measure, ``online`` by metric. ``escapes`` are
    the rollouts that failed after a gate had passed."""

    offline: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    online: dict[str, dict[str, float]] = field(default_factory=dict)
    escapes: list[Escape] = field(default_factory=list)

    def take(self, steps: Iterable[Step], gates: Mapping[str, Gated] | None = None) -> None:
        """Steps ``evaluated`` and ``staged`` of a tenant, in order. The last evaluation of a release counts, and the last figures of its rollout.
        ``gates`` are those that passed, by release; a step whose content is erased says nothing."""
        for step in steps:
            if step.body is None:
                continue
            if step.kind == "evaluated" and step.facts.get("release"):
                self._evaluated(str(step.facts["release"]), step.body)
            elif step.kind == "staged":
                self._staged(step.facts, step.body, gates)

    def _evaluated(self, release: str, body: Mapping[str, Any]) -> None:
        known = self.offline.setdefault(release, {})
        known[""] = {name: float(each["value"]) for name, each in body.get("overall", {}).items()}
        for tag, some in body.get("slices", {}).items():
            known[tag] = {name: float(each["value"]) for name, each in some.items()}

    def _staged(self, facts: Mapping[str, Any], body: Mapping[str, Any], gates: Mapping[str, Gated] | None) -> None:
        findings = body.get("found", {}).get("findings", ())
        digests: list[Any] = list(facts.get("variants") or [])
        if len(digests) != 1 or not findings:
            return  # of several variants it is not said which is which
        release = str(digests[0])
        figures = {each["metric"]: float(each["treated"]) for each in findings if each["treated"] is not None}
        if figures:
            self.online.setdefault(release, {}).update(figures)
        if facts.get("event") == "rolled_back" and gates is not None:
            known = [each for each in self.escapes if each.rollout == facts["rollout"]]
            if not known:
                self.escapes += escape_of(release, str(facts["rollout"]), findings, gates.get(release))


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
