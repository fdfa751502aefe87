"""Controls judged: the queries by name, asked together in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aver.governance.proof.asking import Query, Result, Step
from aver.governance.proof.of_running import (
    Anchored,
    ErasuresDone,
    Evaluated,
    GlassWhole,
    IncidentsHandled,
    KeysEnd,
    Recorded,
    RedTeam,
    ReleasesGated,
)
from aver.governance.proof.of_turns import (
    AnswersSupported,
    AnswersVerified,
    ApprovedByPeople,
    CallsPriced,
    CheckRan,
    ModelsKnown,
    ToolCallsDecided,
    TurnsGuarded,
    TurnsSealed,
    TurnsTraceable,
)
from aver.governance.proof.terms import canonical

__all__ = ["QUERIES", "Judging"]

QUERIES: Mapping[str, type[Query]] = {
    "answers_verified": AnswersVerified,
    "answers_supported": AnswersSupported,
    "tool_calls_decided": ToolCallsDecided,
    "approved_by_people": ApprovedByPeople,
    "turns_guarded": TurnsGuarded,
    "check_ran": CheckRan,
    "red_team": RedTeam,
    "evaluated": Evaluated,
    "releases_gated": ReleasesGated,
    "recorded": Recorded,
    "erasures_done": ErasuresDone,
    "incidents_handled": IncidentsHandled,
    "turns_traceable": TurnsTraceable,
    "turns_sealed": TurnsSealed,
    "calls_priced": CallsPriced,
    "models_known": ModelsKnown,
    "keys_end": KeysEnd,
    "glass_whole": GlassWhole,
    "anchored": Anchored,
}


class Judging:
    """The controls of some frameworks, judged in one pass over the steps of a period. Equal queries are asked once."""

    def __init__(self, frameworks: Sequence[Mapping[str, Any]], until: str) -> None:
        self._frameworks, self._until = frameworks, until
        self._asked: dict[bytes, Query] = {}
        for framework in frameworks:
            for control in framework["controls"]:
                for each in control["queries"]:
                    key = canonical(each)
                    if key not in self._asked:
                        self._asked[key] = QUERIES[each["query"]](each["params"], until)
        self._by_kind: dict[str, list[Query]] = {}
        for query in self._asked.values():
            for kind in query.kinds:
                self._by_kind.setdefault(kind, []).append(query)

    def take(self, step: Step) -> None:
        for each in self._by_kind.get(step.kind, ()):
            each.take(step)

    def results(self) -> list[dict[str, Any]]:
        """One for each control, in order: its outcome is the worst of its queries'."""
        made = {key: query.result() for key, query in self._asked.items()}
        found = []
        for framework in self._frameworks:
            for control in framework["controls"]:
                results = [{**each, **_plain(made[canonical(each)])} for each in control["queries"]]
                outcomes = {each["outcome"] for each in results}
                outcome = next((each for each in ("not_met", "no_data") if each in outcomes), "met")
                found.append(
                    {
                        "framework": framework["framework"],
                        "control": control["id"],
                        "title": control["title"],
                        "outcome": outcome,
                        "at": self._until,
                        "results": results,
                    }
                )
        return found


def _plain(result: Result) -> dict[str, Any]:
    return {
        "outcome": result.outcome,
        "said": result.said,
        "numbers": dict(result.numbers),
        "samples": list(result.samples),
    }
