"""Kinds of fields that requests share."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

__all__ = ["Text"]


def _unicode(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("not valid Unicode text") from None
    return value


Text = Annotated[str, AfterValidator(_unicode)]
"""Text that can be stored: JSON can also write half of a surrogate pair, which UTF-8 cannot."""
