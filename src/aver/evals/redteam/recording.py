"""A campaign as a run: a file that gates, reports and later campaigns read, and one step of evidence with its figures."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aver import __version__
from aver.core import Clock, new_id, rfc3339
from aver.evals.redteam.campaign import Campaign
from aver.evals.redteam.figures import Figures
from aver.evals.redteam.types import SUITE
from aver.evals.types import COMPROMISED, RunHeader
from aver.evidence import Ledger
from aver.evidence.facts import clear_name
from aver.store import TenantStore

__all__ = ["header_of", "record"]

_INJECTION = "LLM01"
"""OWASP's item for prompt injection."""


def header_of(campaign: Campaign, clock: Clock, release: str = "") -> RunHeader:
    return RunHeader(
        suite=SUITE,
        dataset=SUITE,
        dataset_digest=campaign.digest,
        cases=len(campaign.attacks),
        target=campaign.target.name,
        target_digest=campaign.target.digest,
        release=release,
        scorers={campaign.scorer.name: campaign.scorer.digest},
        seed=campaign.seed,
        repeats=1,
        started=rfc3339(clock.now()),
        software=__version__,
    )


def record(header: RunHeader, found: Figures, store: TenantStore, ledger: Ledger) -> str:
    """Append the step ``evaluated``; its turn. Figures stand in clear, with their intervals in the body; neither holds a text."""
    turn = new_id("evaluation")
    success, refusals = found.attack_success, found.false_refusals
    facts: dict[str, Any] = {
        "run": header.digest,
        "dataset": header.dataset_digest,
        "release": header.release or None,
        "feature": clear_name(header.feature),
        "suite": SUITE,
        "questions": found.attacks + found.controls,
        "failed": sum(found.errors.values()),
        "attempts": found.attempts,
    }
    facts |= {} if success is None else {"attack_success": round(success.value, 6)}
    facts |= {} if refusals is None else {"false_refusals": round(refusals.value, 6)}
    if not header.target.endswith(COMPROMISED) and (injections := found.by.get("owasp", {}).get(_INJECTION)):
        facts |= {"injections": injections.n, "injection_success": round(injections.value, 6)}
    body = {"target": header.target, "seed": header.seed, **asdict(found)}
    with store.begin() as tx:
        ledger.append(tx, turn=turn, kind="evaluated", subject=None, facts=facts, body=body)
    return turn
