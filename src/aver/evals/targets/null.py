"""The agent that does nothing, and the one that knows the answers: what a labelled set must tell apart."""

from __future__ import annotations

import json
from collections.abc import Callable

from aver.evals.types import Case, Cited, Gold, Response

__all__ = ["Null", "Oracle"]


class Null:
    """Says nothing, finds nothing, does nothing. A case that it passes measures nothing, unless nothing is what is wanted."""

    name = "null"
    digest = "null-1"

    async def respond(self, case: Case, *, seed: int = 0) -> Response:
        del case, seed
        return Response(abstained=True, ranking=(), looked=(), citations=(), supported=(), calls=())


class Oracle:
    """Responds with the labels. A case that it fails has labels that no response meets. ``gold`` says what documents they point to."""

    name = "oracle"
    digest = ""

    def __init__(self, gold: Callable[[Case], Gold]) -> None:
        self._gold = gold

    async def respond(self, case: Case, *, seed: int = 0) -> Response:
        del seed
        nothing = case.unanswerable or case.refuse
        gold = Gold() if nothing else self._gold(case)
        cited = () if nothing else _cited(gold, case)
        text = "" if nothing else _text(case)
        return Response(
            text=text,
            value=None if nothing or isinstance(case.expected, str) else case.expected,
            abstained=case.unanswerable,
            refused=case.refuse,
            ranking=() if nothing else _ranked(gold, case),
            looked=cited,
            citations=cited,
            supported=(True,) if text else (),
            calls=case.calls if case.calls is not None else (),
            state=case.state,
        )


def _text(case: Case) -> str:
    if case.expected is not None:
        expected = case.expected
        return expected if isinstance(expected, str) else json.dumps(expected, ensure_ascii=False)
    if case.answers:
        return case.answers[0]
    return " ".join(each.quote for each in case.passages)


def _ranked(gold: Gold, case: Case) -> tuple[Cited, ...]:
    """What a search would have found: the passages that the labels point to, then the documents of which they name none."""
    text = _said(case)
    passages = [Cited(document, start, start + 1, text) for document, start in sorted(gold.passages)]
    return (*passages, *_rest(gold, {each.document for each in passages}, case))


def _cited(gold: Gold, case: Case) -> tuple[Cited, ...]:
    """What would have been quoted, in the same way."""
    spans = [Cited(each.document, each.start, each.end, _said(case)) for each in gold.spans]
    return (*spans, *_rest(gold, {each.document for each in spans}, case))


def _rest(gold: Gold, known: set[str], case: Case) -> tuple[Cited, ...]:
    if not gold.documents:
        return tuple(Cited("", 0, len(each), each) for each in gold.anywhere[:1])
    return tuple(Cited(each, 0, 0, _said(case)) for each in sorted(gold.documents - known))


def _said(case: Case) -> str:
    return next(iter((*case.answers, *(each.quote for each in case.passages))), "")
