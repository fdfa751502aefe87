"""What a drill in place has to take back is taken back, whatever becomes of whoever drills."""

import multiprocessing
import os
import signal
import time

import pytest

from aver.core.errors import Conflict
from aver.server.drills.undoing import Staged, Undo, pending, staged, taking_back, undo


def nothing_else(what):
    pytest.fail(f"{what} is a file")


def lose(folder):
    """A database that is gone, with what puts it back."""
    database, aside = folder / "tenant.db", folder / "tenant.db.drilled"
    database.write_text("all of it")
    return Undo("file", str(database), str(aside)), database, aside


def test_a_file_is_put_back_unless_there_is_one(tmp_path):
    what, database, aside = lose(tmp_path)
    with taking_back(tmp_path, [what], nothing_else):
        database.rename(aside)
        assert pending(tmp_path)
        assert not undo(tmp_path, nothing_else)  # it is under way
    assert database.read_text() == "all of it"
    assert not pending(tmp_path)
    with taking_back(tmp_path, [what], nothing_else):
        database.rename(aside)
        database.write_text("rescued")
    assert database.read_text() == "rescued"
    assert not aside.exists()


def test_a_tree_is_put_back_unless_it_was_made_anew(tmp_path):
    index, kept = tmp_path / "index", tmp_path / "index.drilled"
    for folder, text in ((index, "noise"), (kept, "whole")):
        (folder / "passages_1.lance").mkdir(parents=True)
        (folder / "passages_1.lance" / "data").write_text(text)
    what = Undo("tree", str(index), str(kept))
    with taking_back(tmp_path, [what], nothing_else):
        pass
    assert (index / "passages_1.lance" / "data").read_text() == "whole"
    kept.mkdir()
    (index / "passages_2.lance").mkdir()
    with taking_back(tmp_path, [what], nothing_else):
        pass
    assert (index / "passages_2.lance").exists()
    assert not kept.exists()


def _drill_and_die(folder, ready):
    what, database, aside = lose(folder)
    with taking_back(
        folder, [what, Undo("remove", str(folder / "filler"))], nothing_else, Staged("source", "wiki", "acme")
    ):
        (folder / "filler").write_text("full")
        database.rename(aside)
        ready.set()
        os.kill(os.getpid(), signal.SIGKILL)


def test_it_is_taken_back_by_others_after_kill_9(tmp_path):
    processes = multiprocessing.get_context("spawn")
    ready = processes.Event()
    process = processes.Process(target=_drill_and_die, args=(tmp_path, ready))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not (tmp_path / "tenant.db").exists()
    assert staged(tmp_path) is None  # nobody is behind it any more
    assert undo(tmp_path, nothing_else)
    assert (tmp_path / "tenant.db").read_text() == "all of it"
    assert not (tmp_path / "filler").exists()
    assert not undo(tmp_path, nothing_else)


def test_two_at_once_are_refused(tmp_path):
    with taking_back(tmp_path, [], nothing_else), pytest.raises(Conflict), taking_back(tmp_path, [], nothing_else):
        pytest.fail("one is under way")


def test_a_note_that_was_cut_off_stands_for_nothing(tmp_path):
    (tmp_path / "drill.json").write_text('[{"kind": "rem')
    assert not undo(tmp_path, nothing_else)
    assert not pending(tmp_path)


def test_a_fault_is_staged_for_as_long_as_somebody_is_behind_it(tmp_path):
    fault = Staged("slow", "http://127.0.0.1:9/v1", seconds=1.5)
    assert staged(tmp_path) is None
    with taking_back(tmp_path, [], nothing_else, fault):
        assert staged(tmp_path) == fault
        assert not undo(tmp_path, nothing_else)
    assert staged(tmp_path) is None


def test_what_cannot_be_taken_back_now_is_left_to_whoever_serves(tmp_path):
    what, tries = Undo("source", "acme", "drill-1"), []

    def fail(undo):
        tries.append(undo)
        raise Conflict("Another process is at it", "Wait.")

    with pytest.raises(Conflict), taking_back(tmp_path, [what], fail):
        pass
    assert pending(tmp_path)
    assert undo(tmp_path, tries.append)
    assert tries == [what, what]
    assert not pending(tmp_path)


def test_what_is_done_of_itself_is_looked_for_again_for_a_while(tmp_path, monkeypatch):
    what, taken, now = Undo("mitigations", "acme", "2026-11-28T02:00:00+00:00"), [], [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    fault = Staged("outage", "http://127.0.0.1:9/v1")
    with taking_back(tmp_path, [what], taken.append, fault):
        pass
    assert staged(tmp_path) is None
    assert len(taken) == 1
    now[0] += 29
    with taking_back(tmp_path, [], taken.append):  # the next drill keeps looking for it
        pass
    assert pending(tmp_path)
    now[0] += 2
    assert not undo(tmp_path, taken.append)
    assert len(taken) == 4
    assert not pending(tmp_path)
    assert not undo(tmp_path, taken.append)
