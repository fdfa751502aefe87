"""What ``bench/statistics.py`` simulates at length, in seconds: that figures are wrong as often as they say."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCH = Path(__file__).parents[2] / "bench" / "statistics.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("simulations", BENCH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_intervals_hold_the_truth_with_clusters(bench):
    """Of 72 designs together: 1,440 intervals, whose share varies by .006; without clusters they would hold a fifth less."""
    rows = bench.coverage(20)
    assert np.mean([row["coverage"] for row in rows]) == pytest.approx(0.95, abs=0.02)
    assert np.mean([row["alone"] for row in rows if row["icc"]]) < 0.85


def test_gates_decide_about_their_bound_as_often_as_they_say(bench):
    """Of six gates together: 1,200 of them, whose share varies by .006."""
    assert np.mean([row["decided"] for row in bench.gates(200)]) == pytest.approx(0.05, abs=0.02)


def test_sequences_hold_while_they_are_watched(bench, monkeypatch):
    monkeypatch.setattr(bench, "PEEKS", 150)
    rows = bench.sequential(12)
    assert sum(row["anytime"] for row in rows) * 12 <= 5, "of 36; one in twenty would be two"
    assert sum(row["fixed"] for row in rows) * 12 > 5, "which is what looking does to an interval of a fixed size"


def test_bounds_of_rollouts_hold_in_small_arms_and_near_the_ends(bench, monkeypatch):
    """18 designs, four ends each: one in forty would be 7 of 288."""
    monkeypatch.setattr(bench, "TURNS", 1000)
    rows = bench.rollouts(4)
    assert sum(row[end] for row in rows for end in ("worse", "better", "below", "above")) * 4 <= 15


def test_power_comes_out_as_foreseen(bench):
    for row in bench.powers(100):
        assert row["simulated"] == pytest.approx(row["foreseen"], abs=0.16)


def test_corrected_rates_hold_the_truth(bench):
    for row in bench.correction(100):
        assert row["rogan_gladen"] >= 0.88
        assert row["prediction_powered"] >= 0.88


def test_the_other_benchmarks_still_find_the_standard_librarys_module():
    code = (
        f"import sys; sys.path.insert(0, {str(BENCH.parent)!r}); import statistics; print(statistics.median([1, 3, 2]))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.returncode) == ("2\n", 0), done.stderr
