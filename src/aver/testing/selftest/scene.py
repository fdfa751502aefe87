"""What the fake provider is to do to a call, and what it saw of it."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from aver.testing.replies import Received, Reply
from aver.testing.selftest.faults import Fault, Moment, Place, answer

__all__ = ["HEADER", "Ask", "Scene", "Trial", "Upstream"]

HEADER = "X-Aver-Selftest"
"""Says which provider of the configuration is asked: all are one server here."""
_FEW = 8
"""Letters, fewer of which may be in any text."""
_MARKER = re.compile(r"\bselftest-[0-9a-f]{16}\b")


class Ask(NamedTuple):
    """A request that reached ``place``, in seconds of the monotonic clock."""

    place: Place
    at: float


@dataclass(slots=True)
class Scene:
    """A fault at work. It befalls ``faulty``: the first place asked. ``delays`` are the fault's delay by provider, scaled;
    ``over`` ends an outage."""

    fault: Fault
    delays: Mapping[str, float] = field(default_factory=dict)
    variant: int = 0
    faulty: Place | None = None
    asked: list[float] = field(default_factory=list)
    """When what is faulty was asked."""
    over: bool = False

    def reply(self, place: Place, text: str) -> Reply:
        now = time.monotonic()
        if self.faulty is None and not self.fault.address:
            self.faulty = place
        if self.over:
            return answer(Moment(text))
        if not self.fault.befalls(place, self.faulty):
            return self.fault.elsewhere(Moment(text))
        self.asked.append(now)
        delay = self.delays.get(place.provider, 0.0)
        return self.fault.reply(Moment(text, len(self.asked), now - self.asked[0], delay, self.variant))


@dataclass(slots=True)
class Trial:
    """One call: a text of its own to be answered with, and the requests it led to."""

    scene: Scene
    marker: str = field(default_factory=lambda: f"selftest-{secrets.token_hex(8)}")
    asks: list[Ask] = field(default_factory=list)

    @property
    def prompt(self) -> str:
        return f"This is the call {self.marker} of a test. Say what you were told to say."

    @property
    def text(self) -> str:
        """The right answer: unlike any other call's, with letters of several bytes."""
        return (
            f"Reply to {self.marker}, where whoever survives this fault tells the sentence to its end, naïve café, 日本語 and 🙂 "
            "included, and says nothing twice [1]."
        )


class Upstream:
    """The rule of a :class:`~aver.testing.provider.FakeProvider` that is every provider at once; it knows calls by their markers."""

    def __init__(self, providers: tuple[str, ...]) -> None:
        self._providers = providers
        self._trials: dict[str, Trial] = {}

    def expect(self, trial: Trial) -> None:
        self._trials[trial.marker] = trial

    def forget(self, trial: Trial) -> None:
        self._trials.pop(trial.marker, None)

    def __call__(self, received: Received) -> Reply:
        found = _MARKER.search(received.prompt)
        trial = self._trials.get(found.group()) if found else None
        if trial is None:
            return Reply("No call of the self-test says this.", status=404)
        place = Place(self._providers[int(received.headers[HEADER])], received.model)
        trial.asks.append(Ask(place, time.monotonic()))
        return trial.scene.reply(place, _from_last_words(trial.text, received.prompt))


def _from_last_words(text: str, prompt: str) -> str:
    """What an obedient model says where it is shown the beginning of its answer, and asked to go on from the last words of that: a line
    of the prompt that says words of ``text`` from within it. Otherwise all of it."""
    words = (line for line in reversed(prompt.splitlines()) if len(line) >= _FEW and line in text)
    return text[text.index(next(words, text[:_FEW])) :]
