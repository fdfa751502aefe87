"""Whether a case's task is done: everything that its labels ask for at once."""

from __future__ import annotations

import inspect
from typing import Any

from aver.evals.scorers.answers import ANSWERS
from aver.evals.scorers.contains import CONTAINS
from aver.evals.scorers.kinds import NOTHING, Judge, Kind, Means, Score, rate
from aver.evals.scorers.numeric import NUMERIC
from aver.evals.scorers.refusal import REFUSAL
from aver.evals.scorers.tool_calls import END_STATE, TOOL_CALLS
from aver.evals.types import Case, Response

__all__ = ["TASK"]


def _make(settings: Any, means: Means) -> Judge:
    del settings
    made = {
        kind.name: kind.make(kind.standard, means)
        for kind in (ANSWERS, CONTAINS, NUMERIC, REFUSAL, TOOL_CALLS, END_STATE)
    }

    async def judge(case: Case, response: Response) -> Score:
        failed = []
        names = _asked(case)
        for name, measure in names:
            score = made[name](case, response)  # type: ignore[operator]
            values, why = await score if inspect.isawaitable(score) else score
            above, below = values.get(measure, (0.0, 1.0))
            if above < below:
                failed.append(why or f"{measure} is not met")
        if not names:
            return NOTHING
        return {"task_success": rate(not failed)}, "; ".join(failed)

    return judge


def _asked(case: Case) -> list[tuple[str, str]]:
    """The scorers that read its labels, each with the measure that must be full."""
    found = []
    if case.refuse:
        found.append(("refusal", "refusal"))
    elif case.unanswerable:
        found.append(("answers", "held_back"))
    elif case.documents or case.answers or case.passages:
        found.append(("answers", "right_of_answered"))
    if case.calls is not None:
        found.append(("tool_calls", "tool_calls"))
    if case.state is not None:
        found.append(("end_state", "end_state"))
    if isinstance(case.expected, str) or (isinstance(case.expected, list) and not case.answers):
        found.append(("contains", "contains"))
    elif isinstance(case.expected, int | float) and not isinstance(case.expected, bool):
        found.append(("numeric", "numeric"))
    return found


TASK = Kind(
    "task",
    "everything that the case's labels ask for: the answer, the refusal, the calls, the end state",
    ("task_success",),
    _make,
)
