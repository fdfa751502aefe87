"""From a run's file to its figures: by clusters, by slice, at once."""

from __future__ import annotations

import random

import numpy as np
import pytest

from aver.evals.abstention import auroc
from aver.evals.report import measured
from aver.evals.running.file import RunWriter, read_run
from aver.evals.statistics.intervals import interval
from aver.evals.types import Result, RunHeader

HEADER = RunHeader("s", "s.jsonl", "d", 0, "t", "", "", {}, 0, 1, "2026-11-27T09:00:00Z", "1")


def report_of(tmp_path, results):
    path = tmp_path / "a.run.jsonl"
    path.unlink(missing_ok=True)
    writer = RunWriter.begin(path, HEADER)
    for each in results:
        writer.add(each)
    writer.close()
    return measured(read_run(path))


def rated(number: int, right: bool, **given) -> Result:
    return Result(
        f"c{number}", given.pop("repeat", 0), {"exact": (float(right), 1.0), **given.pop("values", {})}, **given
    )


def test_figures_are_those_of_all_results_and_of_each_slice(tmp_path):
    results = [rated(number, number % 4 > 0, tags=("even",) * (number % 2 == 0)) for number in range(40)]
    results.append(Result("lost", 0, {}, error="time-limit"))
    found = report_of(tmp_path, results)
    columns = np.array([(float(number % 4 > 0), 1.0) for number in range(40)])
    assert found.overall["exact"] == interval(columns)
    assert found.slices["even"]["exact"] == interval(columns[::2])
    assert (found.cases, found.results, found.failed) == (41, 41, {"time-limit": 1})
    assert report_of(tmp_path, results[::-1]).overall == found.overall


def test_repeats_and_clusters_do_not_make_a_figure_surer(tmp_path):
    draw = random.Random(1)
    truth = [draw.random() < 0.7 for _ in range(60)]
    alone = report_of(tmp_path, [rated(number, right) for number, right in enumerate(truth)])
    again = report_of(
        tmp_path, [rated(number, right, repeat=repeat) for number, right in enumerate(truth) for repeat in range(5)]
    )
    clustered = report_of(
        tmp_path,
        [
            rated(5 * number + part, right, cluster=f"d{number}")
            for number, right in enumerate(truth)
            for part in range(5)
        ],
    )

    def width(each):
        return each.overall["exact"].high - each.overall["exact"].low

    assert alone.overall["exact"].value == pytest.approx(again.overall["exact"].value)
    assert (again.clusters, clustered.clusters, again.results) == (60, 60, 300)
    assert width(again) == pytest.approx(width(alone), rel=0.15)
    assert width(clustered) == pytest.approx(width(alone), rel=0.15)
    naive = report_of(tmp_path, [rated(number, right) for number, right in enumerate(truth * 5)])
    assert width(naive) < width(again) / 1.8


def test_what_is_no_share_has_no_interval_of_one(tmp_path):
    found = report_of(tmp_path, [rated(number, True, values={"cost_usd": (0.0, 1.0)}) for number in range(30)])
    assert (found.overall["cost_usd"].low, found.overall["cost_usd"].high) == (0, 0)
    assert found.cost_usd == 0
    few = report_of(tmp_path, [rated(number, True, values={"latency_ms": (float(number), 1.0)}) for number in range(5)])
    assert few.overall["latency_ms"].low is None
    assert few.latency["latency_ms"].p50 == 2
    assert few.cost_usd is None


def test_confidence_becomes_an_area_and_a_curve(tmp_path):
    draw = random.Random(2)
    results, scores = [], {True: [], False: []}
    for number in range(200):
        answerable = number % 3 > 0
        odds = draw.gauss(1.0 if answerable else -1.0, 1.5)
        scores[answerable].append(odds)
        given = odds > 0
        values = {
            "confidence": (odds, 0.0),
            "answered" if answerable else "held_back": (float(given == answerable), 1.0),
        }
        values["right_if_given"] = (float(answerable), 1.0)
        results.append(Result(f"c{number}", 0, values))
    found = report_of(tmp_path, results)
    assert found.overall["auroc"].value == pytest.approx(auroc(scores[True], scores[False]))
    assert found.overall["auroc"].low < found.overall["auroc"].value < found.overall["auroc"].high
    assert "confidence" not in found.overall
    assert found.curve[-1].coverage == 1
    assert found.unanswerable == len(scores[False])
    answered = sum(odds > 0 for each in scores.values() for odds in each)
    wrong = sum(odds > 0 for odds in scores[False])
    assert (found.operating.coverage, found.operating.risk) == (answered / 200, pytest.approx(wrong / answered))


def test_a_report_of_many_is_not_drawn(tmp_path, monkeypatch):
    draw = random.Random(4)
    monkeypatch.setattr("aver.evals.statistics.intervals.resamples", lambda *given, **named: pytest.fail("it draws"))
    names = [f"m{number}" for number in range(5)]
    results = []
    for number in range(3000):
        values = {name: (draw.random(), 1.0) for name in names}
        values |= {"confidence": (draw.gauss(0, 1), 0.0), "answered" if number % 2 else "held_back": (1.0, 1.0)}
        results.append(Result(f"c{number}", 0, values, (f"t{number % 3}",)))
    found = report_of(tmp_path, results)
    assert len(found.slices) == 3
    assert found.overall["auroc"].method == "student"
    assert all(each.low <= each.value <= each.high for each in found.overall.values())


def test_measures_stand_as_the_scorers_are_named(tmp_path):
    """Also where the case that is done first lacks the measures of some of them."""
    results = [
        rated(1, True, values={"short": (1.0, 1.0)}),
        rated(2, True, values={"mrr": (1.0, 1.0), "short": (1.0, 1.0)}),
    ]
    for each in (results, results[::-1]):
        assert list(report_of(tmp_path, each).overall) == ["exact", "mrr", "short"]
