"""A text checked while it is being written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from aver.core.sentences import sentences
from aver.guard.judging import Guard, Judgement
from aver.guard.redaction import mask
from aver.guard.types import Finding, Place

__all__ = ["Passed", "Redact", "passing"]

Redact = Callable[[str, Sequence[Finding]], str]

_CARRY = 600
"""Characters already passed on that are looked at again with what follows them."""
_LONGEST = 2_000
"""Characters after which a sentence without an end is taken as one."""
_LONGEST_HELD = 4 * _LONGEST
"""Characters that wait at most for the end of what was found in them."""


@dataclass(frozen=True, slots=True)
class Passed:
    """The next part of the text as it may go on, and the judgement that let it. After one whose outcome is ``block``, which has no
    text, nothing follows."""

    text: str
    judgement: Judgement


async def passing(
    guard: Guard, pieces: AsyncIterator[str], place: Place = "output", redact: Redact = mask
) -> AsyncIterator[Passed]:
    """``pieces`` sentence by sentence, each passed on once the one after it was read together with it and with what stood before: what is
    split over two sentences, or over any two pieces, is found before its first half is shown. Cost is linear in the length of the text
    where that of the checks is.
    """
    carry, held, coming = "", "", ""
    async for piece in pieces:
        coming += piece
        # Without white space nothing ends in it but what a later piece will end.
        while (piece[-1:].isspace() or len(piece) > 1 or len(coming) > _LONGEST) and (end := _ripe(coming)) > 0:
            ripe, coming = coming[:end], coming[end:]
            passed, carry, held = await _step(guard, place, redact, carry, held, ripe)
            if passed is not None:
                yield passed
                if passed.judgement.outcome == "block":
                    return
    passed, _, _ = await _step(guard, place, redact, carry, held, coming, last=True)
    if passed is not None:
        yield passed


async def _step(
    guard: Guard, place: Place, redact: Redact, carry: str, held: str, new: str, *, last: bool = False
) -> tuple[Passed | None, str, str]:
    """What of ``held + new`` may go on, with the next carry and what is held then."""
    text = carry + held + new
    if not held + new:
        return None, carry, ""
    judgement = await guard.judge(text, place)
    if judgement.outcome == "block":
        return Passed("", judgement), "", ""
    begin, end = len(carry), len(text) if last else len(carry) + len(held)
    if len(held) + len(new) <= _LONGEST_HELD:
        # What lies across the end waits for its other half.
        end = min([end, *(each.start for each in judgement.findings if each.start < end < each.end)])
        end = max(begin, end)
    cut = [
        Finding(each.kind, max(each.start, begin) - begin, min(each.end, end) - begin, each.score)
        for each in judgement.findings
        if each.start < end and each.end > begin
    ]
    going = text[begin:end]
    passed = Passed(redact(going, cut), judgement) if going else None
    return passed, text[max(0, end - _CARRY) : end], text[end:]


def _ripe(text: str) -> int:
    """How many characters of ``text`` are whole sentences with another begun after them, white space included; 0 when none are."""
    if len(text) > _LONGEST:
        cut = max(text.rfind(" ", 1, _LONGEST), text.rfind("\n", 1, _LONGEST)) + 1
        return cut or _LONGEST
    found = sentences(text)
    return found[-2][1] if len(found) > 1 else 0
