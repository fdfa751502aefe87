"""What Anthropic's models take, by their names.

Reference: https://docs.anthropic.com/en/docs/about-claude/models/migration-guide. From 4.6 on, models decide themselves how long they
think, guided by an effort, and refuse an answer that is begun for them; from 4.7 on they refuse a choice of sampling. Before 3.7 none
thinks.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from aver.gateway.wire.types import Endpoint

__all__ = ["Abilities", "abilities"]

_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d)(?:[-.](\d{1,2}))?(?!\d)")
Thinking = Literal["effort", "budget", "none"]
_TOLD: dict[str, Thinking] = {"effort": "effort", "budget": "budget", "none": "none"}


class Abilities(NamedTuple):
    thinking: Thinking
    """How it is told to think: by an effort, by a number of tokens, or not at all."""
    sampling: bool
    """Whether it takes ``temperature`` and ``top_p``."""


def abilities(endpoint: Endpoint) -> Abilities:
    """Of the endpoint's model. The option ``thinking`` (``effort``, ``budget``, ``none``) and ``sampling`` (``yes``, ``no``) decide where
    they are set. Models of other makers that are served under this protocol are taken as Claude 4."""
    known = _of_name(endpoint.model)
    thinking = _TOLD.get(endpoint.options.get("thinking", ""), known.thinking)
    sampling = endpoint.options.get("sampling", "yes" if known.sampling else "no")
    return Abilities(thinking, sampling == "yes")


@lru_cache(1024)
def _of_name(model: str) -> Abilities:
    if "claude" not in model:
        return Abilities("budget", True)
    if (found := _VERSION.search(model)) is None:
        return Abilities("effort", False)  # a name without a version is a newer model's
    version = (int(found[1]), int(found[2] or 0))
    thinking: Thinking = "effort" if version >= (4, 6) else "budget" if version >= (3, 7) else "none"
    return Abilities(thinking, version < (4, 7))
