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
    rows = bench.sequential(8)
    wrong = sum(row[key] for row in rows for key in ("one", "two", "two_at_5_percent")) * 8
    assert wrong <= 12, "of 120; one in twenty would be six"


def test_planned_looks_and_power_come_out_as_foreseen(bench):
    for row in bench.spending(200):
        assert row["error"] == pytest.approx(0.05, abs=0.015)
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
