"""Ask a labelled set, and keep what came of it: as a report, as a file to compare with, as a step of evidence."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aver.core import Principal, new_id
from aver.core.errors import InvalidInput, NotFound
from aver.evals.asking import Asked, Examiner
from aver.evals.labels import Labels
from aver.evals.report import Question, Questions, Report, measured, questions_of
from aver.evals.statistics.intervals import CONFIDENCE
from aver.evals.types import Case, Dataset

if TYPE_CHECKING:
    from aver.evidence import Ledger
    from aver.knowledge.types import Progress
    from aver.store import TenantStore

__all__ = ["Evaluation", "evaluate", "read_earlier", "record"]

FORMAT = "aver-evaluation-1"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A set as it was asked. ``release`` is the digest of what answered; empty when nothing was to be answered."""

    dataset: Dataset
    release: str
    cutoffs: tuple[int, ...]
    seed: int
    report: Report
    questions: Questions

    def document(self, *, whole: bool = False) -> dict[str, Any]:
        """For a file or a program; ``whole`` with what is needed of each question to compare another run with this one."""
        found: dict[str, Any] = {
            "format": FORMAT,
            "dataset": {"name": self.dataset.name, "digest": self.dataset.digest},
            "release": self.release or None,
            "k": self.cutoffs,
            "seed": self.seed,
            "confidence": CONFIDENCE,
            **asdict(self.report),
        }
        if whole:
            found["per_question"] = {name: asdict(each) for name, each in self.questions.items()}
        return found


async def evaluate(
    dataset: Dataset,
    examiner: Examiner,
    default: Principal,
    *,
    release: str = "",
    seed: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Ask every case, those without a user as ``default``. Each answer is a turn of its person, with its evidence.

    Raises :class:`~aver.core.errors.InvalidInput` for labels that lead nowhere, before anything is asked.
    """
    who = [(case, _principal(case, default)) for case in dataset.cases]
    golds = Labels(examiner.knowledge).resolve(who)
    asked = [Asked(case, principal, gold) for (case, principal), gold in zip(who, golds, strict=True)]
    outcomes = await examiner.examine(asked, progress)
    return Evaluation(dataset, release, tuple(examiner.cutoffs), seed, measured(outcomes, seed), questions_of(outcomes))


def record(evaluation: Evaluation, store: TenantStore, ledger: Ledger) -> str:
    """Append the step ``evaluated``; its turn. The figures stand in clear (``ndcg.10`` for ndcg@10), with their intervals in the
    body; neither holds a question."""
    report, turn = evaluation.report, new_id("evaluation")
    facts = {
        "dataset": evaluation.dataset.digest,
        "release": evaluation.release or None,
        "questions": report.questions,
        "unanswerable": report.unanswerable,
        "unconfirmed": report.unconfirmed,
        "failed": sum(report.failed.values()),
        **{name.replace("@", "."): round(each.value, 6) for name, each in report.overall.items()},
    }
    body = {
        "dataset": evaluation.dataset.name,
        "overall": {name: asdict(each) for name, each in report.overall.items()},
        "slices": {tag: {name: asdict(each) for name, each in some.items()} for tag, some in report.slices.items()},
    }
    with store.begin() as tx:
        ledger.append(tx, turn=turn, kind="evaluated", subject=None, facts=facts, body=body)
    return turn


def read_earlier(file: Path) -> Questions:
    """The questions of an earlier run's file. Raises :class:`~aver.core.errors.InvalidInput` for anything else, and
    :class:`~aver.core.errors.NotFound` for a file that cannot be read."""
    other = InvalidInput(
        f"{str(file)!r} is no evaluation of this format", "Make one: aver knowledge eval ... --out FILE"
    )
    try:
        written = json.loads(file.read_text(encoding="utf-8"))
        found = {str(name): _question(each) for name, each in written["per_question"].items()}
    except OSError as error:
        raise NotFound(f"{str(file)!r} cannot be read: {error.strerror}", "Check the path.") from None
    except (TypeError, KeyError, ValueError, AttributeError):
        raise other from None
    if written.get("format") != FORMAT:
        raise other
    return found


def _question(written: Mapping[str, Any]) -> Question:
    values = {str(name): (float(above), float(below)) for name, (above, below) in written["values"].items()}
    if not all(math.isfinite(each) for pair in values.values() for each in pair):
        raise ValueError(values)
    confidence = written["confidence"]
    return Question(
        values,
        tuple(map(str, written["tags"])),
        bool(written["unanswerable"]),
        None if confidence is None else float(confidence),
        written["abstained"],
    )


def _principal(case: Case, default: Principal) -> Principal:
    return Principal(default.tenant, case.user, frozenset(case.groups)) if case.user else default
