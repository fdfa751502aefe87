"""Judges of a bundle: opened, held against people's labels, and asked whether they may gate."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from aver.core.errors import AverError, InvalidInput, NotFound
from aver.evals.judges.calibration import (
    Calibration,
    Identity,
    Standing,
    calibrated,
    read_calibration,
    standing,
)
from aver.evals.judges.declaration import JudgeDeclared
from aver.evals.judges.grading import Ensemble, RubricJudge
from aver.evals.judges.labels import Labelled, read_labels
from aver.evals.judges.pairwise import PairwiseJudge
from aver.evals.judges.poison import INSTRUCTIONS
from aver.evals.judges.rubric import read_rubric
from aver.evals.judges.types import JudgeModel, JudgeUnreadable, Poisoned, Scale
from aver.knowledge.types import Progress

__all__ = ["Judge", "calibrate", "calibration_of", "kept", "measures_of", "opened", "standing_of"]

Judge = RubricJudge | PairwiseJudge | Ensemble
Models = Callable[[str], JudgeModel]
"""Finds a model or route of the bundle by its name."""

_AT_ONCE = 8
"""Questions to a judge at the same time."""
_CANARIES = 20
_SUFFIX = ".calibration.json"


def opened(declared: JudgeDeclared, folder: Path, models: Models) -> Judge:
    """The judge, a :class:`~aver.evals.types.Scorer`. Raises :class:`~aver.core.errors.AverError` for a rubric that cannot be read."""
    rubric = read_rubric(folder / declared.rubric, declared.scale)
    if declared.pairwise:
        if len(declared.model) > 1:
            raise InvalidInput(f"The judge {declared.name!r} is pairwise and a panel", "Name one model.")
        return PairwiseJudge(declared.name, rubric, models(declared.model[0]))
    judges = [RubricJudge(declared.name, rubric, models(name)) for name in declared.model]
    return judges[0] if len(judges) == 1 else Ensemble(declared.name, judges)


def calibration_of(declared: JudgeDeclared, folder: Path) -> Path:
    """Where its calibration is kept: beside the rubric, under the judge's name."""
    return (folder / declared.rubric).parent / (declared.name + _SUFFIX)


async def calibrate(
    declared: JudgeDeclared,
    folder: Path,
    models: Models,
    *,
    made: str = "",
    seed: int = 0,
    progress: Progress | None = None,
) -> Calibration:
    """Ask the judge about everything that people labelled, and about canary items; nothing is kept yet.

    Raises :class:`~aver.core.errors.InvalidInput` where it has no labels, and what its model raises.
    """
    if not declared.calibration:
        raise InvalidInput(
            f"The judge {declared.name!r} has no labels", "Name their file: calibration: evals/labels.jsonl"
        )
    judge = opened(declared, folder, models)
    labels = read_labels(folder / declared.calibration)
    if labels.paired != declared.pairwise:
        raise InvalidInput(
            "The labels are of another kind than the judge", "Pairs are for pairwise judges, grades for rubrics."
        )
    gate = asyncio.Semaphore(_AT_ONCE)
    done = 0

    async def one(item: Labelled) -> Labelled:
        nonlocal done
        async with gate:
            found = await _judged(judge, item)
        done += 1
        if progress:
            progress(done, len(labels.items), item.id)
        return found

    items = await asyncio.gather(*(one(item) for item in labels.items))
    obeyed = await asyncio.gather(*(_obeys(judge, item, text, gate) for item, text in _canaries(judge, items)))
    return calibrated(
        declared.name,
        replace(labels, items=items),
        _scale(judge),
        Identity(judge.digest, labels.digest),
        declared.least_kappa,
        author=declared.author,
        canaries=(sum(obeyed), len(obeyed)) if obeyed else None,
        model=", ".join(declared.model),
        made=made,
        seed=seed,
    )


def kept(calibration: Calibration, file: Path) -> None:
    """Write it, whole or not at all. Raises :class:`~aver.core.errors.InvalidInput` where that cannot be done."""
    beside = file.with_name(file.name + ".new")
    try:
        beside.write_text(json.dumps(calibration.document(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        beside.replace(file)
    except OSError as error:
        raise InvalidInput(f"{str(file)!r} cannot be written: {error.strerror}", "Check the folder.") from None


def standing_of(declared: JudgeDeclared, folder: Path, models: Models) -> Standing:
    """Whether the judge as it is now may decide a gate; never raises for what is missing, which is a reason why not."""
    try:
        judge = opened(declared, folder, models)
        labels = read_labels(folder / declared.calibration) if declared.calibration else None
        calibration = read_calibration(calibration_of(declared, folder))
    except NotFound:
        return standing(None, Identity("", ""))
    except AverError as error:
        return Standing(False, str(error))
    return standing(calibration, Identity(judge.digest, labels.digest if labels else ""))


def measures_of(name: str) -> tuple[str, ...]:
    """Every measure that a judge of this name may give: none of them may decide a gate unless the judge may."""
    return name, f"{name}_good", f"{name}_agreed", f"{name}_steady", f"{name}_tied"


async def _judged(judge: Judge, item: Labelled) -> Labelled:
    try:
        if isinstance(judge, PairwiseJudge):
            found = await judge.prefer(item.question, *item.texts)
            return replace(item, judge=found.straight, swapped=found.swapped, failed=False)
        grade = await judge.grade(item.question, item.texts[0], item.reference)
        return replace(item, judge=grade.grade, swapped=None, failed=False)
    except (JudgeUnreadable, Poisoned):
        return replace(item, judge=None, swapped=None, failed=True)


def _canaries(judge: Judge, items: Sequence[Labelled]) -> list[tuple[Labelled, str]]:
    """Poor responses, as people and the judge say, each with instructions to call it good."""
    scale = _scale(judge)
    found: list[tuple[Labelled, str]] = []
    for item in items:
        poor = item.judge == item.consensus == "second" if scale is None else _poor(item, scale)
        if poor and len(found) < _CANARIES:
            most = "first" if scale is None else str(scale.most)
            found.append((item, INSTRUCTIONS[len(found) % len(INSTRUCTIONS)].format(most=most)))
    return found


def _poor(item: Labelled, scale: Scale) -> bool:
    grades = (item.judge, item.consensus)
    return all(isinstance(each, int) and each < scale.good for each in grades)


async def _obeys(judge: Judge, item: Labelled, instruction: str, gate: asyncio.Semaphore) -> bool:
    texts = (f"{item.texts[0]}\n\n{instruction}", *item.texts[1:])
    async with gate:
        found = await _judged(judge, replace(item, texts=texts))
    scale = _scale(judge)
    if scale is None:
        return found.verdict == "first"
    return isinstance(found.judge, int) and found.judge >= scale.good


def _scale(judge: Judge) -> Scale | None:
    return None if isinstance(judge, PairwiseJudge) else judge.rubric.scale
