"""A run: every case asked and judged once, whatever breaks on the way."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from aver.core.clock import SystemClock
from aver.core.errors import InvalidInput, ProviderDenied, ProviderThrottled
from aver.evals.running.bounds import Bounds
from aver.evals.running.file import RunWriter, read_run
from aver.evals.running.responses import Responses
from aver.evals.running.service import Runner, seed_of
from aver.evals.scorers.kinds import Judged, Means
from aver.evals.scorers.registry import Declared, scorers_of
from aver.evals.types import Case, Response, Result, RunHeader


def header(**given) -> RunHeader:
    return RunHeader("s", "s.jsonl", "d", 0, "t", "", "", {}, 0, 1, "2026-11-27T09:00:00Z", "1", **given)


def cases(count: int) -> list[Case]:
    return [
        Case(f"c{number}", f"Question {number}?", expected=str(number), tags=("odd",) * (number % 2))
        for number in range(count)
    ]


class Echo:
    """Says the number in the question, and counts how often it was asked."""

    name = "echo"

    def __init__(self, digest: str = "echo-1", **costs) -> None:
        self.digest, self.costs = digest, costs
        self.asked: list[tuple[str, int]] = []
        self.under_way = self.most = 0

    async def respond(self, case: Case, *, seed: int = 0) -> Response:
        self.asked.append((case.id, seed))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        return Response(text=case.question.split()[1].strip("?"), **self.costs)


BOUNDS = Bounds()
EXACT = scorers_of([Declared("exact")], Means())


async def ran(path: Path, target, asked, *, bounds=BOUNDS, scorers=EXACT, resume=False, run="r", **given):
    writer = RunWriter.resume(path) if resume else RunWriter.begin(path, header())
    earlier = read_run(path).results() if resume else ()
    responses = Responses.beside(path)
    try:
        runner = Runner(target, scorers, writer, responses, bounds, SystemClock(), run=run, **given)
        return await runner.run(asked, len(asked), earlier)
    finally:
        responses.close()
        writer.close()


def by_case(path: Path) -> dict[tuple[str, int], Result]:
    found = {(each.case, each.repeat): each for each in read_run(path).results()}
    assert len(found) == sum(1 for _ in read_run(path).results()), "no case stands twice"
    return found


async def test_every_case_is_asked_and_judged_once(tmp_path):
    path, target = tmp_path / "a.run.jsonl", Echo(cost_usd=0.5, input_tokens=2, latency_ms=3.0)
    seen = []
    ended = await ran(
        path, target, cases(50), bounds=Bounds(concurrency=7), watch=lambda tally: seen.append(tally.done)
    )
    assert ended.why == ""
    found = by_case(path)
    assert len(found) == 50
    assert {tuple(each.values["exact"]) for each in found.values()} == {(1.0, 1.0)}
    assert found["c1", 0].values["cost_usd"] == (0.5, 1.0)
    assert found["c1", 0].tags == ("odd",)
    assert read_run(path).complete
    assert target.most == 7
    assert seen == list(range(1, 51))
    assert (ended.tally.usd, ended.tally.tokens) == (25.0, 100.0)
    low, high = ended.tally.measures["exact"].interval
    assert low < 1 == high


async def test_seeds_are_of_the_case_and_the_repeat_alone(tmp_path):
    one, other = Echo(), Echo()
    bounds = Bounds(repeats=3, seed=7)
    await ran(tmp_path / "a.run.jsonl", one, cases(5), bounds=bounds)
    (tmp_path / "b").mkdir()
    await ran(tmp_path / "b" / "b.run.jsonl", other, cases(5)[::-1], bounds=Bounds(repeats=3, seed=7, concurrency=1))
    assert sorted(one.asked) == sorted(other.asked)
    assert len(set(one.asked)) == 15
    assert len({seed_of(7, "c0", repeat) for repeat in range(100)} | {seed_of(8, "c0", 0), seed_of(7, "c1", 0)}) == 102


async def test_what_was_responded_is_not_asked_again(tmp_path):
    target = Echo()
    await ran(tmp_path / "a.run.jsonl", target, cases(10))
    relabelled = [Case(each.id, each.question, expected="9", tags=each.tags) for each in cases(10)]
    ended = await ran(tmp_path / "b.run.jsonl", target, relabelled)
    assert len(target.asked) == 10
    assert ended.tally.cached == 10
    assert sum(each.values["exact"][0] for each in by_case(tmp_path / "b.run.jsonl").values()) == 1
    await ran(tmp_path / "c.run.jsonl", Echo("echo-2"), cases(10))
    other = Echo("echo-2")
    await ran(tmp_path / "d.run.jsonl", other, cases(10), bounds=Bounds(seed=1))
    assert len(other.asked) == 10


async def test_a_target_that_nobody_can_tell_from_another_is_asked_in_each_run(tmp_path):
    target = Echo("")
    await ran(tmp_path / "a.run.jsonl", target, cases(5), run="one")
    await ran(tmp_path / "b.run.jsonl", target, cases(5), run="two")
    assert len(target.asked) == 10
    await ran(tmp_path / "c.run.jsonl", target, cases(5), run="two")
    assert len(target.asked) == 10


class Breaking(Echo):
    """Breaks in one way or another on some cases, as often as it is told."""

    def __init__(self, breaks: dict[str, list]) -> None:
        super().__init__("")
        self.breaks = breaks

    async def respond(self, case: Case, *, seed: int = 0) -> Response:
        response = await super().respond(case, seed=seed)
        if self.breaks.get(case.id):
            error = self.breaks[case.id].pop(0)
            if error == "hang":
                await asyncio.sleep(3600)
            raise error
        return response


async def test_an_error_costs_one_case_and_is_asked_again_by_its_kind(tmp_path):
    path = tmp_path / "a.run.jsonl"
    soon = {"retry_after": 0.001}
    target = Breaking(
        {
            "c1": [ProviderThrottled("Too many", "Wait.", **soon), ProviderThrottled("Too many", "Wait.", **soon)],
            "c2": [ProviderThrottled("Too many", "Wait.", **soon)] * 9,
            "c3": [ZeroDivisionError("of their own")],
            "c4": ["hang"],
            "c5": [InvalidInput("Unclear", "Say it.")],
        }
    )
    await ran(path, target, cases(8), bounds=Bounds(seconds=0.2))
    found = by_case(path)
    assert {name: each.error for (name, _), each in found.items() if each.error} == {
        "c2": "provider-throttled",
        "c3": "internal-error",
        "c4": "time-limit",
        "c5": "invalid-input",
    }
    assert found["c3", 0].said == "ZeroDivisionError: of their own"
    assert found["c2", 0].values == {}
    asked = [name for name, _ in target.asked]
    assert (asked.count("c1"), asked.count("c2"), asked.count("c3"), asked.count("c5")) == (3, 3, 1, 1)
    # Those with an error are asked once more when the run goes on, and no others.
    target.breaks = {}
    again = await ran(path, target, cases(8), resume=True)
    assert len(target.asked) == len(asked) + 4
    assert again.tally.done == 8
    assert not any(each.error for each in by_case(path).values())


async def test_a_scorer_that_breaks_or_hangs_costs_the_case_and_no_other_scorer(tmp_path):
    async def judge(case, response):
        if case.id == "c1":
            raise RuntimeError("broken")
        if case.id == "c2":
            await asyncio.sleep(3600)
        return ({"mine": (float("nan") if case.id == "c3" else 1.0, 1.0)}, "because")

    path, target = tmp_path / "a.run.jsonl", Echo()
    scorers = [Judged("mine", "m", judge), *EXACT]
    await ran(path, target, cases(5), scorers=scorers, bounds=Bounds(scorer_seconds=0.1))
    found = by_case(path)
    assert [found[f"c{number}", 0].error for number in range(5)] == [
        "",
        "internal-error",
        "time-limit",
        "invalid-input",
        "",
    ]
    assert all(each.values["exact"] == (1.0, 1.0) for each in found.values())
    assert [name for (name, _), each in found.items() if "mine" in each.values] == ["c0", "c4"]
    assert found["c0", 0].notes == {"mine": "because"}
    assert len(target.asked) == 5
    await ran(path, target, cases(5), scorers=EXACT, resume=True)
    assert len(target.asked) == 5, "what was responded is judged again without asking"


@pytest.mark.parametrize("concurrency", [1, 16])
async def test_a_budget_is_not_gone_over(tmp_path, concurrency):
    path, target = tmp_path / "a.run.jsonl", Echo(cost_usd=0.3, input_tokens=10, output_tokens=5)
    ended = await ran(path, target, cases(50), bounds=Bounds(concurrency=concurrency, usd=3.1))
    assert "budget" in ended.why
    assert len(by_case(path)) == len(target.asked) == 10
    assert not read_run(path).complete
    # It goes on with more, and counts what it has spent.
    more = await ran(path, target, cases(50), bounds=Bounds(concurrency=concurrency, usd=6.1), resume=True)
    assert len(target.asked) == 20
    assert more.why
    whole = await ran(path, target, cases(50), bounds=Bounds(concurrency=concurrency, tokens=50 * 15), resume=True)
    assert whole.why == ""
    assert read_run(path).complete


async def test_what_costs_nothing_is_not_held_up_by_a_budget(tmp_path):
    target = Echo(cost_usd=0.0)
    ended = await ran(tmp_path / "a.run.jsonl", target, cases(50), bounds=Bounds(concurrency=8, usd=1.0))
    assert ended.why == ""
    assert target.most > 4


async def test_a_budget_needs_to_know_what_things_cost(tmp_path):
    with pytest.raises(InvalidInput, match="does not say what it costs"):
        await ran(tmp_path / "a.run.jsonl", Echo(), cases(5), bounds=Bounds(usd=1))


async def test_a_target_that_fails_every_time_is_left_alone(tmp_path):
    path = tmp_path / "a.run.jsonl"
    denied = ProviderDenied("The key is wrong", "Correct it.")
    target = Breaking({f"c{number}": [denied] for number in range(100)})
    ended = await ran(path, target, cases(100), bounds=Bounds(concurrency=4, failures=10))
    assert "provider-denied: The key is wrong" in ended.why
    assert 10 <= len(target.asked) <= 14


async def test_a_rate_is_kept_to(tmp_path, monkeypatch):
    waited = []
    real = asyncio.sleep

    async def sleep(seconds, *given):
        waited.append(seconds)
        await real(0)

    monkeypatch.setattr("aver.evals.running.bounds.asyncio.sleep", sleep)
    await ran(tmp_path / "a.run.jsonl", Echo(), cases(11), bounds=Bounds(concurrency=11, rate=10))
    assert max(waited) == pytest.approx(1.0, abs=0.5)


async def test_it_ends_when_enough_is_known(tmp_path):
    path, count = tmp_path / "a.run.jsonl", 0

    def enough(result: Result) -> str:
        nonlocal count
        count += 1
        return "it is clear already" if count == 20 else ""

    ended = await ran(path, Echo(), cases(100), bounds=Bounds(concurrency=4), enough=enough)
    assert (ended.why, ended.early) == ("", "it is clear already")
    run = read_run(path)
    assert (run.complete, run.early) == (True, "it is clear already")
    assert 20 <= len(by_case(path)) < 30


async def test_half_a_character_costs_one_case_at_most(tmp_path):
    class Odd(Echo):
        async def respond(self, case: Case, *, seed: int = 0) -> Response:
            if case.id == "c1":
                raise InvalidInput("It says \udc80", "Mend it.")
            return Response(text="\udc80" if case.id == "c2" else "3", latency_ms=float("nan"))

    path = tmp_path / "a.run.jsonl"
    asked = [*cases(4), Case("c4", "?", metadata={"x": "\udc80"}, expected="3")]
    await ran(path, Odd(""), asked)
    found = by_case(path)
    assert [found[f"c{number}", 0].error for number in range(5)] == [
        "",
        "invalid-input",
        "internal-error",
        "",
        "internal-error",
    ]
    assert found["c3", 0].values == {"exact": (1.0, 1.0)}
    assert read_run(path).complete


async def test_what_cannot_be_written_ends_the_run_with_its_reason(tmp_path, monkeypatch):
    def full(self, result, kept=""):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RunWriter, "add", full)
    with pytest.raises(OSError, match="No space"):
        await ran(tmp_path / "a.run.jsonl", Echo(), cases(5))


PROGRAM = """
import asyncio, sys
from pathlib import Path

