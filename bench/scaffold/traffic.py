"""Evidence of turns that nobody asked, in the shape that real ones have: written to the chain as real ones are, and marked as generated.

Thirty days of several features, releases and models. Turns come with the hours of the day; latency, tokens and cost are log-normal; a few are abstained, blocked, left, failed or
judged. A part are calls of the gateway alone, and a part are agents' turns with tools and policy.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from aver.agents.types import Answer, Sentence
from aver.core.ids import new_id
from aver.evidence import Draft, Ledger
from aver.gateway.types import Usage
from aver.store import Store
from aver.testing import FixedClock

__all__ = ["TENANT", "write_traffic"]

TENANT = "generated"
DAYS = 30
DAY = 86_400
_AN_APPEND = 10
_A_TRANSACTION = 1000
_PEOPLE = 500
_MODELS = {"small": ("one", 400), "medium": ("one", 2000), "large": ("two", 9000), "local": ("house", 0)}
_RELEASES = tuple(f"{number:x}" * 64 for number in (4, 7, 11, 13))
_KEYS = tuple(f"key_generated{number:02}" for number in range(12))
_TOOLS = ("search", "calendar", "mail", "tickets")
_CHECKS = ("personal", "injection", "topics")
_ENDS = (
    ("sealed", 0.955),
    ("cancelled", 0.012),
    ("blocked", 0.012),
    ("provider-error", 0.015),
    ("provider-timeout", 0.006),
)


@dataclass
class _Made:
    """One turn in the making."""

    random: random.Random
    part: float
    """How far through the thirty days it is."""
    number: int

    def drafts(self) -> list[Draft]:
        kind = self.random.random()
        return self._call() if kind < 0.25 else self._turn("assistant" if kind < 0.85 else "desk")

    def _call(self) -> list[Draft]:
        identity, draw = new_id("call"), self.random
        feature = draw.choices(("summaries", "triage", None), (5, 3, 2))[0]
        error = draw.choices(("", "provider-error", "cancelled", "invalid-input"), (970, 15, 10, 5))[0]
        facts = {
            **self._called(feature, draw.choice(_KEYS)),
            "error": error or None,
            "finish": None if error else "stop",
        }
        return [
            Draft(identity, "called", self._subject(), facts, {"user": self._user(), "generated": True}),
            *self._judged(identity, 0.02),
        ]

    def _turn(self, feature: str) -> list[Draft]:
        identity, subject, draw = new_id("turn"), self._subject(), self.random
        found = [Draft(identity, "admitted", subject, self._admitted(feature), self._asked())]

        def then(kind: Any, body: dict[str, Any] | None = None, **facts: Any) -> None:
            found.append(Draft(identity, kind, subject, facts, body))

        end = draw.choices([each for each, _ in _ENDS], [each for _, each in _ENDS])[0]
        if draw.random() < 0.03 or end == "blocked":
            outcome = "block" if end == "blocked" else draw.choice(("flag", "redact"))
            check = draw.choice(_CHECKS)
            then("checked", place="input", outcome=outcome, checks=[check], outcomes=[outcome], failures=[None])
        if end == "blocked":
            then("failed", error="blocked", shown=0, ms=round(draw.uniform(1, 20), 1))
            return found
        passages = 0 if draw.random() < 0.03 else draw.randint(1, 8)
        then(
            "retrieved",
            {"question": "", "hits": []},
            passages=passages,
            documents=min(passages, 3),
            ms=round(draw.lognormvariate(3, 0.5), 1),
        )
        found.append(Draft(identity, "called", subject, self._called(feature, None), None))
        if feature == "desk":
            for place in range(draw.randint(1, 3)):
                tool = draw.choice(_TOOLS)
                denied = draw.random() < 0.04
                then("decided", action=f"a{place}", tool=tool, outcome="deny" if denied else "allow")
                if draw.random() < 0.05:
                    then("asked", action=f"a{place}", tool=tool)
                if not denied:
                    then(
                        "executed", action=f"a{place}", tool=tool, outcome="done" if draw.random() < 0.98 else "failed"
                    )
        took = self._took()
        if end != "sealed":
            then("failed", {"detail": "generated"}, error=end, shown=0, ms=took)
            return found
        abstained = passages == 0 or draw.random() < 0.06
        claims = 0 if abstained else draw.randint(1, 6)
        supported = max(claims - (draw.random() < 0.05), 0)
        then("verified", sentences=claims, claims=claims, supported=supported, ms=round(draw.uniform(1, 9), 1))
        then(
            "responded",
            {"answer": self._answer(identity, claims, supported, took)},
            abstained=abstained,
            mode="generated",
            sentences=claims,
            citations=supported,
            ms=took,
        )
        then("sealed", ms=took)
        return [*found, *self._judged(identity, 0.04)]

    def _admitted(self, feature: str) -> dict[str, Any]:
        place = min(int(self.part * len(_RELEASES)), len(_RELEASES) - 1)
        facts: dict[str, Any] = {
            "feature": feature,
            "release": _RELEASES[place],
            "part": "p" * 16,
            "characters": 40,
            "generated": True,
        }
        within = self.part * len(_RELEASES) - place
        if within > 0.8 and place + 1 < len(_RELEASES):  # a rollout of the next one
            arm = "candidate" if self.random.random() < 0.2 else "stable"
            facts |= {
                "rollout": f"rollout_{place}",
                "arm": arm,
                "stage": 0,
                "group": self.number % 128,
                "compared": True,
            }
            facts["release"] = _RELEASES[place + (arm == "candidate")]
        return {**facts, "conversation": f"conversation_generated{self.number // 3}", "ordinal": self.number % 3 + 1}

    def _called(self, feature: str | None, key: str | None) -> dict[str, Any]:
        model = self.random.choices(tuple(_MODELS), (50, 30, 12, 8))[0]
        provider, price = _MODELS[model]
        read, written = int(self.random.lognormvariate(6.8, 0.7)), int(self.random.lognormvariate(4.6, 0.7))
        return {
            "call": f"call_generated{self.number}", "operation": "chat", "feature": feature, "key": key, "model": model, "provider": provider,
            "attempts": 1, "cache": "off", "input_tokens": read, "output_tokens": written, "nano_usd": (read + 4 * written) * price,
            "config": "c1", "prices": "p1", "finish": "stop", "error": None, "ms": self._took(), "generated": True,
        }  # fmt: skip

    def _judged(self, identity: str, chance: float) -> list[Draft]:
        if self.random.random() >= chance:
            return []
        score = float(self.random.random() < 0.8)
        return [Draft(identity, "judged", self._subject(), {"score": score}, {"score": score})]

    def _took(self) -> float:
        return round(self.random.lognormvariate(6.6, 0.7), 1)

    def _user(self) -> str:
        return f"person{self.number % _PEOPLE}"

    def _subject(self) -> str:
        return f"user:{self._user()}"

    def _asked(self) -> dict[str, Any]:
        return {"question": f"Generated question {self.number}?", "user": self._user(), "groups": [], "history": []}

    def _answer(self, identity: str, claims: int, supported: int, took: float) -> dict[str, Any]:
        sentences = tuple(
            Sentence(f"Generated sentence {place + 1}.", place < supported, ()) for place in range(claims)
        )
        text = " ".join(each.text for each in sentences) or "Nothing that was generated answers this."
        given = Answer(identity, "", "generated", not claims, text, sentences, (), (), _RELEASES[0], Usage(), took)
        return asdict(given)


def write_traffic(data: Path, turns: int, seed: int = 1, until: timedelta = timedelta()) -> Iterator[int]:
    """Write ``turns`` to the tenant :data:`TENANT` of a new installation; yields how many there are, now and then. The last one ends ``until`` before now."""
    draw, clock = random.Random(seed), FixedClock()
    from datetime import UTC, datetime

    clock.advance((datetime.now(UTC) - until - timedelta(days=DAYS) - clock.now()).total_seconds())
    store = Store(data, clock=clock)
    store.create_tenant(TENANT)
    tenant = store.tenant(TENANT)
    ledger = Ledger(tenant, clock)
    apart = DAYS * DAY / turns / 0.8  # what the hours of the day take of it, on average
    written = 0
    while written < turns:
        with tenant.begin() as tx:
            for _ in range(0, min(_A_TRANSACTION, turns - written), _AN_APPEND):
                several = min(_AN_APPEND, turns - written)
                ledger.append_all(
                    tx,
                    [
                        draft
                        for each in range(several)
                        for draft in _Made(draw, written / turns, written + each).drafts()
                    ],
                )
                written += several
                hour = clock.now().timestamp() % DAY / DAY * 2 * math.pi
                clock.advance(apart * several * (1 + 0.6 * math.sin(hour)))
        yield written
    store.close()
