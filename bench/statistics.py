"""Whether Aver's intervals, gates and sequential tests are wrong as often as they say, by simulation of what is known.

``coverage``: how often a 95 % interval holds the truth, for yes-or-no values, values between 0 and 1 and unbounded ones, by how many clusters there are, how large they
are, and how much their questions have in common (ICC); ``alone`` is what the same interval without clusters holds. ``gates``: how often the gate, as ``aver gate`` asks it, decides about a figure that
is exactly at its bound, or a comparison about two runs that are alike. ``sequential``: how often a confidence sequence is ever wrong when it is looked at
after every value, beside an interval of a fixed size looked at as often; ``rollouts`` the same of the bounds that roll releases back and let them on, where
the candidate has 5, 50 or 95 % of the traffic and nearly all turns go well, or badly. ``power``: how often a difference is found, as
foreseen and as simulated. ``correction``: how often the interval of a judge's corrected rate holds the truth.

    python bench/statistics.py --json [--trials 2000] [--only coverage gates]
"""

from __future__ import annotations

if __name__ == "statistics":
    # The other benchmarks find this file before the standard library's module of the same name, which is the one that they mean.
    import importlib.util
    import sys
    import sysconfig

    spec = importlib.util.spec_from_file_location("statistics", f"{sysconfig.get_path('stdlib')}/statistics.py")
    sys.modules["statistics"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
else:
    import argparse
    import json
    import math
    import sys
    from collections.abc import Callable
    from itertools import product

    import numpy as np

    from aver.evals.gates.comparing import compare
    from aver.evals.gates.declaration import parse_condition
    from aver.evals.gates.judging import Trial, judge
    from aver.evals.gates.sheet import Row, Sheet
    from aver.evals.statistics.correction import prediction_powered, rogan_gladen
    from aver.evals.statistics.distributions import normal_quantile
    from aver.evals.statistics.intervals import interval
    from aver.evals.statistics.pairing import difference
    from aver.evals.statistics.power import Design, power
    from aver.evals.statistics.sequential import ConfidenceSequence
    from aver.evals.types import RunHeader
    from aver.releases.rollout.sequences import compare as arms_compared
    from aver.releases.rollout.sequences import level

TRIALS = 2000
SIZES = {
    "of 8": lambda random, count: random.integers(8, 9, count),
    "of 1 to 15": lambda random, count: random.integers(1, 16, count),
}
PEEKS = 1000
USERS, TURNS = 1000, 4000
ERROR = 0.025
if __name__ != "statistics":
    HEADER = RunHeader("bench", "bench", "0" * 64, 200, "made up", "", "", {}, 0, 1, "2026-11-27T00:00:00Z", "bench")


def columns(values):
    return np.column_stack((values, np.ones(len(values))))


def drawn(random, kind: str, mean: float, sizes, icc: float):
    """Values in clusters of these sizes, and the cluster of each. ``icc`` is of the chance, or the mean, that a cluster has."""
    places = np.repeat(np.arange(len(sizes)), sizes)
    if kind == "lognormal":
        shared = random.normal(0, math.sqrt(icc), len(sizes))[places]
        return np.exp(shared + random.normal(0, math.sqrt(1 - icc), len(places))), places
    spread = 1 / icc - 1 if icc else 0
    shares = random.beta(mean * spread, (1 - mean) * spread, len(sizes)) if icc else np.full(len(sizes), mean)
    own = np.clip(shares, 1e-6, 1 - 1e-6)[places]
    if kind == "binary":
        return (random.random(len(places)) < own).astype(float), places
    return random.beta(3 * own, 3 * (1 - own)), places


def coverage(trials: int) -> list[dict]:
    found = []
    kinds = [("binary", 0.8), ("binary", 0.5), ("continuous", 0.8), ("lognormal", math.exp(0.5))]
    for (kind, mean), count, size, icc in product(kinds, (20, 50, 100), SIZES, (0.0, 0.1, 0.3)):
        random = np.random.default_rng(len(found))
        held = alone = 0
        effective = []
        for _ in range(trials):
            values, places = drawn(random, kind, mean, SIZES[size](random, count), icc)
            each, plain = interval(columns(values), clusters=places.tolist()), interval(columns(values))
            held += each.low <= mean <= each.high
            alone += plain.low <= mean <= plain.high
            effective.append(each.effective / each.n)
        row = {"values": kind, "mean": round(mean, 2), "clusters": count, "size": size, "icc": icc}
        figures = {"coverage": held / trials, "alone": alone / trials, "effective": round(float(np.mean(effective)), 2)}
        found.append(row | figures)
    return found


def sheet(values, places=None) -> Sheet:
    """A whole run whose cases have these values of the measure ``right``."""
    names = [f"case-{place}" for place in range(len(values))]
    clusters = names if places is None else [str(place) for place in places]
    rows = {
        name: Row({"right": (float(value), 1.0)}, (), cluster, 1)
        for name, value, cluster in zip(names, values, clusters, strict=True)
    }
    return Sheet(HEADER, True, rows)


def gated(condition: str, run: Sheet, baseline: Sheet | None = None) -> str:
    """What the gate says, as ``aver gate`` asks it."""
    return judge([parse_condition(condition)], [Trial("bench", run, baseline)]).outcome


def gates(trials: int) -> list[dict]:
    """Each of 200 questions, or of 40 clusters of 5, whose truth is the bound."""

    def runs(random, turned, worse):
        before = (random.random(200) < 0.8).astype(float)
        flips = random.random(200)
        # As many turn either way but for the difference wanted.
        after = np.where(before == 1, flips >= (turned + worse) / 2 / 0.8, flips < (turned - worse) / 2 / 0.2)
        return before, after.astype(float)

    def compared(before, after, places=None):
        found = compare(sheet(before, places), sheet(after, places)).changes["right"].difference.verdict
        return {"better": "pass", "worse": "fail"}.get(found, found)

    def bound(random):
        return gated("right>=0.8", sheet((random.random(200) < 0.8).astype(float)))

    def clustered(random):
        return gated("right>=0.8", sheet(*drawn(random, "continuous", 0.8, np.full(40, 5), 0.2)))

    def inferior(random):
        before, after = runs(random, 0.2, 0.05)
        return gated("right>=baseline-0.05", sheet(after), sheet(before))

    def continuous(random):
        before = random.beta(4, 1, 200)
        after = before - 0.03 + random.normal(0, 0.2, 200)
        return gated("right>=baseline-0.03", sheet(after), sheet(before))

    def alike(random):
        return compared(*runs(random, 0.2, 0.0))

    def alike_clustered(random):
        places = np.repeat(np.arange(40), 5)
        shift = random.normal(0, 0.2, 40)[places]
        before = random.random(200)
        return compared(before, before + shift + random.normal(0, 0.2, 200), places)

    tried: dict[str, Callable] = {
        "at least .8, yes or no": bound,
        "at least .8, clustered": clustered,
        "no worse by .05, yes or no": inferior,
        "no worse by .03, continuous": continuous,
        "compared, yes or no": alike,
        "compared, clustered": alike_clustered,
    }
    found = []
    for number, (name, job) in enumerate(tried.items()):
        random = np.random.default_rng(1000 + number)
        outcomes = [job(random) for _ in range(trials)]
        passed, failed = (outcomes.count(outcome) / trials for outcome in ("pass", "fail"))
        found.append({"gate": name, "passed": passed, "failed": failed, "decided": round(passed + failed, 4)})
    return found


def sequential(trials: int) -> list[dict]:
    streams: dict[str, tuple[float, Callable]] = {
        "yes or no, .5": (0.5, lambda random, n: (random.random(n) < 0.5).astype(float)),
        "yes or no, .95": (0.95, lambda random, n: (random.random(n) < 0.95).astype(float)),
        "between 0 and 1": (0.8, lambda random, n: random.beta(4, 1, n)),
    }
    found = []
    for name, (mean, draw) in streams.items():
        random = np.random.default_rng(2000 + len(found))
        wrong = dict.fromkeys(("anytime", "fixed"), 0)
        for _ in range(trials):
            values = draw(random, PEEKS)
            wrong["anytime"] += _ever(values, mean)
            wrong["fixed"] += _fixed(values, mean)
        found.append({"values": name} | {key: count / trials for key, count in wrong.items()})
    return found


def _ever(values, truth: float) -> bool:
    sequence = ConfidenceSequence()
    for value in values:
        sequence.update([value])
        if sequence.excludes(truth):
            return True
    return False


def _fixed(values, truth: float) -> bool:
    """Whether the usual interval excludes the truth at any of the looks from the twentieth value on."""
    n = np.arange(1, len(values) + 1)
    means = np.cumsum(values) / n
    variances = np.maximum(np.cumsum(values**2) / n - means**2, 0)
    return bool((np.abs(means - truth) > normal_quantile(0.975) * np.sqrt(variances / n))[19:].any())


def rollouts(trials: int) -> list[dict]:
    """Bounds of a rollout at ``ERROR`` on either side, looked at every 20 of :data:`TURNS` turns of 1,000 users who keep their arm: how often an end is ever wrong."""
    found = []
    designs = [(0.02, 0.0), (0.98, 0.0), (0.98, -0.03)]
    for (mean, effect), part, icc in product(designs, (0.05, 0.5, 0.95), (0.0, 0.1)):
        wrong = dict.fromkeys(("worse", "better", "below", "above"), 0)
        for trial in range(trials):
            wrong_now = _peeked(np.random.default_rng(trial), mean, effect, part, icc)
            wrong = {key: count + (key in wrong_now) for key, count in wrong.items()}
        row = {"mean": mean, "effect": effect, "candidate's part": part, "icc": icc}
        found.append(row | {key: round(count / trials, 4) for key, count in wrong.items()})
    return found


def _peeked(random, mean: float, effect: float, part: float, icc: float) -> set[str]:
    """Which bounds were ever wrong: the candidate said to be worse than it is against the control, or better; its own mean below what it is, or above."""
    arms, groups = (random.random(USERS) < part).astype(int), random.integers(0, 128, USERS)
    means = np.where(arms == 1, mean + effect, mean)
    own = random.beta(means * (1 / icc - 1), (1 - means) * (1 / icc - 1)) if icc else means
    activity = random.exponential(1, USERS)
    sums, wrong = np.zeros((1, 2, 128, 7)), set()
    for _ in range(TURNS // 20):
        users = random.choice(USERS, 20, p=activity / activity.sum())
        values = (random.random(20) < own[users]).astype(float)
        nothing = np.zeros(20)
        cells = np.column_stack((np.ones(20), np.ones(20), values, nothing, values, nothing, nothing))
        np.add.at(sums, (0, arms[users], groups[users]), cells)
        if against := arms_compared(sums, 1, ERROR, ERROR, share=True):
            wrong |= {"worse"} if against.high < effect else set()
            wrong |= {"better"} if against.low > effect else set()
        if alone := level(sums[:, 1], ERROR, ERROR, share=True):
            wrong |= {"below"} if alone.high < mean + effect else set()
            wrong |= {"above"} if alone.low > mean + effect else set()
    return wrong


def powers(trials: int) -> list[dict]:
    found = []
    for n, (effect, turned) in product((50, 100, 200, 400, 800), ((0.05, 0.15), (0.1, 0.2))):
        random = np.random.default_rng(n)
        seen = 0
        for _ in range(trials):
            flips = random.choice([1.0, 0.0, -1.0], n, p=[(turned + effect) / 2, 1 - turned, (turned - effect) / 2])
            before = np.where(flips == 0, random.random(n) < 0.7, flips < 0).astype(float)
            seen += difference(columns(before), columns(before + flips)).low > 0
        design = Design(math.sqrt(turned - effect**2))
        foreseen = round(power(n, effect, design), 3)
        found.append({"n": n, "effect": effect, "turned": turned, "foreseen": foreseen, "simulated": seen / trials})
    return found


def correction(trials: int) -> list[dict]:
    found = []
    for rate, right1, right0 in ((0.5, 0.8, 0.8), (0.8, 0.9, 0.7), (0.95, 0.9, 0.7)):
        random = np.random.default_rng(4)
        held = dict.fromkeys(("rogan_gladen", "prediction_powered", "uncorrected"), 0)
        for _ in range(trials):
            shares = ((400, rate * right1 + (1 - rate) * (1 - right0)), (100, right1), (60, right0))
            each = rogan_gladen(*(interval(columns((random.random(n) < p).astype(float))) for n, p in shares))
            held["rogan_gladen"] += each is not None and each.low <= rate <= each.high
            truth = random.random(500) < rate
            seen = np.where(truth, random.random(500) < right1, random.random(500) >= right0).astype(float)
            powered = prediction_powered(truth[:100].astype(float), seen[:100], seen[100:])
            held["prediction_powered"] += powered.low <= rate <= powered.high
            plain = interval(columns(seen))
            held["uncorrected"] += plain.low <= rate <= plain.high
        row = {"rate": rate, "sensitivity": right1, "specificity": right0}
        found.append(row | {name: count / trials for name, count in held.items()})
    return found


def main() -> None:
    jobs = {
        "coverage": coverage,
        "gates": gates,
        "sequential": sequential,
        "rollouts": rollouts,
        "power": powers,
        "correction": correction,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--trials",
        type=int,
        default=TRIALS,
        help="samples for each figure; a tenth of them for what is looked at again and again",
    )
    parser.add_argument("--only", nargs="+", choices=tuple(jobs), default=list(jobs), help="which figures")
    options = parser.parse_args()
    found = {}
    for name in options.only:
        print(name, file=sys.stderr, flush=True)
        some = max(20, options.trials // 10) if name in ("sequential", "rollouts") else options.trials
        found[name] = jobs[name](some)
    if options.json:
        print(json.dumps({"trials": options.trials, **found}))
        return
    for name, rows in found.items():
        print(f"\n{name}")
        for row in rows:
            print("  " + "  ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
