"""What can be called, and how long a request is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aver.core.errors import NotFound
from aver.gateway.calls import Call
from aver.gateway.service import Gateway
from aver.gateway.types import Family
from aver.server.wire import to_json

__all__ = ["count", "listed"]


def listed(gateway: Gateway, family: Family, name: str, features: Sequence[str]) -> bytes:
    """``features``, then all models and routes, or the one called ``name``, in the shape of ``family``."""
    names = [*features, *(each for each in gateway.names() if each not in features)]
    if name:
        if name not in names:
            raise NotFound("There is no such model, or it is not yours", "/v1/models lists all.")
        return to_json(_one(family, name, features))
    data = [_one(family, each, features) for each in names]
    if family == "anthropic":
        return to_json({"data": data, "has_more": False, "first_id": names[0], "last_id": names[-1]})
    return to_json({"object": "list", "data": data})


def _one(family: Family, name: str, features: Sequence[str]) -> dict[str, Any]:
    if family == "anthropic":
        return {"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"}
    return {"id": name, "object": "model", "created": 0, "owned_by": "aver" if name in features else "gateway"}


async def count(gateway: Gateway, call: Call) -> bytes:
    """The input tokens of a request, by the provider itself where it counts, else estimated."""
    return to_json({"input_tokens": await gateway.count_tokens(call)})
