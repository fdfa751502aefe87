"""Kinds of fields that requests and answers share."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from aver.core.labels import Level

__all__ = ["Labelled", "Text"]


def _unicode(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("not valid Unicode text") from None
    return value


Text = Annotated[str, AfterValidator(_unicode)]
"""Text that can be stored: JSON can also write half of a surrogate pair, which UTF-8 cannot."""


class Labelled(BaseModel):
    """How confidential something is, and where it may go."""

    model_config = ConfigDict(extra="forbid")

    level: Level = "public"
    regions: list[Text] | None = Field(
        None, description="Anywhere, if left out; nowhere outside of Aver, if none is named."
    )
