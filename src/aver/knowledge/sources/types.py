"""What a source is declared as, what its adapter may reach, and how it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

from aver.core.clock import Clock
from aver.gateway.config.shapes import Field
from aver.knowledge.access import AccessList
from aver.knowledge.types import IngestReport, ItemFailure, Source

__all__ = ["DeclaredSource", "Kind", "Reach", "SourceState"]

T = TypeVar("T")
_AFTER_RUN, _AFTER_FAILURE = 10.0, 300.0
"""Seconds between a run and the next that an event asks for."""


@dataclass(frozen=True, slots=True)
class Reach:
    """All that an adapter may use of the world. ``secret`` gives what a reference such as ``env:TOKEN`` names; ``folder`` is the
    source's own, kept between runs, for what it needs to remember; an item of more than ``max_bytes`` is refused."""

    secret: Callable[[str], str]
    clock: Clock
    folder: Path
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of source. ``fields`` are those of its declaration, made into options by ``options``; ``open`` makes the source of a name
    and options, reaching nothing yet."""

    name: str
    about: str
    fields: Mapping[str, Field]
    options: Callable[..., T]
    open: Callable[[str, T, Reach], Source]


@dataclass(frozen=True, slots=True)
class DeclaredSource:
    """A source as its declaration says. ``values`` are the kind's own fields, as they are written. ``every`` is in seconds, 0 for a
    source that is followed only when it is asked to be. ``webhook_secret`` is a reference, empty for one that takes no events."""

    name: str
    kind: str
    values: Mapping[str, Any]
    every: float = 0.0
    access: AccessList | None = None
    webhook_secret: str = ""


@dataclass(frozen=True, slots=True)
class SourceState:
    """How a source stands. ``fresh`` is the moment up to which everything that happened in it is known; ``tried`` when it was last
    followed, and ``problem`` why that failed, if it did. ``kind`` is empty for what was ingested by hand. ``asked``: an event told of a
    change since its last good run began."""

    name: str
    kind: str
    every: float
    documents: int
    fresh: datetime | None
    tried: datetime | None
    problem: str
    report: IngestReport | None
    asked: bool = False

    @property
    def failures(self) -> tuple[ItemFailure, ...]:
        """What could not be taken in the last time."""
        return self.report.failed if self.report else ()

    def lag(self, now: datetime) -> float | None:
        """Seconds for which a change may have gone unseen; ``None`` where the source was never followed to its end."""
        return None if self.fresh is None else max(0.0, (now - self.fresh).total_seconds())

    def is_due(self, now: datetime) -> bool:
        """Whether its schedule, or an event, says that it is to be followed again."""
        wanted = [each for each in (self.every, self._patience if self.asked else 0) if each]
        if not (self.kind and wanted):
            return False
        return self.tried is None or now - self.tried >= timedelta(seconds=min(wanted))

    @property
    def _patience(self) -> float:
        """Seconds after a run in which no event begins another: at least as many as that run took, so that events without end
        leave it half of the time in peace."""
        if self.problem:
            return _AFTER_FAILURE
        return max(_AFTER_RUN, self.report.seconds if self.report else 0.0)
