"""A verdict as an attestation that other programs read: an in-toto statement whose predicate is a test result.

The statement is https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md, the predicate
https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md. It names digests and conditions, never a question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aver.core.errors import InvalidInput, VerificationFailed
from aver.evals.gates.recording import gate_digest
from aver.evals.gates.types import Condition, GateOutcome, Judged, Verdict
from aver.evals.types import RunHeader
from aver.evidence.dsse import STATEMENT, statement

__all__ = ["PREDICATE", "Attested", "attestation", "attested"]

PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
_RESULTS: Mapping[GateOutcome, str] = {"pass": "PASSED", "fail": "FAILED", "inconclusive": "WARNED"}


@dataclass(frozen=True, slots=True)
class Attested:
    """What a statement says. ``subjects`` are digests (SHA-256) by name: of the release, or of what was evaluated where there is none."""

    outcome: GateOutcome
    subjects: Mapping[str, str]
    configuration: Mapping[str, str]
    """Digests of the gate, the sets and the runs, by name."""
    passed: tuple[str, ...]
    undecided: tuple[str, ...]
    failed: tuple[str, ...]


def attestation(
    verdict: Verdict, conditions: Sequence[Condition], runs: Mapping[Path, RunHeader], digests: Mapping[Path, str]
) -> dict[str, Any]:
    """The statement of a verdict on these runs; ``digests`` are those of their files.

    An inconclusive gate is ``WARNED``: whoever asks for ``PASSED`` does not get it.

    Raises :class:`~aver.core.errors.InvalidInput` for a run that does not say what it evaluated.
    """
    configuration = [_resource("gate", gate_digest(conditions))]
    for path, header in runs.items():
        configuration += [_resource(header.dataset, header.dataset_digest), _resource(path.name, digests[path])]
    predicate = {
        "result": _RESULTS[verdict.outcome],
        "configuration": configuration,
        "passedTests": _names(verdict, "pass"),
        "warnedTests": _names(verdict, "inconclusive"),
        "failedTests": _names(verdict, "fail"),
    }
    subjects = dict.fromkeys(map(_subject, runs.values()))
    return statement(subjects, PREDICATE, predicate)


def attested(payload: Mapping[str, Any]) -> Attested:
    """What a statement, as :func:`~aver.evidence.dsse.opened` gives it, says. Raises :class:`~aver.core.errors.VerificationFailed` for one that is
    about something else."""
    try:
        predicate = payload["predicate"]
        if (payload["_type"], payload["predicateType"]) != (STATEMENT, PREDICATE):
            raise KeyError("predicateType")  # noqa: TRY301 - one way out for all that is not as it should be
        outcome = {word: outcome for outcome, word in _RESULTS.items()}[predicate["result"]]
        return Attested(
            outcome,
            _digests(payload["subject"]),
            _digests(predicate["configuration"]),
            *(tuple(map(str, predicate.get(name, ()))) for name in ("passedTests", "warnedTests", "failedTests")),
        )
    except (KeyError, TypeError, AttributeError):
        raise VerificationFailed(
            "The statement is signed, and it is no test result", f"Expected is a predicate {PREDICATE}."
        ) from None


def _subject(header: RunHeader) -> tuple[str, str]:
    if header.release:
        return "release", header.release
    if header.target_digest:
        return header.target, header.target_digest
    raise InvalidInput(
        f"The run of {header.suite} does not say which release it evaluated, nor what its target was",
        "Attest runs of a release, or of a target that has a digest.",
    )


def _resource(name: str, digest: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": digest}}


def _digests(resources: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {str(each.get("name", "")): str(each["digest"]["sha256"]) for each in resources}


def _names(verdict: Verdict, outcome: GateOutcome) -> list[str]:
    return [_name(each) for each in verdict.judged if each.outcome == outcome]


def _name(judged: Judged) -> str:
    """``handbook: groundedness[*]>=baseline-0.03 [hr]``."""
    text = judged.condition.removeprefix(f"{judged.suite}:")
    tag = f" [{judged.slice}]" if judged.slice and f"[{judged.slice}]" not in text else ""
    return f"{judged.suite}: {text}{tag}"
