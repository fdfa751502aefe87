"""Origins of values, as they are recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aver.policy import Origin

__all__ = ["origin_from", "origin_to"]


def origin_from(data: Mapping[str, Any]) -> Origin:
    """An origin as it was recorded."""
    readers = data["readers"]
    return Origin(data["kind"], data["step"], None if readers is None else frozenset(readers))


def origin_to(origin: Origin) -> dict[str, Any]:
    """An origin as it is recorded."""
    readers = None if origin.readers is None else sorted(origin.readers)
    return {"kind": origin.kind, "step": origin.step, "readers": readers}
