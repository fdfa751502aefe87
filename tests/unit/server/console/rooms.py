"""A tenant to look at: a bundle with models, routes, budgets, checks and a labelled set, and traffic that came through them."""

from __future__ import annotations

import json
from pathlib import Path

from aver.core.principal import Principal
from aver.core.settings import Settings
from aver.evals.report import measured
from aver.evals.types import Result
from aver.evidence import Draft
from aver.server.application import Application
from aver.server.evaluating import record
from aver.server.runs import RUNS
from aver.testing import FixedClock, HashEmbedder
from tests.operations import call, turn
from tests.runs import write_run

__all__ = ["BUNDLE", "House", "attacked", "house", "promoted"]

BUNDLE = """
feature: {model: extractive}
providers:
  one: {kind: openai, base_url: "http://127.0.0.1:9/v1"}
  two: {kind: anthropic, base_url: "http://127.0.0.1:9"}
models:
  small: {provider: one, price: {input: 0.15, output: 0.6}}
  large: {provider: two, price: {input: 3, output: 15}}
  unpriced: {provider: two}
routes:
  chat: {models: [small, large], cache: {exact: 1h}}
budgets:
  - {per: tenant, limit: 500 usd, period: month}
  - {per: user, limit: 2_000_000 tokens, period: day}
evals:
  suites: {handbook: {cases: [evals/handbook.jsonl]}, gone: {cases: [evals/gone.jsonl]}}
  flows: {leave: {at_least: 3}}
"""
CHECKED = {
    "place": "output",
    "outcome": "redact",
    "checks": ["personal", "exfiltration"],
    "outcomes": ["pass", "redact"],
    "failures": [None, None],
}


class House:
    """One installation with one tenant, at a time of its own."""

    def __init__(self, folder: Path) -> None:
        bundle = folder / "bundle"
        (bundle / "evals").mkdir(parents=True)
        (bundle / "aver.yaml").write_text(BUNDLE)
        cases = [
            {"id": f"leave-{each}", "question": "How many?", "documents": ["leave.md"], "tags": ["hr"], "flow": "leave" * (each < 2)}
            for each in range(6)
        ]  # fmt: skip
        (bundle / "evals" / "handbook.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in cases))
        self.clock = FixedClock()
        settings = Settings(data=folder / "data", bundle=bundle)
        self.application = Application(settings, embedder=HashEmbedder(), clock=self.clock)
        self.tenant = self.application.store.create_tenant("acme")
        self.services = self.application.tenant("acme")

    def write(self, *turns: list[Draft]) -> None:
        with self.services.store.begin() as tx:
            self.services.ledger.append_all(tx, [draft for each in turns for draft in each])

    def somebody(self, *roles: str, user: str = "ann") -> Principal:
        return Principal(self.tenant.id, user, roles=frozenset(roles))

    def run(self, right: list[float], *, keep: bool = True, **header: object) -> str:
        """A run of the suite in which each case is so right, on record; its turn."""
        runs = self.application.settings.data / RUNS
        runs.mkdir(parents=True, exist_ok=True)
        path = runs / f"handbook-{len(list(runs.iterdir()))}.run.jsonl"
        results = [
            Result(f"leave-{number}", 0, {"right_of_answered": (value, 1.0)}, ("hr",))
            for number, value in enumerate(right)
        ]
        run = write_run(path, results, responses=False, **header)
        turn_of = record(run, measured(run, 0), self.services)
        if not keep:
            path.unlink()
        return turn_of


def attacked(number: int, success: float, target: str = "assistant") -> list[Draft]:
    """A red-team run of forty attacks."""

    def ends(value: float) -> dict[str, object]:
        return {"value": value, "low": max(value - 0.1, 0), "high": min(value + 0.1, 1), "n": 40, "method": "wilson"}

    facts = {"suite": "redteam", "dataset": "d" * 64, "questions": 50, "failed": 0, "attack_success": success}
    body = {
        "target": target,
        "attacks": 40,
        "worked": ["a"] * round(success * 40),
        "attack_success": ends(success),
        "false_refusals": None,
        "by": {"category": {"injection-direct": ends(success), "leakage-users": ends(0.0)}},
    }
    return [Draft(f"evaluation_{number}", "evaluated", None, facts, body)]


def promoted(number: int, question: str) -> list[Draft]:
    """A case that waits for labels."""
    case = {"id": f"case_{number}", "question": question, "status": "draft", "origin": "production"}
    body = {"case": {**case, "metadata": {"turn": f"turn_{number}"}}}
    return [Draft(f"case_{number}", "case_promoted", "user:bob", {"turn": f"turn_{number}"}, body)]


def house(folder: Path) -> House:
    """A tenant with an hour of traffic."""
    made = House(folder)
    for number in range(6):
        failed = "provider-error" if number == 5 else ""
        made.write(turn(failed=failed), turn(model="large", provider="two", checked=CHECKED))
        error = {"error": "provider-error"} if failed else {}
        made.write(call(route="chat", cache="exact", key="key_1", feature="translate", **error))
        made.clock.advance(600)
    return made
