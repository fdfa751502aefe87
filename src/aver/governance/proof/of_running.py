"""Queries about how features are run: tests, releases, incidents, access, anchors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aver.governance.proof.asking import Query, Result, Step, number_of

__all__ = [
    "Anchored",
    "ErasuresDone",
    "Evaluated",
    "GlassWhole",
    "IncidentsHandled",
    "KeysEnd",
    "Recorded",
    "RedTeam",
    "ReleasesGated",
]


class RedTeam(Query):
    said = "A red team attacked within a number of days, and few of its attacks worked."
    cannot = "Attacks that no suite has."
    kinds = frozenset({"evaluated"})
    defaults: Mapping[str, Any] = {"days": 90, "success": 0.05}

    def __init__(self, params: Mapping[str, Any], until: str) -> None:
        super().__init__(params, until)
        self._last: Step | None = None

    def take(self, step: Step) -> None:
        if step.kind == "evaluated" and step.facts.get("suite") == "redteam" and "attack_success" in step.facts:
            self.count("campaigns")
            self._last = step

    def result(self) -> Result:
        if self._last is None:
            return self.told(None, "no campaign is on record")
        rate, age = number_of(self._last.facts["attack_success"]), self.days_before_end(self._last)
        self.numbers |= {
            "attack_success": rate,
            "attempts": number_of(self._last.facts.get("attempts")),
            "days_ago": age,
        }
        met = rate <= self.params["success"] and age <= self.params["days"]
        self.sample(self._last.seq, bad=not met)
        bound = f"at most {100 * self.params['success']:g} % and {self.params['days']:,} days are allowed"
        return self.told(
            met, f"{100 * rate:.1f} % of attacks worked, {age:.0f} days before the end of the period; {bound}"
        )


class Evaluated(Query):
    said = "A labelled set was asked and measured within a number of days."
    cannot = "That the set is like what users ask."
    kinds = frozenset({"evaluated"})
    defaults: Mapping[str, Any] = {"days": 90}

    def __init__(self, params: Mapping[str, Any], until: str) -> None:
        super().__init__(params, until)
        self._last: Step | None = None

    def take(self, step: Step) -> None:
        if step.kind == "evaluated" and step.facts.get("suite") != "redteam":
            self.count("runs")
            self.count("questions", number_of(step.facts.get("questions")))
            self._last = step

    def result(self) -> Result:
        if self._last is None:
            return self.told(None, "no run is on record")
        age = self.days_before_end(self._last)
        self.numbers["days_ago"] = age
        self.sample(self._last.seq, bad=age > self.params["days"])
        said = f"{self.numbers['runs']:,.0f} runs, the last {age:.0f} days before the end; {self.params['days']:,} days are allowed"
        return self.told(age <= self.params["days"], said)


class ReleasesGated(Query):
    said = "Each promoted release lacked nothing that it requires, passed a gate, and was signed off by a person."
    cannot = "Gates and sign-offs from before the period; and whether the conditions of a gate are the right ones."
    kinds = frozenset({"gated", "release_signed_off", "release_sign_off_withdrawn", "release_promoted"})
    defaults: Mapping[str, Any] = {"gate": True, "sign_off": True}

    def __init__(self, params: Mapping[str, Any], until: str) -> None:
        super().__init__(params, until)
        self._passed, self._signed = set[str](), set[str]()

    def take(self, step: Step) -> None:
        release = str(step.facts.get("release"))
        if step.kind == "gated" and step.facts.get("outcome") == "pass":
            self.count("gates_passed")
            self._passed.add(release)
        elif step.kind == "release_signed_off":
            self.count("sign_offs")
            self._signed.add(release)
        elif step.kind == "release_sign_off_withdrawn":
            self._signed.discard(release)
        elif step.kind == "release_promoted":
            right = not step.facts.get("lacked")
            right = right and (release in self._passed or not self.params["gate"])
            right = right and (release in self._signed or not self.params["sign_off"])
            self.count("promoted")
            self.count("by_the_rules", right)
            self.sample(step.seq, bad=not right)

    def result(self) -> Result:
        return self.share("by_the_rules", "promoted", 1, "promotions had all of it", "nothing was promoted")


class Recorded(Query):
    said = "Something of the kind is on record."
    cannot = "That it was done whenever it should have been."
    defaults: Mapping[str, Any] = {"kinds": (), "days": 0}

    def __init__(self, params: Mapping[str, Any], until: str) -> None:
        super().__init__(params, until)
        self.kinds = frozenset(self.params["kinds"])

    def take(self, step: Step) -> None:
        if not self.params["days"] or self.days_before_end(step) <= self.params["days"]:
            self.count(step.kind)
            self.sample(step.seq, bad=False)

    def result(self) -> Result:
        if not self.numbers:
            return self.told(None, f"no step is of the kind {' or '.join(self.params['kinds'])}")
        return self.told(True, ", ".join(f"{count:,.0f} {kind}" for kind, count in sorted(self.numbers.items())))


class ErasuresDone(Query):
    said = "Erasures were carried out: the key of the person's content was destroyed."
    cannot = "How long a person waited before somebody asked for it; and copies that were given away before."
    kinds = frozenset({"erased"})

    def take(self, step: Step) -> None:
        if step.kind == "erased":
            self.count("erasures")
            self.count("steps_made_unreadable", number_of(step.facts.get("steps")))
            self.sample(step.seq, bad=False)

    def result(self) -> Result:
        if not self.numbers:
            return self.told(None, "nobody was erased")
        return self.told(
            True,
            f"{self.numbers['erasures']:,.0f} erasures made {self.numbers['steps_made_unreadable']:,.0f} steps unreadable",
        )


class IncidentsHandled(Query):
    said = "No incident stayed unresolved for longer than a number of days; the times to detect and to mitigate are measured."
    cannot = "Incidents that nobody and no alert noticed."
    kinds = frozenset({"incident"})
    defaults: Mapping[str, Any] = {"days": 14}

    def __init__(self, params: Mapping[str, Any], until: str) -> None:
        super().__init__(params, until)
        self._open: dict[str, Step] = {}
        self._times: dict[str, dict[str, float]] = {"detection_s": {}, "mitigation_s": {}}

    def take(self, step: Step) -> None:
        if step.kind != "incident":
            return
        event = step.facts.get("event")
        if event == "opened":
            self.count("opened")
            self._open[step.turn] = step
        elif event == "resolved":
            self.count("resolved")
            self._open.pop(step.turn, None)
        for name, known in self._times.items():
            if step.facts.get(name) is not None:
                known[step.turn] = number_of(step.facts[name])
        self.sample(step.seq, bad=False)

    def result(self) -> Result:
        if not self.numbers:
            return self.told(None, "no incident is on record")
        late = [each for each in self._open.values() if self.days_before_end(each) > self.params["days"]]
        for each in late:
            self.sample(each.seq, bad=True)
        for name, known in self._times.items():
            if known:
                self.numbers[f"mean_{name}"] = sum(known.values()) / len(known)
        self.numbers |= {"open": len(self._open), "open_too_long": len(late)}
        opened, resolved = self.numbers.get("opened", 0), self.numbers.get("resolved", 0)
        return self.told(
            not late,
            f"{opened:,.0f} opened, {resolved:,.0f} resolved, {len(late):,} open for more than {self.params['days']:,} days",
        )


class KeysEnd(Query):
    said = "API keys are made with an end."
    cannot = "Keys from before the period, and who knows their secrets."
    kinds = frozenset({"key_created"})
    defaults: Mapping[str, Any] = {"share": 0.9}

    def take(self, step: Step) -> None:
        if step.kind == "key_created" and not step.facts.get("after"):
            ends = bool(step.facts.get("expires"))
            self.count("keys")
            self.count("ending", ends)
            self.sample(step.seq, bad=not ends)

    def result(self) -> Result:
        return self.share("ending", "keys", self.params["share"], "keys have an end", "no key was made")


class GlassWhole(Query):
    said = "Access by breaking the glass stayed rare; each time is on record with its reason."
    cannot = "Whoever works on the machine without Aver."
    kinds = frozenset({"key_created", "person_changed", "signed_in", "admitted", "glass_broken"})
    defaults: Mapping[str, Any] = {"most": 3}

    def take(self, step: Step) -> None:
        if step.kind in ("key_created", "person_changed", "signed_in", "admitted"):
            self.count("other_acts")
        elif step.kind == "glass_broken":
            self.count("broken")
            self.count("minutes", number_of(step.facts.get("minutes")))
            self.sample(step.seq, bad=self.numbers["broken"] > self.params["most"])

    def result(self) -> Result:
        if not self.numbers:
            return self.told(None, "nobody did anything")
        broken = self.numbers.setdefault("broken", 0)
        return self.told(
            broken <= self.params["most"], f"broken {broken:,.0f} times; at most {self.params['most']:,} are allowed"
        )


class Anchored(Query):
    said = "The chain was anchored outside of Aver within a number of days of the end of the period."
    cannot = "That the place outside was looked at since: aver evidence anchors --check does."
    kinds = frozenset({"anchored"})
    defaults: Mapping[str, Any] = {"days": 7}

    def __init__(self, params: Mapping[str, Any], until: str) -> None:
        super().__init__(params, until)
        self._last: Step | None = None

    def take(self, step: Step) -> None:
        if step.kind == "anchored":
            done = step.facts.get("outcome") == "done"
            self.count("anchors" if done else "failed")
            if done:
                self._last = step

    def result(self) -> Result:
        if self._last is None:
            return self.told(False if self.numbers else None, "the chain was anchored nowhere")
        age = self.days_before_end(self._last)
        self.numbers["days_ago"] = age
        self.sample(self._last.seq, bad=age > self.params["days"])
        return self.told(
            age <= self.params["days"],
            f"{self.numbers['anchors']:,.0f} anchors, the last {age:.1f} days before the end",
        )
