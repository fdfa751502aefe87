"""The strictest verdict stands, and nothing that a check does lets a text through."""

import asyncio
import threading

import pytest

from aver.core.errors import Blocked, ProviderTimeout
from aver.evidence.facts import clear_facts
from aver.guard import Detecting, Finding, Guard, Rail, Verdict, facts_of

TEXT = "call ada at home"


class Says:
    def __init__(self, outcome="flag", findings=(), name="says"):
        self.name, self.outcome, self.findings = name, outcome, findings

    async def check(self, text, place):
        return Verdict(self.name, self.outcome, self.findings, "said so")


class Raises(Says):
    def __init__(self, error):
        super().__init__(name="raises")
        self.error = error

    async def check(self, text, place):
        raise self.error


class Hangs(Says):
    async def check(self, text, place):
        await asyncio.Event().wait()


class Word:
    """Finds a word."""

    name = "word"

    def __init__(self, word, score=1.0):
        self.word, self.score = word, score

    def find(self, text):
        at = text.find(self.word)
        return [Finding("WORD", at, at + len(self.word), self.score)] if at >= 0 else []


ADA = Finding("NAME", 5, 8, 1.0)


def judge(*rails, text=TEXT):
    return asyncio.run(Guard({"input": rails}).judge(text, "input"))


@pytest.mark.parametrize(
    ("mode", "outcome"), [("observe", "pass"), ("flag", "flag"), ("redact", "redact"), ("block", "block")]
)
def test_the_mode_decides_what_follows(mode, outcome):
    judged = judge(Rail(Says("flag", [ADA]), mode))
    assert judged.outcome == outcome
    assert judged.findings == ([ADA] if mode == "redact" else [])
    assert judged.judged[0].verdict.findings == [ADA]
    assert judge(Rail(Says("pass"), mode)).outcome == "pass"


def test_the_strictest_stands_and_gives_the_reason():
    judged = judge(Rail(Says(name="a"), "flag"), Rail(Says(name="b"), "block"), Rail(Says(name="c"), "observe"))
    assert judged.outcome == "block"
    assert judged.reason == "b: said so"


def test_nothing_declared_passes():
    assert judge().outcome == "pass"
    assert not Guard({}).watches("output")


def test_a_redaction_without_spans_blocks():
    assert judge(Rail(Says("flag"), "redact")).outcome == "block"
    assert judge(Rail(Says("flag", [Finding("X", 3, 3, 1.0)]), "redact")).outcome == "block"


FAILURES = {
    "late": Hangs(),
    "provider-timeout": Raises(ProviderTimeout("x", "y")),
    "broken": Raises(RuntimeError("a bug")),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize(
    ("mode", "failing", "outcome"),
    [
        ("block", "hold", "block"),
        ("redact", "hold", "block"),
        ("flag", "hold", "flag"),
        ("observe", "hold", "pass"),
        ("block", "pass", "pass"),
    ],
)
def test_a_check_that_cannot_judge_is_handled_as_declared(failure, mode, failing, outcome):
    judged = judge(Rail(FAILURES[failure], mode, 0.01, failing))
    assert judged.outcome == outcome
    assert judged.judged[0].failure == failure
    assert facts_of([judged])["failures"] == [failure]


@pytest.mark.parametrize("finding", [Finding("X", -1, 3, 1.0), Finding("X", 2, 99, 1.0), Finding("X", 5, 2, 1.0)])
def test_spans_outside_the_text_are_a_failure_not_a_redaction(finding):
    judged = judge(Rail(Says("flag", [finding]), "redact"))
    assert (judged.outcome, judged.judged[0].failure) == ("block", "broken")


def test_checks_run_together():
    met = asyncio.Barrier(3)

    class Meets(Says):
        async def check(self, text, place):
            await met.wait()
            return await super().check(text, place)

    judged = judge(*(Rail(Meets(), "flag", 5.0) for _ in range(3)))
    assert [each.failure for each in judged.judged] == ["", "", ""]


def test_a_caller_who_leaves_takes_the_checks_along():
    async def leave():
        async with asyncio.timeout(0.01):
            await Guard({"input": [Rail(Hangs(), "block", 60.0)]}).judge(TEXT, "input")

    with pytest.raises(TimeoutError):
        asyncio.run(leave())


def test_facts_hold_nothing_of_the_text():
    text = "my name is ada-lovelace"
    judged = judge(
        Rail(Detecting(Word("ada-lovelace")), "redact"),
        Rail(Says("flag", [Finding("a kind of its own!", 0, 2, 0.5)]), "flag"),
        text=text,
    )
    facts = facts_of([judged, judge(text="nothing")])
    assert "lovelace" not in clear_facts(facts)
    assert facts["kinds"] == ["WORD", "a_kind_of_its_own"]
    assert facts["counts"] == [1, 1]
    assert (facts["outcome"], facts["texts"], facts["redacted"], facts["flagged"]) == ("redact", 2, 1, 0)
    assert facts["outcomes"] == ["redact", "flag"]


def test_a_block_is_a_typed_error_that_quotes_nothing():
    with pytest.raises(Blocked) as caught:
        judge(Rail(Detecting(Word("ada")), "block")).require()
    assert "word: found 1 WORD" in caught.value.cause
    assert caught.value.status == 400
    judge(Rail(Detecting(Word("ada")), "redact")).require()


def test_detectors_that_hang_are_late_and_take_nothing_from_others():
    """More of them than the event loop has threads."""
    free = threading.Event()

    class Stuck(Word):
        def find(self, text):
            free.wait(60)
            return []

    async def main():
        stuck = Guard({"input": [Rail(Detecting(Stuck("x")), "block", 0.05)]})
        judged = await asyncio.gather(*(stuck.judge(TEXT, "input") for _ in range(40)))
        other = await asyncio.to_thread(lambda: "free")
        refused = await stuck.judge(TEXT, "input")
        free.set()
        return judged, other, refused

    judged, other, refused = asyncio.run(main())
    assert {each.outcome for each in judged} == {"block"}
    assert {each.judged[0].failure for each in (*judged, refused)} == {"late"}
    assert other == "free"


def test_a_detector_counts_what_is_sure_enough_and_asked_for():
    async def outcome(**options):
        return (await Detecting(Word("ada", 0.6), **options).check(TEXT, "input")).outcome

    async def all_of_them():
        return [
            await outcome(),
            await outcome(least=0.7),
            await outcome(kinds=["WORD"]),
            await outcome(kinds=["OTHER"]),
        ]

    assert asyncio.run(all_of_them()) == ["flag", "pass", "flag", "pass"]


def test_a_long_text_does_not_hold_up_the_event_loop():
    started, release = asyncio.Event(), threading.Event()

    async def main():
        loop = asyncio.get_running_loop()

        class Slow(Word):
            def find(self, text):
                loop.call_soon_threadsafe(started.set)
                assert release.wait(10)
                return []

        task = asyncio.create_task(Detecting(Slow("x")).check("x" * 20_000, "input"))
        await started.wait()  # comes only if the loop is free while the detector works
        release.set()
        return await task

    assert asyncio.run(main()).outcome == "pass"
