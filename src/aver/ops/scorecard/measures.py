"""How each figure is made of what is known of a stretch of time: pure. Intervals are of 95 %."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from statistics import median

import numpy as np

from aver.evals.gates.saying import counted
from aver.evals.statistics.distributions import normal_quantile, student_quantile
from aver.evals.statistics.intervals import CONFIDENCE, LEAST, interval, wilson
from aver.ops.scorecard.counting import estimate
from aver.ops.scorecard.types import Exposure, Lack, Measured, Occurred, Shipped, Stretch
from aver.ops.sums import quantile, values

__all__ = [
    "UNCHECKED",
    "adoption",
    "assets",
    "cost_per_task",
    "coverage",
    "escapes",
    "hallucinations",
    "incident_count",
    "injections",
    "p95",
    "precision",
    "reuse",
    "satisfaction",
    "share",
    "shipping",
    "spend",
    "time_to_detect",
    "time_to_mitigate",
    "token_efficiency",
]

UNCHECKED = Lack("no check looks for personal data in answers", "Declare it: guardrails: {output: {personal: redact}}.")
_UNASKED = Lack("nothing was asked in this period", "Ask something, or choose a longer period.")
_DAY = 86_400.0
_MANY = 400


def share(good: str, of: str, lack: Lack = _UNASKED, *, less: str = "") -> Callable[[Stretch], Measured | Lack]:
    """The part of ``of`` that is ``good``, or, given ``less``, ``good`` without that part."""

    def measure(stretch: Stretch) -> Measured | Lack:
        whole = stretch.card.get(of, 0)
        part = stretch.card.get(good, 0) - (stretch.card.get(less, 0) if less else 0)
        return _share(part, whole) if whole else lack

    return measure


def adoption(stretch: Stretch) -> Measured | Lack:
    """Users are estimated from a sketch, to some 3 %."""
    if not stretch.kept.people:
        todo = "Let people sign in through an identity provider, or add them: aver people add NAME."
        return Lack("nobody is on record as one of the tenant's people", todo)
    users = round(estimate(stretch.people))
    everyone = users if stretch.everyone == stretch.people else round(estimate(stretch.everyone))
    whole = max(stretch.kept.people, everyone)
    return Measured(min(users / whole, 1.0), None, None, whole, "counted", f"{users:,} of {whole:,} people")


def hallucinations(stretch: Stretch) -> Measured | Lack:
    answers = stretch.card.get("answers", 0)
    if not answers:
        return _UNASKED
    count = sum(each.unsupported for each in _of_feature(stretch))
    found = _share(min(count, answers), answers)
    low, high = (None if end is None else end * 1000 for end in (found.low, found.high))
    return Measured(found.value * 1000, low, high, answers, "wilson", counted(count, "incident"))


def injections(stretch: Stretch) -> Measured | Lack:
    tried = stretch.tests.get("injections", 0)
    if not tried:
        return Lack("no red-team run with prompt injections is on record", "Run one: aver redteam run --tenant NAME.")
    return _share(stretch.tests.get("injected", 0), tried)


def precision(stretch: Stretch) -> Measured | Lack:
    """At the ``k`` that most cases were measured at."""
    known = {name: n for name, n in stretch.tests.items() if name.startswith("precision.") and name.endswith(".n")}
    if not known:
        todo = "Evaluate a labelled set with the scorer retrieval: aver eval run SUITE --tenant NAME."
        return Lack("no evaluation of retrieval is on record", todo)
    name = max(known, key=lambda each: (known[each], each)).removesuffix(".n")
    found = _share(stretch.tests.get(name, 0), known[f"{name}.n"])
    return Measured(
        found.value, found.low, found.high, found.n, "wilson", f"k = {name.removeprefix('precision.')}, labelled cases"
    )


def spend(stretch: Stretch) -> Measured | Lack:
    turns = stretch.card.get("turns", 0)
    return Measured(stretch.card.get("usd", 0.0), None, None, turns, "counted") if turns else _UNASKED


def cost_per_task(stretch: Stretch) -> Measured | Lack:
    """A ratio of two sums over turns, by linearisation (Cochran, "Sampling Techniques", 1977, section 6.4)."""
    card = stretch.card
    done, n = card.get("done", 0), card.get("turns", 0)
    if not n:
        return _UNASKED
    if not done:
        return Lack("no task was successful in this period", "See why: open the turns that failed.")
    value = card.get("usd", 0) / done
    apart = card.get("usd.2", 0) - 2 * value * card.get("usd.done", 0) + value * value * done
    return _ratio(value, apart, done, n)


def token_efficiency(stretch: Stretch) -> Measured | Lack:
    """As :func:`cost_per_task`, over turns that asked a model."""
    card = stretch.card
    tokens, n = card.get("tokens", 0), card.get("asked", 0)
    if not tokens:
        todo = "Have a model answer: declare one in the bundle, and name it as feature.model."
        return Lack("no turn of this period asked a model for tokens", todo)
    value = card.get("asked.done", 0) / tokens
    apart = card.get("asked.done", 0) - 2 * value * card.get("tokens.done", 0) + value * value * card.get("tokens.2", 0)
    found = _ratio(value, apart, tokens, n)
    low, high = (None if end is None else end * 1e6 for end in (found.low, found.high))
    return Measured(found.value * 1e6, low, high, n, found.method)


def p95(stretch: Stretch) -> Measured | Lack:
    """The ends are the quantiles at the ends of the interval of its share: those order statistics bound it, whatever the times are spread like."""
    n = sum(count for _, count in values(stretch.card, "latency_ms"))
    value = quantile(stretch.card, "latency_ms", 0.95)
    if value is None:
        return _UNASKED
    if n < LEAST:
        return Measured(value / 1000, None, None, n, "too few")
    low, high = (quantile(stretch.card, "latency_ms", end) for end in wilson(0.95, n))
    return Measured(value / 1000, (low or 0.0) / 1000, (high or value) / 1000, n, "order")


def coverage(stretch: Stretch) -> Measured | Lack:
    turns = {release: count for release, count in stretch.turns.items() if release != "-"}
    whole = sum(turns.values())
    if not whole:
        return Lack("no turn of this period went by a release", "Ask the assistant or an agent something.")
    part = sum(count for release, count in turns.items() if release in stretch.tested)
    tested = sum(release in stretch.tested for release in turns)
    return Measured(
        part / whole, None, None, whole, "counted", f"{tested:,} of {counted(len(turns), 'release')} evaluated"
    )


def escapes(stretch: Stretch) -> Measured | Lack:
    """A release is counted where it first met users; it escaped when it did not do there, or later."""
    releases = {each.digest: each for each in stretch.kept.releases if _holds(each, stretch.wanted.feature)}
    seen: set[str] = set()
    let_through: dict[str, bool] = {}
    for each in stretch.kept.exposures:
        release = releases.get(each.digest)
        if release is None or not any(passed <= each.at for passed in release.passed):
            continue
        if each.digest not in seen and stretch.since <= each.at < stretch.until:
            let_through[each.digest] = False
        seen.add(each.digest)
        if each.digest in let_through:
            let_through[each.digest] |= each.back or _departed(each, release, stretch.kept.incidents)
    if not let_through:
        todo = "Gate a release and promote it: aver gate run, aver release promote."
        return Lack("no release that a gate had passed met users in this period", todo)
    return _share(sum(let_through.values()), len(let_through))


def incident_count(stretch: Stretch) -> Measured | Lack:
    count = len(_of_feature(stretch))
    return Measured(float(count), None, None, count, "counted")


def time_to_detect(stretch: Stretch) -> Measured | Lack:
    found = [each.detection_seconds for each in _of_feature(stretch) if each.detection_seconds is not None]
    return _mean(found) if found else Lack("no alert opened an incident in this period", "Nothing: that is good news.")


def time_to_mitigate(stretch: Stretch) -> Measured | Lack:
    found = [each.mitigation_seconds for each in _of_feature(stretch) if each.mitigation_seconds is not None]
    return _mean(found) if found else Lack("no incident of this period was mitigated", "Nothing: that is good news.")


def reuse(stretch: Stretch) -> Measured | Lack:
    feature = stretch.wanted.feature
    mine = [each for each in stretch.kept.components if each.features and (not feature or feature in each.features)]
    if len(stretch.kept.features) < 2:
        return Lack("there is only one feature, which shares nothing", "Declare a second one under agents.")
    if not mine:
        return Lack("no feature is made of a declared part", "Declare prompts, tools, policies or labelled sets.")
    part = sum(len(each.features) > 1 for each in mine)
    return Measured(part / len(mine), None, None, len(mine), "counted", f"{part:,} of {counted(len(mine), 'part')}")


def satisfaction(stretch: Stretch) -> Measured | Lack:
    counts = {score: stretch.tenant.get(f"survey~{score}", 0) for score in range(1, 6)}
    n = sum(counts.values())
    if not n:
        return Lack("nobody has answered the survey in this period", "Ask people to: it is at /survey of the console.")
    mean = sum(score * count for score, count in counts.items()) / n
    found = _share(counts[4] + counts[5], n)
    return Measured(found.value, found.low, found.high, n, "wilson", f"{mean:.1f} of 5 points")


def assets(stretch: Stretch) -> Measured | Lack:
    count = max(stretch.kept.documents - stretch.after, 0)
    if not count:
        return Lack("no document has been taken in", "Take in a folder: aver ingest FOLDER --tenant NAME.")
    return Measured(count, None, None, count, "counted")


def shipping(stretch: Stretch) -> Measured | Lack:
    took = [
        (at - began).total_seconds() / _DAY
        for began, at in _shipped(stretch).values()
        if stretch.since <= at < stretch.until
    ]
    if not took:
        todo = "Freeze a bundle with a new feature and promote it: aver release create, aver release promote."
        return Lack("no feature met users for the first time in this period", todo)
    return Measured(median(took), None, None, len(took), "counted", counted(len(took), "new feature"))


def _shipped(stretch: Stretch) -> Mapping[str, tuple[datetime, datetime]]:
    """By feature, when a release first held it, and when an environment was first pointed to one that does."""
    holding: dict[str, list[Shipped]] = {}
    for release in stretch.kept.releases:
        for feature in release.features:
            holding.setdefault(feature, []).append(release)
    found = {}
    for feature, releases in holding.items():
        if stretch.wanted.feature in ("", feature):
            digests = {each.digest for each in releases}
            whole = [each.at for each in stretch.kept.exposures if each.whole and each.digest in digests]
            if whole:
                found[feature] = min(each.created for each in releases), min(whole)
    return found


def _of_feature(stretch: Stretch) -> list[Occurred]:
    """Those detected meanwhile; one of no feature is of each."""
    feature, since, until = stretch.wanted.feature, stretch.since, stretch.until
    meanwhile = [each for each in stretch.kept.incidents if since <= each.detected < until]
    return [each for each in meanwhile if not feature or each.feature in ("", feature)]


def _departed(exposure: Exposure, release: Shipped, incidents: Sequence[Occurred]) -> bool:
    """Whether there was an incident of quality while the release met users."""
    return any(
        each.quality and exposure.at <= each.detected and (exposure.end is None or each.detected < exposure.end)
        for each in incidents
        if each.feature in ("", *release.features)
    )


def _holds(release: Shipped, feature: str) -> bool:
    return not feature or feature in release.features


def _share(part: float, whole: float) -> Measured:
    value = min(max(part / whole, 0.0), 1.0)
    return Measured(value, *wilson(value, whole), whole, "wilson")


def _ratio(value: float, apart: float, under: float, n: float) -> Measured:
    """``apart`` is the sum of squares of what each unit departs by from the ratio."""
    if n < LEAST:
        return Measured(value, None, None, n, "too few")
    error = math.sqrt(max(apart, 0.0) * n / (n - 1)) / under
    margin = _quantile(n - 1) * error
    return Measured(value, max(value - margin, 0.0), value + margin, n, "student")


def _quantile(freedom: float) -> float:
    """Student's, which is within 0.3 % of the normal one from :data:`_MANY` on, and takes a hundred times as long."""
    end = 0.5 + CONFIDENCE / 2
    return normal_quantile(end) if freedom > _MANY else student_quantile(end, freedom)


def _mean(found: Sequence[float]) -> Measured:
    told = interval(np.array([(each, 1.0) for each in found]))
    few = told.low is None
    return Measured(told.value, told.low, told.high, told.n, "too few" if few else "student")
