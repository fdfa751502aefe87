"""Answers given before, for those who may have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from aver.core.principal import Principal
from aver.gateway.calls import CacheVerdict, Call
from aver.gateway.config.types import CachePolicy
from aver.gateway.types import Completion

__all__ = ["Access", "Cache", "Found"]

Access = Callable[[Principal, frozenset[str]], bool]
"""Whether a principal may read each of these documents now. Blocking."""


class Found(NamedTuple):
    """``completion`` is ``None`` unless the verdict is a hit. A ``shadowed`` one is to be answered afresh and told to
    :meth:`Cache.compare`; ``entry`` names it."""

    verdict: CacheVerdict
    completion: Completion | None = None
    entry: str = ""


class Cache(Protocol):
    """The answers of one tenant. Nobody gets one whose passages they may not all read now, or from another release or route."""

    async def find(self, call: Call, route: str, policy: CachePolicy) -> Found: ...

    async def keep(self, call: Call, route: str, policy: CachePolicy, completion: Completion) -> None:
        """Only whole answers are kept: finished with ``stop``, no tool calls."""

    async def compare(self, call: Call, route: str, entry: str, completion: Completion) -> None:
        """A shadowed hit and the fresh answer: counts it right or wrong."""
