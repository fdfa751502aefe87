"""A text checked while it is being written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace

from aver.core.errors import Blocked
from aver.core.sentences import sentences
from aver.guard.judging import Guard, Judgement
from aver.guard.types import Finding, Outcome, Place, strictest

__all__ = ["Passage", "passing"]

_CARRY = 600
"""Characters already passed on that are looked at again with what follows them."""
_LONGEST = 2_000
"""Characters after which a sentence without an end is taken as one."""
_LONGEST_HELD = 8_000
"""Characters that wait at most for the end of what was found in them."""


class Passage:
    """The way of one text past a guard, in units such as sentences. A unit may go on once the one after it was read together with it and
    with what stood before, and once whatever was found in it has ended: what is split over two units is found before its first half is
    shown. Where no check may cut or block what begins in it, it goes on at once. What is to be cut out is, in full; :func:`~aver.guard.mask` says how that looks.

    The units put together are the text, so that each brings its own white space. Costs what the checks cost over some three times
    the text. Raises :class:`~aver.core.errors.Blocked` once a check blocks, and when something to be cut out is longer than 8,000
    characters; nothing goes on after that. ``heard`` is told every judgement, with what is new in it.
    """

    def __init__(self, guard: Guard, place: Place, heard: Callable[[Judgement], None] = lambda _: None) -> None:
        self._guard = guard
        self._place = place
        self._heard = heard
        self._carry = ""
        self._held: list[str] = []

    async def take(self, unit: str) -> list[str]:
        """The next unit; those before it that may go on now, in order."""
        if not unit:
            return []
        findings = await self._judge(unit)
        # What goes over into the new unit, or beyond what was read, keeps back the unit that it begins in.
        end = sum(map(len, self._held))
        for each in findings:
            if each.start < end < each.end:
                end = each.start
        going, at = 0, 0
        while going < len(self._held) and at + len(self._held[going]) <= end:
            at += len(self._held[going])
            going += 1
        self._held.append(unit)
        if going == len(self._held) - 1 and not self._guard.holds_back(self._place, unit):
            going += 1
        if sum(map(len, self._held[going:])) > _LONGEST_HELD + len(unit):
            raise Blocked(
                f"What is to be cut out of the text goes on for more than {_LONGEST_HELD:,} characters",
                "Ask for something else, or see the evidence of the turn for what was found.",
            )
        return self._pass_on(going, findings)

    async def rest(self) -> list[str]:
        """The units that are left, at the end of the text."""
        return self._pass_on(len(self._held), await self._judge("") if self._held else ())

    async def _judge(self, unit: str) -> Sequence[Finding]:
        """What is to be cut out, by its place after the carry."""
        read = "".join((self._carry, *self._held))
        judgement = await self._guard.judge(read + unit, self._place)
        self._heard(_without_known(judgement, len(read)))
        judgement.require()
        begin = len(self._carry)
        return [
            Finding(each.kind, each.start - begin, each.end - begin, each.score)
            for each in judgement.findings
            if each.end > begin
        ]

    def _pass_on(self, count: int, findings: Sequence[Finding]) -> list[str]:
        going = self._held[:count]
        del self._held[:count]
        self._carry = "".join((self._carry, *going))[-_CARRY:]
        return list(_cut(going, findings))


def _without_known(judgement: Judgement, known: int) -> Judgement:
    """Without what was found within the first ``known`` characters, of which the judgement before told."""
    if judgement.outcome == "block":
        return judgement
    judged = []
    for each in judgement.judged:
        new = [finding for finding in each.verdict.findings if finding.end > known]
        outcome: Outcome = each.outcome if new or not each.verdict.findings else "pass"
        judged.append(replace(each, verdict=replace(each.verdict, findings=new), outcome=outcome))
    return replace(judgement, judged=judged, outcome=strictest(each.outcome for each in judged))


def _cut(units: Sequence[str], findings: Sequence[Finding]) -> Iterator[str]:
    """Each unit without what was found: its kind stands where it begins, and nothing where it goes on."""
    start = 0
    for unit in units:
        end, at, parts = start + len(unit), start, []
        for each in findings:
            if each.start < end and each.end > start:
                parts += [
                    unit[at - start : max(at, each.start) - start],
                    f"[{each.kind}]" if each.start >= start else "",
                ]
                at = min(each.end, end)
        yield "".join((*parts, unit[at - start :]))
        start = end


async def passing(guard: Guard, pieces: AsyncIterator[str], place: Place = "output") -> AsyncIterator[str]:
    """``pieces`` of a text, cut anywhere, as what may go on of it, sentence by sentence. Raises as :class:`Passage` does."""
    passage, coming = Passage(guard, place), ""
    async for piece in pieces:
        coming += piece
        # Without white space nothing ends in it but what a later piece will end.
        while (piece[-1:].isspace() or len(piece) > 1 or len(coming) > _LONGEST) and (end := _ripe(coming)) > 0:
            ripe, coming = coming[:end], coming[end:]
            for unit in await passage.take(ripe):
                yield unit
    for unit in [*await passage.take(coming), *await passage.rest()]:
        yield unit


def _ripe(text: str) -> int:
    """How many characters of ``text`` are whole sentences with another begun after them, white space included; 0 when none are."""
    if len(text) > _LONGEST:
        cut = max(text.rfind(" ", 1, _LONGEST), text.rfind("\n", 1, _LONGEST)) + 1
        return cut or _LONGEST
    found = sentences(text)
    return found[-2][1] if len(found) > 1 else 0
