"""JSON values as texts that checks read. What is found is cut out within the value's texts, so that it stays JSON of the same shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from aver.core.errors import TooLarge
from aver.guard.judging import Guard, Judgement
from aver.guard.redaction import mask
from aver.guard.types import Finding, Place, strictest

__all__ = ["Leaf", "Spelled", "judge_spelled", "judge_value", "mapped"]

Leaf = str | int | float
_DEEPEST = 200


def mapped(
    value: Any,
    change: Callable[[str, Leaf], Any],
    name: str = "",
    depth: int = 0,
    holder: Callable[[str], object] = lambda _: None,
) -> Any:
    """``value`` with each text and number as ``change`` makes it, given the name of the field it stands in. Names, true, false and null
    stay; ``holder`` is told the name of each field that holds others. Raises :class:`~aver.core.errors.TooLarge` for what is nested more than
    200 deep."""
    if depth > _DEEPEST:
        raise TooLarge(f"A value is nested more than {_DEEPEST} deep", "Write it flatter.")
    if isinstance(value, Mapping):
        changed = {}
        for key, each in value.items():
            if isinstance(each, Mapping | list | tuple):
                holder(str(key))
            changed[key] = mapped(each, change, str(key), depth + 1, holder)
        return changed
    if isinstance(value, list | tuple):
        return [mapped(each, change, name, depth + 1, holder) for each in value]
    return value if value is None or isinstance(value, bool) else change(name, value)


class Spelled:
    """A value as ``text``: a line ``name: text`` for each of its texts and numbers, since the name says what a number is, and a line for the
    name of whatever holds others. Raises as :func:`mapped` does."""

    def __init__(self, value: Any) -> None:
        self._value = value
        self._places: list[tuple[int, int]] = []
        lines: list[str] = []
        length = 0

        def line(name: str, said: str | None) -> None:
            nonlocal length
            head = f"{name}: " if name else ""
            if said is not None:
                self._places.append((length + len(head), length + len(head) + len(said)))
            lines.append(f"{head}{said or ''}\n")
            length += len(lines[-1])

        def leaf(name: str, value: Leaf) -> Leaf:
            line(name, str(value))
            return value

        mapped(value, leaf, holder=lambda name: line(name, None))
        self.text = "".join(lines)

    def is_in_a_name(self, finding: Finding) -> bool:
        """Whether it covers nothing that could be cut out."""
        return not any(start < finding.end and end > finding.start for start, end in self._places)

    def redacted(self, findings: Sequence[Finding], redact: Callable[[str, Sequence[Finding]], str] = mask) -> Any:
        """The value without ``findings``, which are in order and do not overlap. A number becomes a text where it was one."""
        places = iter(self._places)
        waiting = list(findings)

        def cut(name: str, leaf: Leaf) -> Leaf:  # noqa: ARG001 - the shape of a change
            start, end = next(places)
            while waiting and waiting[0].end <= start:
                del waiting[0]
            within = list(_within(waiting, start, end))
            return redact(str(leaf), within) if within else leaf

        return mapped(self._value, cut)


def _within(findings: Sequence[Finding], start: int, end: int) -> Iterator[Finding]:
    for each in findings:
        if each.start >= end:
            return
        yield Finding(each.kind, max(0, each.start - start), min(each.end, end) - start, each.score)


async def judge_spelled(guard: Guard, spelled: Spelled, place: Place) -> Judgement:
    """The judgement of a value as it was read; its ``findings`` are for :meth:`Spelled.redacted`. A redaction of what stands in the name of a
    field blocks, since names are not cut."""
    judgement = await guard.judge(spelled.text, place)
    if any(map(spelled.is_in_a_name, judgement.findings)):
        judged = [
            replace(each, outcome="block")
            if each.outcome == "redact" and any(map(spelled.is_in_a_name, each.verdict.findings))
            else each
            for each in judgement.judged
        ]
        judgement = replace(judgement, judged=judged, outcome=strictest(each.outcome for each in judged))
    return judgement


async def judge_value(guard: Guard, value: Any, place: Place) -> tuple[Spelled, Judgement]:
    """``value`` as it was read, and the judgement, as :func:`judge_spelled` makes it. Raises as :func:`mapped` does."""
    spelled = Spelled(value)
    return spelled, await judge_spelled(guard, spelled, place)
