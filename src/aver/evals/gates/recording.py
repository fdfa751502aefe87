"""A gate's verdict as a step of evidence, so that a release can show what let it through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from aver.core import new_id
from aver.core.canonical import canonical_json, sha256_hex
from aver.evals.gates.declaration import GATE
from aver.evals.gates.judging import Trial
from aver.evals.gates.types import Condition, Verdict

if TYPE_CHECKING:
    from aver.evidence import Ledger
    from aver.store import TenantStore

__all__ = ["gate_digest", "record"]


def gate_digest(conditions: Sequence[Condition]) -> str:
    """SHA-256 of what is required, hexadecimal."""
    return sha256_hex(canonical_json(GATE.write(conditions)))


def record(
    verdict: Verdict,
    trials: Sequence[Trial],
    conditions: Sequence[Condition],
    store: TenantStore,
    ledger: Ledger,
    attestation: str = "",
) -> str:
    """Append the step ``gated``; its turn. ``attestation`` is the digest of the signed statement, where there is one.

    In clear stand the outcome, the digests and the counts; the body has each condition with its figures and the ids of the cases that speak
    against it. No question is in it.
    """
    turn = new_id("gate")
    releases = sorted({trial.run.header.release for trial in trials} - {""})
    facts = {
        "outcome": verdict.outcome,
        "release": releases[0] if len(releases) == 1 else None,
        "gate": gate_digest(conditions),
        "datasets": sorted({trial.run.header.dataset_digest for trial in trials})[:64],
        "conditions": len(verdict.judged),
        "failed": sum(each.outcome == "fail" for each in verdict.judged),
        "inconclusive": sum(each.outcome == "inconclusive" for each in verdict.judged),
        "attestation": attestation or None,
    }
    body = {
        "judged": [asdict(each) for each in verdict.judged],
        "objections": {suite: list(reasons) for suite, reasons in verdict.objections.items()},
    }
    with store.begin() as tx:
        ledger.append(tx, turn=turn, kind="gated", subject=None, facts=facts, body=body)
    return turn
