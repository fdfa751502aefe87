"""Retention, holds, labels, rules of use and the access log, told in plain sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aver.evidence.types import StepKind
from aver.server.known import Known

__all__ = ["GOVERNANCE"]

_ACCESSED = {
    "pack": "an evidence pack",
    "document": "a document",
    "picture": "a page of a document",
    "search": "passages, by searching",
    "evidence": "evidence",
    "export": "an export of evidence",
    "person": "what is kept of a person",
    "access": "the access log",
}


def _disposed(known: Known) -> str:
    return f"Let go of {known.counted('steps', 'step')} of {known.text('class', 'content')} whose time was up"


def _held(known: Known) -> str:
    matter, event = known.text("matter", "a legal hold"), known.text("event", "changed")
    if event == "preserved":
        return f"Preserved a document under a legal hold: {known.text('title', 'its text')}"
    return f"Legal hold {event}: {matter}"


def _governed(known: Known) -> str:
    return f"Declared how long {known.counted('classes', 'kind')} of content is kept, labels and rules of use"


def _acknowledged(known: Known) -> str:
    return f"{known.text('user', 'Somebody')} agreed to the rules of use"


def _accessed(known: Known) -> str:
    what = known.text("what", "document")
    return f"{known.text('user', 'Somebody')} read {_ACCESSED.get(what, what)}"


GOVERNANCE: Mapping[StepKind, Callable[[Known], str]] = {
    "disposed": _disposed,
    "held": _held,
    "governed": _governed,
    "acknowledged": _acknowledged,
    "accessed": _accessed,
}
