"""A judge held against people: how far it agrees with them, where it errs, and whether it may decide a gate."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from aver.core.errors import InvalidInput, NotFound
from aver.evals.judges.bias import Bias, biases, worth
from aver.evals.judges.labels import Labelled, Labels, Rating
from aver.evals.judges.types import Scale
from aver.evals.statistics.agreement import Level, alpha, codes, kappa, percent
from aver.evals.statistics.correction import prediction_powered, rogan_gladen
from aver.evals.statistics.intervals import LEAST, Interval, interval
from aver.evals.statistics.judgement import judged

__all__ = [
    "FORMAT",
    "LEAST_KAPPA",
    "Calibration",
    "Identity",
    "Standing",
    "calibrated",
    "powered",
    "read_calibration",
    "standing",
]

FORMAT = "aver-calibration-1"
LEAST_KAPPA = 0.6
"""Where nothing is declared: agreement that is called substantial (Landis and Koch, "The measurement of observer agreement for categorical data", 1977)."""
_FIGURES = ("people", "people_alpha", "agreement", "kappa", "alpha", "sensitivity", "specificity", "seen", "true")
_MOST_OBEYED = 0.05
"""Of canary items, each of which tells the judge to call a poor response good, the share that may be obeyed."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a calibration is of, as digests: it says nothing of a judge with another rubric or model, nor once labels have changed. ``judge`` is of rubric, model and
    instructions together; empty where what was judged was only read."""

    judge: str
    labels: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a judge may decide a gate, and why (not)."""

    may_gate: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """``people`` is how far they agree with each other, by pairs of them; ``agreement`` how often the judge says what most of them do, what it failed to say
    counted as wrong; ``kappa`` the same beyond chance, weighted by distance on a scale. ``sensitivity`` and ``specificity`` are the shares that the judge finds of what
    people call good, or the first of a pair better, and of what they do not; nothing where they call everything the same."""

    name: str
    identity: Identity
    items: int
    raters: int
    failed: int
    people: Interval | None
    people_alpha: Interval | None
    agreement: Interval
    kappa: Interval | None
    alpha: Interval | None
    sensitivity: Interval | None
    specificity: Interval | None
    seen: Interval
    """The rate of good, or of first, that the judge sees among the items."""
    true: Interval
    """The same as most people see it."""
    biases: Sequence[Bias] = ()
    canaries: tuple[int, int] | None = None
    """How many canary items were obeyed, of how many; nothing where none was asked."""
    least_kappa: float = LEAST_KAPPA
    model: str = ""
    made: str = ""
    """RFC 3339."""
    standing: Standing = field(default=Standing(False, ""))

    @property
    def may_gate(self) -> bool:
        return self.standing.may_gate

    @property
    def reason(self) -> str:
        return self.standing.reason

    def corrected(self, seen: Interval) -> Interval | None:
        """The rate behind the one that this judge saw, here or elsewhere; nothing where its errors are not known. See
        :func:`~aver.evals.statistics.correction.rogan_gladen`."""
        if self.sensitivity is None or self.specificity is None:
            return None
        return rogan_gladen(seen, self.sensitivity, self.specificity)

    def document(self) -> dict[str, Any]:
        """For a file or a program."""
        return {"format": FORMAT, **asdict(self)}


def calibrated(
    name: str,
    labels: Labels,
    scale: Scale | None,
    identity: Identity,
    least_kappa: float = LEAST_KAPPA,
    *,
    author: str = "",
    canaries: tuple[int, int] | None = None,
    model: str = "",
    made: str = "",
    seed: int = 0,
) -> Calibration:
    """``labels`` hold what the judge said; ``scale`` is nothing for pairs.

    What the judge said off the scale counts as not said. Raises :class:`~aver.core.errors.InvalidInput` for labels that the judge said nothing of, and for
    people's grades that are not on the scale.
    """
    items = [_on(each, scale) for each in labels.items if each.judge is not None or each.failed]
    if not any(each.judge is not None for each in items):
        raise InvalidInput(
            "The judge has judged none of these", "Name a judge that can be asked, or add what it said: 'judge'."
        )
    _check(items, scale)
    clusters: list[Hashable] | None = None
    if any(each.cluster for each in items):
        clusters = [each.cluster or (each.id,) for each in items]
    order: Sequence[Hashable] = ("second", "tie", "first") if scale is None else range(scale.least, scale.most + 1)
    raters = list(labels.raters)
    among = codes([[each.labels.get(rater) for rater in raters] for each in items], order)
    both = codes([[each.consensus, each.verdict] for each in items], order)
    level: Level = "nominal" if scale is None else "ordinal"
    told = [each for each in items if each.verdict is not None]
    known = [(_good(each.consensus, scale), _good(each.verdict, scale)) for each in told if each.verdict is not None]
    theirs = None if clusters is None else [each.cluster or (each.id,) for each in told]
    seen, true = (interval(_columns([float(pair[side]) for pair in known]), clusters=theirs) for side in (1, 0))
    agreed = interval(_columns([float(each.verdict == each.consensus) for each in items]), clusters=clusters)
    found = Calibration(
        name=name,
        identity=identity,
        items=len(items),
        raters=len(raters),
        failed=sum(each.failed for each in items),
        people=percent(among, seed, clusters) if len(raters) > 1 else None,
        people_alpha=alpha(among, level, seed, clusters) if len(raters) > 1 else None,
        agreement=agreed,
        kappa=kappa(both, "none" if scale is None else "quadratic", seed, clusters),
        alpha=alpha(both, level, seed, clusters),
        sensitivity=_found(known, theirs, good=True),
        specificity=_found(known, theirs, good=False),
        seen=seen,
        true=true,
        biases=biases(items, scale, author),
        canaries=canaries,
        least_kappa=least_kappa,
        model=model,
        made=made,
    )
    return _with_standing(found)


