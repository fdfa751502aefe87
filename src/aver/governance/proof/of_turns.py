"""Queries about turns: what was answered, checked, decided, called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aver.governance.proof.asking import ByTurn, Query, Result, Step, number_of

__all__ = [
    "AnswersSupported",
    "AnswersVerified",
    "ApprovedByPeople",
    "CallsPriced",
    "CheckRan",
    "ModelsKnown",
    "ToolCallsDecided",
    "TurnsGuarded",
    "TurnsSealed",
    "TurnsTraceable",
]


class AnswersVerified(ByTurn):
    said = "Each sentence of every answer from documents was checked against the passages that it cites."
    cannot = "That a check was right: it is a model's, with the errors that the evaluation of groundedness measures."
    kinds = frozenset({"admitted", "retrieved", "verified", "responded", "sealed", "failed"})

    def turn(self, steps: Sequence[Step]) -> None:
        by_kind = {each.kind: each.facts for each in steps}
        responded = by_kind.get("responded")
        if responded is None or "retrieved" not in by_kind:
            return
        self.count("abstained" if responded.get("abstained") else "answers")
        if not responded.get("abstained"):
            self.count("verified", "verified" in by_kind)
            self.sample(steps[-1].seq, bad="verified" not in by_kind)

    def result(self) -> Result:
        return self.share("verified", "answers", 1, "answers were checked", "nothing was answered from documents")


class AnswersSupported(Query):
    said = "What the assistant wrote is supported by the passages that it cites."
    cannot = "That the passages are true, and that a sentence was judged rightly."
    kinds = frozenset({"verified"})
    defaults: Mapping[str, Any] = {"share": 0.8}

    def take(self, step: Step) -> None:
        if step.kind == "verified":
            claims = number_of(step.facts.get("claims", step.facts.get("sentences")))
            supported = number_of(step.facts.get("supported"))
            self.count("claims", claims)
            self.count("supported", supported)
            if claims:
                self.sample(step.seq, bad=supported < claims)

    def result(self) -> Result:
        return self.share(
            "supported", "claims", self.params["share"], "sentences had support", "no sentence was checked"
        )


class ToolCallsDecided(ByTurn):
    said = "Every call of a tool was decided by policy before it ran, and a person said yes to each that policy asks one about."
    cannot = (
        "That the policy says what the organisation means; and calls of tools that other programs make beside Aver."
    )
    kinds = frozenset({"admitted", "decided", "approved", "executed", "sealed", "failed"})

    def turn(self, steps: Sequence[Step]) -> None:
        decided: dict[str, str] = {}
        approved = set[str]()
        for each in steps:
            action = str(each.facts.get("action"))
            if each.kind == "decided":
                outcome = str(each.facts.get("outcome"))
                self.count(f"decided_{outcome}" if outcome in ("allow", "deny", "ask") else "decided_other")
                if not (each.facts.get("again") and outcome == "ask"):
                    decided[action] = outcome
            elif each.kind == "approved":
                approved.add(action)
            elif (
                each.kind == "executed"
                and each.facts.get("outcome") not in ("not_run", "impossible")
                and not each.facts.get("compensates")
            ):
                right = decided.get(action) == "allow" or (decided.get(action) == "ask" and action in approved)
                self.count("executed")
                self.count("decided_before", right)
                self.sample(each.seq, bad=not right)

    def result(self) -> Result:
        return self.share("decided_before", "executed", 1, "calls were decided before they ran", "no tool was called")


class ApprovedByPeople(Query):
    said = "Where policy asks for a person, a person answered, or nothing was done."
    cannot = "How carefully a person looked before they said yes."
    kinds = frozenset({"asked", "approved", "rejected", "expired"})

    def take(self, step: Step) -> None:
        if step.kind in ("asked", "approved", "rejected", "expired"):
            self.count(step.kind)
            self.sample(step.seq, bad=False)

    def result(self) -> Result:
        answered = sum(self.numbers.get(each, 0) for each in ("approved", "rejected", "expired"))
        if not answered and not self.numbers.get("asked"):
            return self.told(None, "nobody was asked for an approval")
        said = ", ".join(
            f"{self.numbers.get(each, 0):,.0f} {each}" for each in ("asked", "approved", "rejected", "expired")
        )
        return self.told(answered > 0, said)


class TurnsGuarded(Query):
    said = "Turns were taken under declared guardrails."
    cannot = "What the checks overlook: their rates are measured by the red team, not here."
    kinds = frozenset({"admitted"})
    defaults: Mapping[str, Any] = {"share": 1.0}

    def take(self, step: Step) -> None:
        if step.kind == "admitted" and not step.facts.get("shadow_of"):
            guarded = bool(step.facts.get("guardrails"))
            self.count("turns")
            self.count("guarded", guarded)
            self.sample(step.seq, bad=not guarded)

    def result(self) -> Result:
        return self.share("guarded", "turns", self.params["share"], "turns had guardrails", "there was no turn")


class CheckRan(Query):
    said = "A named check looked at texts, and worked."
    cannot = "Texts in which it found nothing and that were recorded without it; and what it overlooks."
    kinds = frozenset({"checked"})
    defaults: Mapping[str, Any] = {"check": "", "share": 0.99}

    def take(self, step: Step) -> None:
        if step.kind != "checked":
            return
        for number, name in enumerate(step.facts.get("checks") or []):
            if self.params["check"] and self.params["check"] not in str(name):
                continue
            failures, outcomes = step.facts.get("failures") or [], step.facts.get("outcomes") or []
            failed = number < len(failures) and bool(failures[number])
            self.count("looks")
            self.count("worked", not failed)
            self.count("found", number < len(outcomes) and outcomes[number] in ("flag", "redact", "block"))
            self.sample(step.seq, bad=failed)

    def result(self) -> Result:
        what = self.params["check"] or "any check"
        return self.share("worked", "looks", self.params["share"], f"looks of {what} worked", f"{what} is on no record")


class TurnsTraceable(Query):
    said = "Every turn names the release that decided it."
    cannot = "That the release was kept: its files are in the registry, not in evidence."
    kinds = frozenset({"admitted"})

    def take(self, step: Step) -> None:
        if step.kind == "admitted":
            named = bool(step.facts.get("release"))
            self.count("turns")
            self.count("named", named)
            self.sample(step.seq, bad=not named)

    def result(self) -> Result:
        return self.share("named", "turns", 1, "turns name their release", "there was no turn")


class TurnsSealed(ByTurn):
    said = "Turns were recorded to their end, under a signed checkpoint."
    cannot = "Turns under way at the end of the period are counted as open when they began more than an hour before."
    kinds = frozenset({"admitted", "sealed", "failed"})

    def turn(self, steps: Sequence[Step]) -> None:
        self.count("turns")
        self.count("ended")
        self.sample(steps[-1].seq, bad=False)

    def result(self) -> Result:
        for first, *_ in self._open.values():
            if self.days_before_end(first) > 1 / 24:
                self.count("turns")
                self.sample(first.seq, bad=True)
        return self.share("ended", "turns", 0.999, "turns were recorded to their end", "there was no turn")


class CallsPriced(Query):
    said = "What calls of models cost is known and recorded."
    cannot = "What the provider will bill: an invoice is compared by aver gateway invoice."
    kinds = frozenset({"called"})
    defaults: Mapping[str, Any] = {"share": 0.99}

    def take(self, step: Step) -> None:
        if step.kind == "called" and not step.facts.get("error"):
            priced = not step.facts.get("unpriced")
            self.count("calls")
            self.count("priced", priced)
            self.count("usd", number_of(step.facts.get("nano_usd")) / 1e9)
            self.sample(step.seq, bad=not priced)

    def result(self) -> Result:
        return self.share("priced", "calls", self.params["share"], "calls had a price", "no model was called")


class ModelsKnown(Query):
    said = "Each call of a model names the model, the provider and the configuration that chose them."
    cannot = "What a provider changed behind a model's name."
    kinds = frozenset({"called"})

    def take(self, step: Step) -> None:
        if step.kind == "called" and not step.facts.get("error"):
            known = all(step.facts.get(each) for each in ("model", "provider"))
            self.count("calls")
            self.count("named", known)
            self.sample(step.seq, bad=not known)

    def result(self) -> Result:
        return self.share("named", "calls", 1, "calls name model and provider", "no model was called")
