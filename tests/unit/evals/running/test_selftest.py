"""A labelled set is tested itself: what doing nothing passes and what its own labels fail."""

from __future__ import annotations

from aver.evals.running.selftest import self_test
from aver.evals.scorers.kinds import Judged, Means, named_gold
from aver.evals.scorers.registry import Declared, scorers_of
from aver.evals.targets.null import Oracle
from aver.evals.types import Called, Case


async def self_tested(cases, *names):
    scorers = [name if isinstance(name, Judged) else scorers_of([Declared(name)], Means())[0] for name in names]
    return await self_test(cases, scorers, Oracle(named_gold))


async def test_a_sound_set_tells_the_two_apart():
    cases = [
        Case("a", "?", expected="ten"),
        Case("b", "?", calls=(Called("x"),)),
        Case("c", "?", refuse=True),
        Case("d", "?", unanswerable=True),
    ]
    found = await self_tested(cases, "exact", "tool_calls", "refusal", "answers")
    assert found.ok, found
    assert (found.cases, found.idle) == (4, 2)
    assert (found.null["exact"], found.oracle["exact"]) == (0, 1)


async def test_what_doing_nothing_passes_is_named():
    found = await self_tested([Case("a", "?", expected=""), Case("b", "?", expected="x")], "exact")
    assert (found.passed, found.ok) == (["a"], False)
    anything = Judged("kind", "k", lambda case, response: ({"kind": (1.0, 1.0)}, ""))
    found = await self_tested([Case("a", "?", expected="x")], anything)
    assert (found.passed, found.blind) == (["a"], ["kind"])


async def test_what_its_own_labels_fail_or_nobody_reads_is_named():
    wrong = Judged("wrong", "w", lambda case, response: ({"wrong": (0.0, 1.0)}, ""))
    found = await self_tested([Case("a", "?", expected="x"), Case("b", "?")], "exact", wrong)
    assert found.failed.keys() == {"a", "b"}
    found = await self_tested([Case("a", "?", expected="x"), Case("b", "?")], "exact")
    assert found.unread == ["b"]
    found = await self_tested([Case("a", "?", unanswerable=True)], "answers")
    assert not found.ok
