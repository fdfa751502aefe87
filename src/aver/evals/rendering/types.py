"""What stands on a page, before it is HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from aver.evals.rendering.entries import Entry

__all__ = ["Document", "Line", "Multiple", "Section"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table with a band. ``outcome`` is a word of the page's vocabulary, or nothing."""

    name: str
    value: str
    spread: str
    n: str
    band: Markup
    outcome: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class Multiple:
    """One measure over the slices, all on one scale."""

    measure: str
    lines: Sequence[Line]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """What is shown of one suite."""

    suite: str
    facts: Sequence[tuple[str, str]]
    conditions: Sequence[Line] = ()
    objections: Sequence[str] = ()
    sentences: Sequence[str] = ()
    changes: Sequence[Line] = ()
    """What is better or worse; ``unchanged`` is the rest of what was compared."""
    unchanged: Sequence[Line] = ()
    lines: Sequence[Line] = ()
    multiples: Sequence[Multiple] = ()
    entries: Sequence[Entry] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Document:
    """``outcome`` is a word of the page's vocabulary, ``told`` the verdict in a sentence."""

    outcome: str
    told: str
    kind: str
    sections: Sequence[Section]
