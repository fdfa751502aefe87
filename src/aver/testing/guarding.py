"""What every detector and every check must do, as checks that anyone can run on their own.

With pytest::

    @pytest.mark.parametrize("check", DETECTOR_CHECKS)
    def test_my_detector(check):
        check(MyDetector(), "a text in which it finds something")

A check returns nothing, or raises ``AssertionError`` saying what is wrong.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

from aver.core.errors import AverError
from aver.guard.types import STRICTNESS, Check, Detector, Finding, Place, Verdict

__all__ = ["CHECK_CHECKS", "DETECTOR_CHECKS", "CheckCheck", "DetectorCheck"]

DetectorCheck = Callable[[Detector, str], None]
CheckCheck = Callable[[Check, str], Awaitable[None]]

_ODD = (
    "",
    " \n\t",
    "\0",
    "a\ud800b \udfff",
    "\u202eevil\u202c \u200b\u200d\ufeff",
    "日本語の文章 🙂 e\u0301 \U0001f468\u200d\U0001f469",
    "İİİ ǅ ß ﬀ",
    "a" * 20_000,
    "( " * 5_000,
    "@." * 5_000,
    "1-" * 5_000,
)


def has_a_name(detector: Detector, text: str) -> None:  # noqa: ARG001 - one signature for all checks
    _require(bool(detector.name.strip()) and detector.name.isprintable(), f"not a name: {detector.name!r}")


def finds_something(detector: Detector, text: str) -> None:
    _require(bool(detector.find(text)), "nothing is found in a text in which something is")


def says_where(detector: Detector, text: str) -> None:
    for each in (text, *_ODD, f"{text}\n\0\ud800 {text}"):
        _sound(detector.find(each), each)


def moves_with_the_text(detector: Detector, text: str) -> None:
    """Offsets count characters, of which some take more than one byte or two."""
    before = "🙂 é\n\n"
    there = {(each.start + len(before), each.end + len(before)) for each in detector.find(text)}
    moved = {(each.start, each.end) for each in detector.find(before + text)}
    _require(bool(there & moved), "no finding moves with the characters put before it")


def says_the_same_again(detector: Detector, text: str) -> None:
    first = list(detector.find(text))
    detector.find("something else")
    _require(list(detector.find(text)) == first, "the same text is judged otherwise the second time")


def stands_several_threads(detector: Detector, text: str) -> None:
    texts = [text, f"{text} {text}", "nothing", *_ODD[:6]] * 4
    alone = [list(detector.find(each)) for each in texts]
    with ThreadPoolExecutor(8) as threads:
        together = [list(each) for each in threads.map(detector.find, texts)]
    _require(alone == together, "findings differ under several threads")


def loses_nothing_in_a_long_text(detector: Detector, text: str) -> None:
    """What is found in a text is found far into a long one, wherever that is cut into windows."""
    kinds = {each.kind for each in detector.find(text)}
    for length in (3_990, 4_100, 8_190, 12_345):
        filler = "and so it goes on from day to day. " * 400
        long = f"{filler[:length]}\n{text}\n{filler}"
        near = {each.kind for each in detector.find(long) if length - 5 <= each.start <= length + len(text) + 5}
        _require(bool(kinds & near), f"nothing is found {length} characters into a long text")


DETECTOR_CHECKS: tuple[DetectorCheck, ...] = (
    has_a_name,
    finds_something,
    says_where,
    moves_with_the_text,
    says_the_same_again,
    stands_several_threads,
    loses_nothing_in_a_long_text,
)


async def answers_with_a_verdict(check: Check, text: str) -> None:
    for place in get_args(Place):
        verdict = await check.check(text, place)
        _verdict(check, verdict, text)
        _require(verdict.outcome != "pass", f"a text in which something is passes as {place}")


async def quotes_nothing(check: Check, text: str) -> None:
    verdict = await check.check(text, "input")
    words = [word for word in text.split() if len(word) > 6]
    _require(not any(word in verdict.reason for word in words), "the reason quotes the text")


async def takes_any_text(check: Check, text: str) -> None:
    for each in (*_ODD, text * 50):
        try:
            verdict = await check.check(each, "input")
        except AverError:
            continue
        _verdict(check, verdict, each)


CHECK_CHECKS: tuple[CheckCheck, ...] = (answers_with_a_verdict, quotes_nothing, takes_any_text)


def _verdict(check: Check, verdict: Verdict, text: str) -> None:
    _require(verdict.check == check.name, f"the verdict is {verdict.check!r}'s")
    _require(verdict.outcome in STRICTNESS, f"not an outcome: {verdict.outcome!r}")
    _sound(verdict.findings, text)


def _sound(findings: Sequence[Finding], text: str) -> None:
    at = 0
    for each in findings:
        _require(0 <= each.start < each.end <= len(text), f"{each} is not within {len(text)} characters")
        _require(each.start >= at, f"{each} overlaps the one before it, or is out of order")
        _require(0 <= each.score <= 1, f"not a score: {each}")
        _require(bool(each.kind), f"no kind: {each}")
        at = each.end


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise AssertionError(problem)
