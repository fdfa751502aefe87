"""The demo's releases: a prompt changed for the worse does not get through, one that was only reworded does."""

import json
import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).parents[2] / "demo" / "releases.py"


def test_a_release_is_gated_rolled_out_and_promoted_and_a_bad_one_rolled_back(tmp_path):
    done = subprocess.run(
        [sys.executable, str(DEMO), "--folder", str(tmp_path / "releases"), "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    came = json.loads(done.stdout)
    assert came["first gate"] == "pass"
    assert came["second gate"] in ("pass", "inconclusive")
    assert came["third gate"] == "fail"
    assert len(came["cases"]) >= 20
    assert came["second rollout"]["status"] == "promoted"
    assert came["third rollout"]["status"] == "rolled_back"
    assert "groundedness" in came["third rollout"]["reason"]
    # Everybody had one of two releases, and the candidate was the rarer one until its end.
    turns = came["third rollout"]["turns"]
    assert set(turns) == {came["second"], came["third"]}
    assert turns[came["third"]] < turns[came["second"]]
    assert came["in force"] == came["second"]
    evidence = came["evidence"]
    assert evidence["release_created"] == 3
    assert evidence["gated"] == evidence["evaluated"] == 3
    assert evidence["release_promoted"] == 2
    assert evidence["staged"] >= 6
