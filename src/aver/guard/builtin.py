"""The checks that come with Aver and need nothing declared of them, by name. Each is imported when it is first made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib import import_module
from typing import Any

from aver.gateway.types import Embedder
from aver.guard.types import Check, Detector

__all__ = ["NAMES", "QUICK", "built_in"]

_ALONE = {
    "personal": ("aver.guard.personal", "PersonalData"),
    "secrets": ("aver.guard.secrets", "Secrets"),
    "exfiltration": ("aver.guard.exfiltration", "Exfiltration"),
    "unsafe_code": ("aver.guard.code", "UnsafeCode"),
    "prompt_leak": ("aver.guard.canary", "PromptLeak"),
}
_BY_MEANING = {"injection": ("aver.guard.injection", "Injection")}
"""Those that look at what a text means, through the embedding model."""

NAMES = frozenset({*_ALONE, *_BY_MEANING})
QUICK = NAMES
"""Those that take no thread; see :class:`~aver.guard.detecting.Detecting`."""


def built_in(embedder: Callable[[], Embedder]) -> Mapping[str, Callable[[], Detector | Check]]:
    """What makes each; the same one every time."""

    def make(place: tuple[str, str], *given: Callable[[], Any]) -> Any:
        module, name = place
        return getattr(import_module(module), name)(*(each() for each in given))

    return {
        **{name: cache(partial(make, place)) for name, place in _ALONE.items()},
        **{name: cache(partial(make, place, embedder)) for name, place in _BY_MEANING.items()},
    }
