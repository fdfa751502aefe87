"""What a kind of scorer is, and what making one may need."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from aver.core import canonical_json, sha256_hex
from aver.core.errors import InvalidInput
from aver.evals.running.processes import Functions
from aver.evals.types import Case, Gold, Response, Scorer, Values
from aver.gateway.config.shapes import Shape

if TYPE_CHECKING:
    from aver.gateway.types import Embedder

__all__ = ["NOTHING", "SEARCH", "Judge", "Judged", "Kind", "Means", "Score", "named_gold", "rate", "references"]

Score = tuple[Values, str]
"""What is measured, and why in a sentence or nothing."""
Judge = Callable[[Case, Response], Score | Awaitable[Score]]
SEARCH = "search"
"""The mode of a response that only found something: it neither answers nor declines."""
NOTHING: Score = ({}, "")
"""Of a case without the label, or a response without the part, that a scorer reads."""


def named_gold(case: Case) -> Gold:
    """What the labels point to where nobody knows the documents: they are what they are called, and what is quoted may stand anywhere."""
    documents = (*case.documents, *(each.document for each in case.passages))
    return Gold(frozenset(documents), anywhere=(*case.answers, *(each.quote for each in case.passages)))


def _no_embedder() -> Embedder:
    raise InvalidInput("Nothing here judges nearness of meaning", "Run it for a tenant: --tenant NAME")


def _no_judge(name: str) -> Scorer:
    raise InvalidInput(f"There is no judge {name!r}", "Declare it in the bundle: evals: judges:")


@dataclass(slots=True)
class Means:
    """What scorers may need of those around them. ``judge`` finds a model judge by its name; ``folder`` is what files are named from.
    Whoever makes one closes it."""

    folder: Path = Path()
    gold: Callable[[Case], Gold] = named_gold
    embedder: Callable[[], Embedder] = _no_embedder
    judge: Callable[[str], Scorer] = _no_judge

    _functions: list[Functions] = field(default_factory=list)

    def function(self, place: str, kind: Literal["plain", "scorer"] = "plain") -> Functions:
        """A function that runs in processes of its own, until :meth:`close`."""
        self._functions.append(Functions(place, kind, processes=2))
        return self._functions[-1]

    async def check(self) -> None:
        """Raises :class:`~aver.core.errors.InvalidInput` for functions that cannot be loaded, before anything is asked."""
        for each in self._functions:
            await each.check()

    async def close(self) -> None:
        for each in self._functions:
            await each.close()


@dataclass(frozen=True, slots=True)
class Kind:
    """A scorer by name. ``settings`` is what may be declared of it, ``None`` for nothing; ``standard`` are its settings where nothing is;
    ``needed`` says that something must be. ``version`` changes when the same settings come to score otherwise."""

    name: str
    about: str
    """In a line, for whoever chooses."""
    measures: tuple[str, ...]
    make: Callable[[Any, Means], Judge | Scorer]
    settings: Shape[Any] | None = None
    standard: Any = None
    needed: bool = False
    version: int = 1

    def scorer(self, settings: Any, means: Means) -> Scorer:
        """Raises :class:`~aver.core.errors.AverError` for settings that lead nowhere."""
        made = self.make(settings, means)
        if not inspect.isfunction(made):
            return cast(Scorer, made)
        written = None if self.settings is None or settings is None else self.settings.write(settings)
        return Judged(self.name, sha256_hex(canonical_json([self.name, self.version, written])), cast(Judge, made))


@dataclass(frozen=True, slots=True)
class Judged:
    """A judge as a :class:`~aver.evals.types.Scorer`."""

    name: str
    digest: str
    judge: Judge

    async def score(self, case: Case, response: Response) -> Score:
        found = self.judge(case, response)
        return await found if inspect.isawaitable(found) else found


def rate(right: bool) -> tuple[float, float]:
    return float(right), 1.0


def references(case: Case) -> tuple[str, ...]:
    """Texts any of which a response is held against: ``expected``, one or a list, else ``answers``."""
    expected = case.expected
    if isinstance(expected, str):
        return (expected,)
    if isinstance(expected, list) and expected and all(isinstance(each, str) for each in expected):
        return tuple(expected)
    if isinstance(expected, int | float) and not isinstance(expected, bool):
        return (str(expected),)
    return case.answers if expected is None else ()
