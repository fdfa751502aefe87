"""Learned routers at work: prompts are looked at off the event loop, once, for all that is to be known of them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from hashlib import blake2b
from threading import Lock

from aver.gateway.config.types import Learned, Route
from aver.gateway.routing.learned import LearnedModel
from aver.gateway.routing.learned_features import Seen, look, pack
from aver.gateway.types import Embedder

__all__ = ["LearnedScorer"]

_REMEMBERED = 1024


class LearnedScorer:
    """A :class:`~aver.gateway.routing.types.Scorer`: ``models`` are the learned routers by the name of their route. Thread-safe.

    Looking at a prompt takes milliseconds: whoever must not wait calls :meth:`prepare` before the router plans. Prompts are remembered
    by a digest only.
    """

    def __init__(self, models: Mapping[str, LearnedModel], embedder: Callable[[], Embedder]) -> None:
        self._models = dict(models)
        self._embedder = embedder
        self._seen: OrderedDict[bytes, Seen] = OrderedDict()
        self._lock = Lock()

    def __call__(self, route: Route, text: str) -> Mapping[str, float]:
        """Empty for a route without a learned router: the first of its models then stands for the best."""
        model = self._models.get(route.name)
        if model is None:
            return {}
        return model.graded(model.scores(self._look(text)), (route.learned or Learned()).target)

    async def prepare(self, text: str) -> Mapping[str, str]:
        """Looks at a prompt in a thread, so that the next call for it takes microseconds. What the call's record keeps of it: whose
        vectors, and what was seen, in which no word can be read."""
        key = _key(text)
        seen = self._remembered(key)
        if seen is None:
            seen = await asyncio.to_thread(self._look, text)
        return {"embedder": self._embedder().name, "seen": pack(seen)}

    def _look(self, text: str) -> Seen:
        key = _key(text)
        seen = self._remembered(key)
        return seen if seen is not None else self._remember(key, look([text], self._embedder()))

    def _remembered(self, key: bytes) -> Seen | None:
        with self._lock:
            seen = self._seen.get(key)
            if seen is not None:
                self._seen.move_to_end(key)
            return seen

    def _remember(self, key: bytes, seen: Seen) -> Seen:
        with self._lock:
            self._seen[key] = seen
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
        return seen


def _key(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
