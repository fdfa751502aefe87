"""Learned routers at work: predictions off the event loop, and remembered for prompts that come again."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import blake2b
from threading import Lock

from aver.gateway.config.types import Learned, Route
from aver.gateway.routing.learned import LearnedModel

__all__ = ["LearnedScorer"]

_REMEMBERED = 4096


class LearnedScorer:
    """A :class:`~aver.gateway.routing.types.Scorer`: ``models`` are the learned routers by the name of their route. Thread-safe.

    A prediction takes milliseconds: whoever must not wait calls :meth:`prepare` before the router plans. Prompts are remembered by a
    digest only.
    """

    def __init__(self, models: Mapping[str, LearnedModel]) -> None:
        self._models = dict(models)
        self._scores: OrderedDict[tuple[str, bytes], dict[str, float]] = OrderedDict()
        self._lock = Lock()

    def __call__(self, route: Route, text: str) -> Mapping[str, float]:
        """Empty for a route without a learned router: the first of its models then stands for the best."""
        model = self._models.get(route.name)
        if model is None:
            return {}
        key = _key(route.name, text)
        scores = self._remembered(key)
        if scores is None:
            scores = self._remember(key, model.scores(text))
        return model.graded(scores, (route.learned or Learned()).target)

    async def prepare(self, route: Route, text: str) -> None:
        """Predicts in a thread, so that the next call for this prompt takes microseconds."""
        model = self._models.get(route.name)
        if model is None:
            return
        key = _key(route.name, text)
        if self._remembered(key) is None:
            self._remember(key, await asyncio.to_thread(model.scores, text))

    def _remembered(self, key: tuple[str, bytes]) -> dict[str, float] | None:
        with self._lock:
            scores = self._scores.get(key)
            if scores is not None:
                self._scores.move_to_end(key)
            return scores

    def _remember(self, key: tuple[str, bytes], scores: dict[str, float]) -> dict[str, float]:
        with self._lock:
            self._scores[key] = scores
            if len(self._scores) > _REMEMBERED:
                self._scores.popitem(last=False)
        return scores


def _key(route: str, text: str) -> tuple[str, bytes]:
    return route, blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
