"""Where the text of a document stands: its blocks as they are stored beside it, and the places of a span."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, get_args

import orjson

from aver.knowledge.types import Block, BlockKind, Box

__all__ = ["Spot", "dump_layout", "load_layout", "spots"]

_KINDS: tuple[BlockKind, ...] = get_args(BlockKind)
_DEFAULTS = [0, 0, None, "", 0]


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in the source that a span stands in: a box on a page, or an anchor; ``text[start:end]`` is what stands there."""

    start: int
    end: int
    page: int
    box: Box | None
    anchor: str


def dump_layout(blocks: Sequence[Block]) -> str:
    """Blocks as compact JSON: of each its kind, the distance from the block before, its length, and what is not the default."""
    rows, end = [], 0
    for block in blocks:
        rest: list[Any] = [block.level, block.page, block.box, block.anchor, int(block.header)]
        while rest and rest[-1] == _DEFAULTS[len(rest) - 1]:
            rest.pop()
        rows.append([_KINDS.index(block.kind), block.start - end, block.end - block.start, *rest])
        end = block.end
    return orjson.dumps(rows).decode()


def load_layout(layout: str | bytes) -> tuple[Block, ...]:
    """The inverse of :func:`dump_layout`. Raises :class:`ValueError` for what it cannot have written."""
    blocks, end = [], 0
    try:
        for kind, gap, length, *given in orjson.loads(layout):
            level, page, box, anchor, header = given + _DEFAULTS[len(given) :]
            start, end = end + gap, end + gap + length
            box = None if box is None else _box(*box)
            blocks.append(Block(_KINDS[kind], start, end, level, page, box, anchor, bool(header)))
    except (TypeError, ValueError, IndexError) as error:
        raise ValueError(f"this is no layout: {error}") from error
    return tuple(blocks)


def _box(left: float, top: float, right: float, bottom: float) -> Box:
    return left, top, right, bottom


def spots(blocks: Sequence[Block], start: int, end: int) -> tuple[Spot, ...]:
    """Where ``text[start:end]`` stands, in reading order: neighbours in the same place are one. What has no place, such as a
    paragraph of plain text, is left out."""
    found: list[Spot] = []
    if start >= end:
        return ()
    first = max(bisect_right(blocks, start, key=attrgetter("start")) - 1, 0)
    for block in blocks[first:]:
        if block.start >= end:
            break
        if block.end <= start or not (block.page or block.anchor):
            continue
        inner, outer = max(start, block.start), min(end, block.end)
        before = found[-1] if found else None
        if before is not None and (before.page, before.box, before.anchor) == (block.page, block.box, block.anchor):
            found[-1] = Spot(before.start, outer, block.page, block.box, block.anchor)
        else:
            found.append(Spot(inner, outer, block.page, block.box, block.anchor))
    return tuple(found)
