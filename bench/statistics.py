"""Whether Aver's intervals, gates and sequential tests are wrong as often as they say, by simulation of what is known.

``coverage``: how often a 95 % interval holds the truth, for yes-or-no values, values between 0 and 1 and unbounded ones, by how many clusters there are, how large they
are, and how much their questions have in common (ICC); ``alone`` is what the same interval without clusters holds. ``gates``: how often a gate decides about a figure that
is exactly at its bound, or a comparison about two runs that are alike. ``sequential``: how often a confidence sequence is ever wrong when it is looked at
after every value, beside an interval of a fixed size looked at as often; ``spending`` the same of looks that are planned. ``power``: how often a difference is found, as
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

    from aver.evals.statistics.correction import prediction_powered, rogan_gladen
    from aver.evals.statistics.distributions import normal_quantile
    from aver.evals.statistics.intervals import interval
    from aver.evals.statistics.judgement import at_least, noninferior
    from aver.evals.statistics.pairing import difference, verdicts
    from aver.evals.statistics.power import Design, power
    from aver.evals.statistics.sequential import ConfidenceSequence, DifferenceSequence
    from aver.evals.statistics.spending import Looks

TRIALS = 2000
SIZES = {
    "of 8": lambda random, count: random.integers(8, 9, count),
    "of 1 to 15": lambda random, count: random.integers(1, 16, count),
}
PEEKS = 1000


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


def gates(trials: int) -> list[dict]:
    """Each of 200 questions, or of 40 clusters of 5, whose truth is the bound."""

    def runs(random, turned, worse):
        before = (random.random(200) < 0.8).astype(float)
        flips = random.random(200)
        # As many turn either way but for the difference wanted.
        after = np.where(before == 1, flips >= (turned + worse) / 2 / 0.8, flips < (turned - worse) / 2 / 0.2)
        return columns(before), columns(after.astype(float))

    def bound(random):
        return at_least(columns((random.random(200) < 0.8).astype(float)), 0.8).outcome

    def clustered(random):
        values, places = drawn(random, "continuous", 0.8, np.full(40, 5), 0.2)
        return at_least(columns(values), 0.8, places.tolist()).outcome

    def inferior(random):
        return noninferior(*runs(random, 0.2, 0.05), 0.05).outcome

    def continuous(random):
        before = random.beta(4, 1, 200)
        return noninferior(columns(before), columns(before - 0.03 + random.normal(0, 0.2, 200)), 0.03).outcome

    def alike(random):
        found = verdicts({"one": difference(*runs(random, 0.2, 0.0))})["one"]
        return {"better": "pass", "worse": "fail"}.get(found, found)

    def alike_clustered(random):
        shift = random.normal(0, 0.2, 40)[np.repeat(np.arange(40), 5)]
        before = random.random(200)
        both = difference(
            columns(before),
            columns(before + shift + random.normal(0, 0.2, 200)),
            clusters=np.repeat(np.arange(40), 5).tolist(),
        )
        found = verdicts({"one": both})["one"]
        return {"better": "pass", "worse": "fail"}.get(found, found)

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
    streams: dict[str, Callable] = {
        "yes or no, .5": lambda random, n: (random.random(n) < 0.5).astype(float),
        "yes or no, .95": lambda random, n: (random.random(n) < 0.95).astype(float),
        "between 0 and 1": lambda random, n: random.beta(4, 1, n),
        "unbounded, normal": lambda random, n: random.normal(3, 1, n),
        "unbounded, skewed": lambda random, n: random.exponential(1, n),
    }
    means = {
        "yes or no, .5": 0.5,
        "yes or no, .95": 0.95,
        "between 0 and 1": 0.8,
        "unbounded, normal": 3,
        "unbounded, skewed": 1,
    }
    found = []
    for name, draw in streams.items():
        bounds = None if "unbounded" in name else (0.0, 1.0)
        random = np.random.default_rng(2000 + len(found))
        wrong = dict.fromkeys(("one", "two", "two_at_5_percent", "fixed"), 0)
        for _ in range(trials):
            values, others = draw(random, PEEKS), draw(random, PEEKS)
            wrong["one"] += _ever(ConfidenceSequence(bounds=bounds), [([v],) for v in values], means[name])
            for share, key in ((0.5, "two"), (0.05, "two_at_5_percent")):
                ours = random.random(PEEKS) < share
                fed = [([], [v]) if mine else ([v], []) for v, mine in zip(others, ours, strict=True)]
                wrong[key] += _ever(DifferenceSequence(bounds=bounds), fed, 0.0)
            wrong["fixed"] += _fixed(values, means[name])
        found.append({"values": name} | {key: count / trials for key, count in wrong.items()})
    return found


def _ever(sequence, fed, truth: float) -> bool:
    for values in fed:
        sequence.update(*values)
        if sequence.excludes(truth):
            return True
    return False


def _fixed(values, truth: float) -> bool:
    """Whether the usual interval excludes the truth at any of the looks from the twentieth value on."""
    n = np.arange(1, len(values) + 1)
    means = np.cumsum(values) / n
    variances = np.maximum(np.cumsum(values**2) / n - means**2, 0)
    return bool((np.abs(means - truth) > normal_quantile(0.975) * np.sqrt(variances / n))[19:].any())


def spending(trials: int) -> list[dict]:
    found = []
    for kind in ("obrien_fleming", "pocock"):
        looks = Looks(500, spending=kind)
        bars = [(n, normal_quantile(0.5 + looks.at(n) / 2)) for n in (100, 200, 300, 400, 500)]
        sums = np.cumsum(np.random.default_rng(3).normal(0, 1, (trials * 10, 500)), axis=1)
        stopped = np.zeros(len(sums), bool)
        for n, bar in bars:
            stopped |= np.abs(sums[:, n - 1]) / math.sqrt(n) > bar
        row = {"spending": kind, "looks": [n for n, _ in bars], "bars": [round(bar, 3) for _, bar in bars]}
        found.append(row | {"error": round(float(stopped.mean()), 4)})
    return found


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
        "spending": spending,
        "power": powers,
        "correction": correction,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--trials", type=int, default=TRIALS, help="samples for each figure; a tenth of them for sequential tests"
    )
    parser.add_argument("--only", nargs="+", choices=tuple(jobs), default=list(jobs), help="which figures")
    options = parser.parse_args()
    found = {}
    for name in options.only:
        print(name, file=sys.stderr, flush=True)
        found[name] = jobs[name](max(20, options.trials // 10) if name == "sequential" else options.trials)
    if options.json:
        print(json.dumps({"trials": options.trials, **found}))
        return
    for name, rows in found.items():
        print(f"\n{name}")
        for row in rows:
            print("  " + "  ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
