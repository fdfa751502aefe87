"""Cedar, loaded when it is first used, and the files of this package that are written in it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["cedar", "resource", "schema"]


@cache
def cedar() -> Any:
    import cedarpy

    return cedarpy


@cache
def schema(name: str = "schema") -> Any:
    """What policies are checked against: those about calls of tools, or those of ``access``."""
    return cedar().Schema.from_str(resource(f"{name}.cedarschema"))


def resource(name: str) -> str:
    """The text of a file of this package."""
    return files("aver.policy").joinpath(name).read_text(encoding="utf-8")
