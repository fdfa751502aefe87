"""Where the values of an action came from, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aver.core.labels import ANYTHING
from aver.policy import Origin, OriginKind

__all__ = ["in_words"]

_KINDS: Mapping[OriginKind, str] = {
    "user": "the asker's own words",
    "chosen": "picked out by the asker's words",
    "referred": "a source in which the asker said that it stands, which others may have written",
    "named": "a source that the asker pointed at, which others may have written",
    "mentioned": "mentioned by the asker, for something else",
    "trusted": "a trusted tool",
    "unknown": "nowhere: the model made it",
    "untrusted": "untrusted content",
}


def in_words(origins: Sequence[Origin]) -> str:
    """Each place that a value was seen in, with the call it was seen in; of a value seen nowhere, that."""
    said = (_KINDS[each.kind] + (f" ({each.step})" if each.step else "") + _labelled(each) for each in origins)
    return "; ".join(said) or _KINDS["unknown"]


def _labelled(origin: Origin) -> str:
    return "" if origin.label == ANYTHING else f", labelled {origin.label}"
