"""Labels that are probably wrong: by what labellers say, by what a model finds likely, by what stands in the documents now.

The second is confident learning (Northcutt, Jiang, Chuang, "Confident learning: estimating uncertainty in dataset labels", 2021): a case is counted under the kind that
a model holds it to be where the model is as sure of that as it is, on average, of the cases that are labelled so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from aver.core import Principal
from aver.core.errors import InvalidInput
from aver.evals.datasets.fields import fields_of
from aver.evals.labelling.labels import LABELS, Label, settle
from aver.evals.types import Case

if TYPE_CHECKING:
    from aver.evals.labels import Labels

__all__ = ["Suspect", "against_documents", "against_labellers", "confident"]

_SUM = 1e-3


@dataclass(frozen=True, slots=True)
class Suspect:
    """``case`` is an id. ``certainty`` is the share of labellers, or the probability, that speaks for something else, from 0 to 1."""

    case: str
    by: Literal["labellers", "model", "documents"]
    said: str
    certainty: float


def against_labellers(cases: Iterable[Case], labels: Iterable[Label]) -> list[Suspect]:
    """Cases whose label is another than that of most who labelled them, the clearest first; and those over which labellers are at odds, where
    nobody has decided."""
    given: dict[str, list[Label]] = {}
    for label in labels:
        given.setdefault(label.case, []).append(label)
    found = []
    for case in cases:
        said = list({label.labeller: label for label in given.get(case.id, ()) if label.says}.values())
        if not said:
            continue
        own = Label(case.id, "", {name: value for name, value in fields_of(case).items() if name in LABELS})
        against = [label for label in said if own.says and not _agree(case, own, label)]
        if len(against) * 2 > len(said):
            kinds = Counter(label.kind for label in against).most_common(1)[0][0]
            what = f"labelled {own.kind}" + (
                f", and most say {kinds}" if kinds != own.kind else ", and most name something else"
            )
            found.append(Suspect(case.id, "labellers", what, len(against) / len(said)))
        elif settle(case, said, len(said)).status == "disputed":
            kinds_said = Counter(label.kind for label in said)
            what = " against ".join(f"{times} {kind}" for kind, times in kinds_said.most_common())
            found.append(Suspect(case.id, "labellers", f"nobody has decided: {what}", len(against) / len(said)))
    return sorted(found, key=lambda each: (-each.certainty, each.case))


def confident(given: Mapping[str, str], probabilities: Mapping[str, Mapping[str, float]]) -> list[Suspect]:
    """Of the cases that a model gives probabilities for, by kind, those whose given kind is probably wrong, the surest first. The probabilities must be out of
    sample: of a model that did not learn from the label.

    Raises :class:`~aver.core.errors.InvalidInput` for probabilities that are none, or of other kinds than are given.
    """
    ids = [name for name in given if name in probabilities]
    kinds = sorted({kind for name in ids for kind in probabilities[name]})
    if not ids:
        return []
    for name in ids:
        _check(name, given[name], probabilities[name], kinds)
    scores = np.array([[probabilities[name].get(kind, 0.0) for kind in kinds] for name in ids])
    labels = np.array([kinds.index(given[name]) for name in ids])
    held = _held(scores, labels)
    return sorted(
        (
            Suspect(
                name,
                "model",
                f"labelled {kinds[labels[at]]}, and a model says {kinds[held[at]]}",
                float(scores[at, held[at]]),
            )
            for at, name in enumerate(ids)
            if held[at] >= 0 and held[at] != labels[at]
        ),
        key=lambda each: (-each.certainty, each.case),
    )


def against_documents(cases: Sequence[Case], resolver: Labels, default: Principal) -> list[Suspect]:
    """Cases whose documents, answers or passages no longer stand where they are said to, for whoever asks."""
    found = []
    for case in cases:
        who = Principal(default.tenant, case.user, frozenset(case.groups)) if case.user else default
        try:
            resolver.resolve([(case, who)])
        except InvalidInput as error:
            found.append(Suspect(case.id, "documents", error.cause.removeprefix(f"{case.place}: "), 1.0))
    return found


def _agree(case: Case, own: Label, label: Label) -> bool:
    return settle(case, [own, label], 2).status == "settled"


def _check(name: str, kind: str, given: Mapping[str, float], kinds: Sequence[str]) -> None:
    values = list(given.values())
    if kind not in kinds:
        raise InvalidInput(
            f"{name!r} is labelled {kind!r}, of which there is no probability", f"Known: {', '.join(kinds)}."
        )
    if not all(0 <= value <= 1 for value in values) or abs(sum(values) - 1) > _SUM:
        raise InvalidInput(f"The probabilities of {name!r} are none, or do not make 1", "Give one for each kind.")


def _held(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """What the model holds each case to be, by the places of kinds; -1 where it is sure of nothing. A kind's threshold is the mean of its probability
    over the cases labelled so."""
    thresholds = np.array(
        [scores[labels == kind, kind].mean() if (labels == kind).any() else np.inf for kind in range(scores.shape[1])]
    )
    sure = np.where(scores >= thresholds, scores, -1.0)
    return np.where(sure.max(axis=1) >= 0, sure.argmax(axis=1), -1)
