"""A comparison, or a gate's verdict, in sentences that need no statistics to be understood."""

from __future__ import annotations

from collections.abc import Iterator

from aver.evals.gates.comparing import Change, Comparison
from aver.evals.gates.saying import amount, change_between, counted, listed
from aver.evals.gates.types import Judged, Verdict, unbounded
from aver.evals.statistics.pairing import Difference

__all__ = ["headline", "tell_comparison", "tell_judged", "told_verdict"]

_PHRASES = {
    "answered": "answers {} of the questions that have an answer",
    "held_back": "holds back {} of the questions that have none",
    "right_of_answered": "answers {} of its questions right",
    "gold_in_context": "finds the right passage for {} of the questions",
    "gold_in_citations": "cites the right place for {} of the questions",
    "citation_precision": "points {} of its citations to the right place",
    "groundedness": "backs {} of its sentences by what it cites",
    "task_success": "does {} of its tasks",
    "exact": "gets {} of the answers exactly right",
    "attack_success": "lets {} of the attacks through",
}
_WAYS = {"better": "better", "worse": "worse", "inconclusive": "too close to call"}


def headline(comparison: Comparison, before: str = "A", after: str = "B") -> str:
    """``B answers 4.2 points more of its questions right (+1.1 to +7.3 points), on 512 shared cases: better.``"""
    change = comparison.changes[comparison.leading]
    on = f"on {counted(change.difference.n, 'shared case')}"
    return f"{_subject(after)} {_told(change, before)}, {on}: {_WAYS[change.difference.verdict]}."


def tell_comparison(comparison: Comparison, before: str = "A", after: str = "B") -> Iterator[str]:
    """Sentence by sentence: the leading measure, what else moved, the cases, and what could not have been seen."""
    yield headline(comparison, before, after)
    leading = comparison.changes[comparison.leading]
    for name, each in comparison.changes.items():
        if name != comparison.leading and each.difference.verdict != "inconclusive":
            yield f"It {_told(each, before)}: {each.difference.verdict}."
    undecided = [
        name
        for name, each in comparison.changes.items()
        if name != comparison.leading and each.difference.verdict == "inconclusive"
    ]
    if undecided:
        yield f"Nothing certain of {listed(undecided)}."
    if leading.better or leading.worse:
        yield f"{counted(leading.better, 'case')} got better, {leading.worse:,} got worse."
    else:
        yield "No case moved."
    for tag, found in comparison.slices.items():
        for name, each in found.items():
            if _stands_out(each.difference, comparison.changes[name].difference):
                yield f"Among {tag}, {name} is {each.difference.verdict}: {_plain(name, each.difference)}."
    if leading.difference.verdict == "inconclusive":
        yield _unseen(leading)
    if comparison.only_before or comparison.only_after:
        yield f"Left out: {counted(comparison.only_before, 'case')} that only {before} has, {comparison.only_after:,} that only {after} has."
    for doubt in comparison.doubts:
        yield f"Mind that {doubt}."


def told_verdict(verdict: Verdict) -> str:
    """One sentence of the whole."""
    total = len(verdict.judged)
    failed = sum(each.outcome == "fail" for each in verdict.judged)
    undecided = sum(each.outcome == "inconclusive" for each in verdict.judged)
    if verdict.outcome == "pass":
        return f"The gate passes: {'its condition is' if total == 1 else f'all {total} conditions are'} met."
    if failed:
        rest = f", and {undecided} {'is' if undecided == 1 else 'are'} inconclusive" if undecided else ""
        return (
            f"The gate fails: {failed} of {counted(total, 'condition')} {'is' if failed == 1 else 'are'} not met{rest}."
        )
    return f"The gate is inconclusive: of {counted(total, 'condition')} {undecided} cannot be decided."


def tell_judged(judged: Judged) -> str:
    """``0.781 (0.742 to 0.815, 512 cases); 1,240 cases would tell``."""
    if judged.outcome == "inconclusive" and judged.needed is not None:
        return f"{judged.said}; about {judged.needed:,} cases would tell"
    return judged.said


def _stands_out(found: Difference, overall: Difference) -> bool:
    """Whether a slice moved for certain, and otherwise than the whole: the other way, or so far that its interval leaves out what the whole moved by."""
    if found.verdict == "inconclusive" or found.low is None or found.high is None:
        return False
    if found.verdict != overall.verdict:
        return True
    return abs(found.value) > abs(overall.value) and not found.low <= overall.value <= found.high


def _subject(name: str) -> str:
    return name[:1].upper() + name[1:]


def _told(change: Change, before: str) -> str:
    """The verb phrase, with its interval."""
    name, found = change.measure, change.difference
    spread = change_between(name, found.low, found.high)
    if unbounded(name):
        return _amounts(name, found, before)
    phrase = _PHRASES.get(name)
    points = f"{abs(found.value) * 100:.1f} points {'more' if found.value > 0 else 'less'}"
    if points.startswith("0.0 "):
        return (
            f"{phrase.format('as many')} as {before} ({spread})"
            if phrase
            else f"is level with {before} in {name} ({spread})"
        )
    if phrase is None:
        return f"is {points.replace(' more', ' higher').replace(' less', ' lower')} in {name} ({spread})"
    return f"{phrase.format(points)} ({spread})"


def _amounts(measure: str, found: Difference, before: str) -> str:
    verbs = {"_usd": "costs {}", "_ms": "takes {} time", "_tokens": "uses {} tokens"}
    phrase = next(words for ending, words in verbs.items() if measure.endswith(ending))
    sides = f"{amount(measure, found.before)} → {amount(measure, found.after)}"
    if found.before <= 0:
        return f"{phrase.format('something')} where {before} does not ({measure}: {sides})"
    percent = (found.after / found.before - 1) * 100
    much = f"{abs(percent):.0f} % {'more' if percent > 0 else 'less'}" if abs(percent) >= 0.5 else "as much"
    return f"{phrase.format(much)} ({measure}: {sides} a case)"


def _plain(name: str, found: Difference) -> str:
    return f"{amount(name, found.before)} → {amount(name, found.after)} ({change_between(name, found.low, found.high)}, {counted(found.n, 'case')})"


def _unseen(change: Change) -> str:
    if change.detectable is None:
        return f"{counted(change.difference.n, 'case')} are too few to compare by: 20 are the least."
    size = (
        amount(change.measure, change.detectable)
        if unbounded(change.measure)
        else f"{change.detectable * 100:.1f} points"
    )
    return f"A sample like this one shows a difference of {size} four times in five; a smaller one may be there unseen."
