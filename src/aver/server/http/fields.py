"""Kinds of fields that requests and answers share."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from aver.core.labels import Level
from aver.core.traceparent import read_traceparent

__all__ = ["Labelled", "Text", "Traceparent"]


def _unicode(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("not valid Unicode text") from None
    return value


def _traceparent(request: Request) -> str:
    return read_traceparent(request.headers.raw)


Traceparent = Annotated[str, Depends(_traceparent)]
"""The trace that the caller is in, if a header says so; whatever else it holds counts as not sent."""

Text = Annotated[str, AfterValidator(_unicode)]
"""Text that can be stored: JSON can also write half of a surrogate pair, which UTF-8 cannot."""


class Labelled(BaseModel):
    """How confidential something is, and where it may go."""

    model_config = ConfigDict(extra="forbid")

    level: Level = "public"
    regions: list[Text] | None = Field(
        None, description="Anywhere, if left out; nowhere outside of Aver, if none is named."
    )