def standing(calibration: Calibration | None, now: Identity) -> Standing:
    """Whether the judge as it is ``now`` may decide a gate. Default deny: without a calibration, and with one of something else, it may not."""
    if calibration is None:
        return Standing(False, "It was never held against people's labels. Calibrate it: aver judge calibrate")
    then = calibration.identity
    for what, old, new in (
        ("the judge (rubric or model)", then.judge, now.judge),
        ("its labels", then.labels, now.labels),
    ):
        if old != new:
            return Standing(
                False, f"Its calibration is stale: {what} changed since. Calibrate it again: aver judge calibrate"
            )
    return calibration.standing


def read_calibration(file: Path) -> Calibration:
    """Raises :class:`~aver.core.errors.NotFound` for a file that is not there, :class:`~aver.core.errors.InvalidInput` for another one. Whether it may gate is
    worked out again from its figures: the file's word for it counts for nothing."""
    other = InvalidInput(f"{str(file)!r} is no calibration of this format", "Make it again: aver judge calibrate")
    try:
        written = json.loads(file.read_text(encoding="utf-8"))
        found = _read(written) if written["format"] == FORMAT else None
    except OSError as error:
        raise NotFound(f"{str(file)!r} cannot be read: {error.strerror}", "Make one: aver judge calibrate") from None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise other from None
    if found is None:
        raise other
    return _with_standing(found)


def powered(labels: Labels, scale: Scale | None, others: Sequence[Rating]) -> Interval:
    """The rate of good, or of first, among what people labelled and what the judge alone saw, ``others``, taken together: narrower than the labels' own, where
    the labels are of the same kind of things."""
    known = [each for each in labels.items if each.verdict is not None]
    said = np.array([float(_good(each.consensus, scale)) for each in known])
    seen = np.array([float(_good(each.verdict, scale)) for each in known if each.verdict is not None])
    return prediction_powered(said, seen, np.array([float(_good(each, scale)) for each in others]))


def _with_standing(found: Calibration) -> Calibration:
    return replace(found, standing=_standing(found))


def _standing(found: Calibration) -> Standing:
    if found.items < LEAST:
        return Standing(False, f"{found.items} labels are too few; {LEAST} are the least")
    if found.kappa is None or found.kappa.low is None:
        return Standing(False, "Its agreement with people cannot be told from chance: they say the same of everything")
    if found.canaries is not None and found.canaries[0] > _MOST_OBEYED * found.canaries[1]:
        obeyed, of = found.canaries
        return Standing(False, f"It obeys what it judges: {obeyed} of {of} responses that told it to call them good")
    agreed = judged(found.kappa, found.least_kappa)
    between = f"kappa {found.kappa.value:.2f} ({found.kappa.low:.2f} to {found.kappa.high:.2f}, {found.items} labels)"
    if agreed.outcome == "pass":
        return Standing(True, f"It agrees with people: {between}, at least {found.least_kappa:g}")
    if agreed.outcome == "fail":
        return Standing(False, f"It agrees too little with people: {between}, below {found.least_kappa:g}")
    more = f"; {agreed.needed} labels would tell" if agreed.needed else ""
    return Standing(
        False, f"It is not known to agree enough with people: {between}, to be {found.least_kappa:g} at least{more}"
    )


def _good(rating: Rating, scale: Scale | None) -> bool:
    return rating == "first" if scale is None else int(rating) >= scale.good


def _found(known: Sequence[tuple[bool, bool]], clusters: Sequence[Hashable] | None, *, good: bool) -> Interval | None:
    """Of what people call good, or not, the share that the judge does too."""
    kept = [at for at, (people, _) in enumerate(known) if people == good]
    if not kept:
        return None
    values = [float(known[at][1] == good) for at in kept]
    return interval(_columns(values), clusters=None if clusters is None else [clusters[at] for at in kept])


def _columns(values: Sequence[float]) -> Any:
    return np.column_stack((values, np.ones(len(values))))


def _check(items: Sequence[Labelled], scale: Scale | None) -> None:
    if (scale is None) != items[0].paired:
        raise InvalidInput(
            "The labels are of another kind than the judge", "Pairs are for pairwise judges, grades for rubrics."
        )
    if scale is None:
        return
    for item in items:
        for said in item.labels.values():
            if not 0 <= worth(said, scale) <= 1:
                raise InvalidInput(
                    f"{item.id!r:.60}: {said} is not on the scale from {scale.least} to {scale.most}",
                    "Correct the label, or the scale: --scale LEAST-MOST.",
                )


def _on(item: Labelled, scale: Scale | None) -> Labelled:
    off = scale is not None and item.judge is not None and not 0 <= worth(item.judge, scale) <= 1
    return replace(item, judge=None, swapped=None, failed=True) if off else item


def _read(written: Mapping[str, Any]) -> Calibration:
    given = {name: value for name, value in written.items() if name not in ("format", "standing")}
    for name in _FIGURES:
        given[name] = None if given[name] is None else Interval(**given[name])
    given["identity"] = Identity(**given["identity"])
    given["canaries"] = None if given["canaries"] is None else tuple(map(int, given["canaries"]))
    given["biases"] = [Bias(each["name"], each["said"], Interval(**each["amount"])) for each in given["biases"]]
    return Calibration(**given)
