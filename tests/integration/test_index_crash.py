"""Killed at random moments of everything that is done to it, an index verifies at once: one moment of each kind.

``bench/crash.py`` kills two hundred times.
"""

from __future__ import annotations

from aver.testing import crash


def test_killed_at_any_moment_of_its_life_it_verifies(tmp_path):
    crashes = crash.Crashes(tmp_path / "data", seed=11)
    for number, kind in crashes.run(len(crash.KINDS)):
        print(f"seed 11: {number} killed, at {kind}")
    crashes.finish()
    crashes.close()
    assert crashes.found.problems == []
    assert set(crashes.found.killed) == set(crash.KINDS)


def test_what_is_lost_or_half_there_is_noticed(tmp_path, monkeypatch):
    """The look that follows each kill, at data that something is wrong with."""
    crashes = crash.Crashes(tmp_path / "data", seed=11)
    opened = crashes._opened
    kept = next(each.id for each in opened.knowledge.documents(opened.user) if each.title == "Kept 0")
    doing = opened.knowledge._changes()
    with opened.knowledge._store.lock("knowledge"):
        writer = doing.open()
        writer.remove([kept])
        with doing.commit(writer):
            pass
    crashes._look("ingestion", "tampered with")
    assert "0 of its passages are in the index" in crashes.found.problems[0]
    crashes.found.problems.clear()
    opened.knowledge.index.repair()
    opened.knowledge.delete(opened.user, kept)
    crashes._look("ingestion", "tampered with")
    assert crashes.found.problems == ["ingestion, tampered with: Kept 0 is lost"]
    crashes.close()