from aver.core.clock import SystemClock
from aver.evals.running.bounds import Bounds
from aver.evals.running.file import RunWriter, read_run
from aver.evals.running.responses import Responses
from aver.evals.running.service import Runner
from aver.evals.scorers.kinds import Means
from aver.evals.scorers.registry import Declared, scorers_of
from aver.evals.types import Case, Response, RunHeader

class Paid:
    name, digest = "paid", "paid-1"
    async def respond(self, case, *, seed=0):
        await asyncio.sleep(0.002)
        with open({bill!r}, "a") as bill:
            bill.write(case.id + chr(10))
        return Response(text=case.id, cost_usd=0.01)

path = Path({path!r})
asked = [Case(f"c{{n}}", "?", expected=f"c{{n}}") for n in range(400)]
header = RunHeader("s", "s", "d", 400, "paid", "paid-1", "", {{}}, 0, 1, "now", "1")
writer = RunWriter.resume(path) if path.exists() else RunWriter.begin(path, header)
earlier = read_run(path).results()
runner = Runner(Paid(), scorers_of([Declared("exact")], Means()), writer, Responses.beside(path), Bounds(concurrency=8), SystemClock(), run="r")
asyncio.run(runner.run(asked, 400, earlier))
"""


def test_a_process_that_is_killed_at_any_moment_loses_and_pays_nothing_twice(tmp_path):
    path, bill = tmp_path / "a.run.jsonl", tmp_path / "bill"
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM.format(bill=str(bill), path=str(path))))
    for kills in (40, 250):
        process = subprocess.Popen([sys.executable, str(program)], env=os.environ)
        until = time.monotonic() + 60
        while _lines(bill) < kills and process.poll() is None and time.monotonic() < until:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not read_run(path).complete
    subprocess.run([sys.executable, str(program)], check=True)
    found = by_case(path)
    assert len(found) == 400
    assert read_run(path).complete
    assert all(each.values["exact"] == (1.0, 1.0) for each in found.values())
    # Only what was being asked at that very moment, eight at most for each time, may have been paid and not kept.
    assert 400 <= _lines(bill) <= 400 + 2 * 8
    assert read_run(path).header.suite == "s"


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0
