"""What is wrong with a set, or worth a look, before anybody believes what is measured on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aver.core.sentences import sentences
from aver.evals.datasets.contamination import leaks
from aver.evals.datasets.coverage import only_synthetic
from aver.evals.datasets.fields import fields_of, is_labelled
from aver.evals.datasets.similarity import alike, form
from aver.evals.judges.poison import suspicious
from aver.evals.types import Case
from aver.guard import Detector, Finding, Place
from aver.guard.personal import PersonalData
from aver.guard.secrets import Secrets

__all__ = ["Problem", "examine", "poisoned"]

FEW = 20
"""Cases below which a bootstrap says too little of a slice."""
_LABELS = ("documents", "answers", "passages", "unanswerable", "expected", "calls", "state", "refuse")
_CERTAIN = 0.9
"""From which score on orders in a question are no accident."""
_CONTACT = frozenset(["CREDIT_CARD", "EMAIL_ADDRESS", "IBAN_CODE", "PHONE_NUMBER", "US_SSN"])
"""Personal data that no case needs, by forms that seldom err."""


@dataclass(frozen=True, slots=True)
class Problem:
    """``place`` is a case's ``FILE:LINE``, or empty for the set. An error makes figures wrong; a warning is worth a look."""

    level: Literal["error", "warning"]
    place: str
    kind: str
    said: str


def examine(cases: Sequence[Case]) -> list[Problem]:
    """Everything that can be told from the cases alone."""
    return [
        *_contradictions(cases),
        *(
            Problem(
                "error",
                each.other.place,
                "leak",
                f"{each.one.place} is in {each.one.split!r}, and this in {each.other.split!r}: {_WHY[each.why]}",
            )
            for each in leaks(cases)
        ),
        *_secret(cases),
        *_whole(cases),
    ]


_WHY = {
    "cluster": "they are of one cluster",
    "passage": "they rest on one passage",
    "question": "they ask nearly the same",
}


def poisoned(cases: Sequence[Case], at: Callable[[Place], Detector]) -> Iterator[Problem]:
    """Cases that carry orders to a model, which a judge would read: attacks say that they are, and are passed over. ``at`` gives what finds orders in a
    text at a place. In a question an order is expected, so that only what is against the rules is found, or speaks to whoever judges; what is found there
    without certainty is worth a look, since people ask about passwords."""
    for case in cases:
        if case.origin != "attack":
            found = [(name, _ordering(name, text, at)) for name, text in _texts(case)]
            sure = [name for name, level in found if level == "error"]
            likely = [name for name, level in found if level == "warning"]
            if sure:
                said = f"its {sure[0]} gives orders to a model: mark it origin: attack, or take them out"
                yield Problem("error", case.place, "poisoned", said)
            elif likely:
                said = f"its {likely[0]} may give orders to a model: mark it origin: attack if it does"
                yield Problem("warning", case.place, "poisoned", said)


def _ordering(name: str, text: str, at: Callable[[Place], Detector]) -> Literal["", "error", "warning"]:
    if name not in ("question", "history"):
        return "error" if at("passage").find(text) else ""
    found = at("input").find(text)
    if any(each.score >= _CERTAIN for each in found):
        return "error"
    if any(suspicious(text[start:end]) for start, end in sentences(text)) and at("passage").find(text):
        return "error"
    return "warning" if found else ""


def _contradictions(cases: Sequence[Case]) -> Iterator[Problem]:
    """The same asked twice: with other labels one of the two is wrong; with the same it counts double."""
    exact: dict[tuple[object, ...], Case] = {}
    pairs: set[tuple[str, str]] = set()
    for case in cases:
        first = exact.setdefault(_asked(case), case)
        if first is not case:
            pairs.add((first.id, case.id))
            if _labels(first) != _labels(case):
                yield Problem("error", case.place, "contradiction", f"asked in {first.place} too, with other labels")
            else:
                yield Problem("warning", case.place, "duplicate", f"asked in {first.place} too")
    for pair in alike([case.question for case in cases]):
        one, other = cases[pair.one], cases[pair.other]
        if (one.id, other.id) not in pairs and _who(one) == _who(other):
            yield Problem("warning", other.place, "near-duplicate", f"nearly what {one.place} asks ({pair.share:.0%})")


def _secret(cases: Sequence[Case]) -> Iterator[Problem]:
    secrets, personal = Secrets(), PersonalData(names=False)
    for case in cases:
        text = "\n".join(text for _, text in _texts(case))
        found: list[Finding] = [*secrets.find(text), *(each for each in personal.find(text) if each.kind in _CONTACT)]
        for kind in sorted({each.kind for each in found}):
            yield Problem("warning", case.place, "personal", f"has what looks like {kind}")


def _whole(cases: Sequence[Case]) -> Iterator[Problem]:
    drafts = sum(case.status == "draft" for case in cases)
    waiting = sum(not is_labelled(case) and bool(case.question) for case in cases)
    tests: tuple[tuple[bool, str, str], ...] = (
        (bool(drafts), "drafts", f"{drafts} of {len(cases)} cases are drafts that nobody confirmed"),
        (
            bool(waiting),
            "unlabelled",
            f"{waiting} of {len(cases)} cases have no label: only a rubric or a function can judge them",
        ),
        (
            only_synthetic(cases),
            "synthetic",
            "all cases are synthetic: they say what changed, and decide no gate alone",
        ),
        (len(cases) < FEW, "few", f"{len(cases)} cases are too few for an interval of most measures"),
        (
            _all_answerable(cases),
            "answerable",
            "nothing is unanswerable or to be refused, so an assistant that always answers looks right",
        ),
    )
    yield from (Problem("warning", "", kind, said) for found, kind, said in tests if found)
    small = [f"{tag} ({n})" for tag, n in Counter(tag for case in cases for tag in case.tags).items() if n < FEW]
    if small and len(cases) >= FEW:
        yield Problem("warning", "", "slice", f"too few cases for most intervals of {', '.join(small)}")


def _all_answerable(cases: Sequence[Case]) -> bool:
    answerable = sum(bool(case.documents or case.answers or case.passages) for case in cases)
    return answerable == len(cases) >= FEW


def _asked(case: Case) -> tuple[object, ...]:
    return form(case.question) or case.id, *_who(case)


def _who(case: Case) -> tuple[object, ...]:
    return case.user, tuple(sorted(case.groups)), case.history, repr(sorted(case.variables.items()))


def _labels(case: Case) -> dict[str, Any]:
    return {name: value for name, value in fields_of(case).items() if name in _LABELS}


def _texts(case: Case) -> Iterator[tuple[str, str]]:
    """What a model or a judge would read of it."""
    yield "question", case.question
    yield from (("history", message.content) for message in case.history)
    for name in ("variables", "expected", "state"):
        yield from ((name, text) for text in _strings(getattr(case, name)))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)
