"""A verdict as JUnit XML, which every system of continuous integration reads.

There is no standard; this keeps to what the schemas of Ant (https://github.com/windyroad/JUnit-Schema) and of Jenkins' xunit plugin have in
common. A suite has a test case a case, failed where it speaks against a condition, in error where nothing could be scored; the suite
``gate`` has one a condition.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from xml.etree import ElementTree as Tree

from aver.evals.gates.judging import Trial
from aver.evals.gates.sheet import Row, shown_value
from aver.evals.gates.telling import tell_judged
from aver.evals.gates.types import Judged, Verdict
from aver.evals.rendering.text import shortened, visible
from aver.evals.types import Case

__all__ = ["junit"]


@dataclass(frozen=True, slots=True)
class _Test:
    name: str
    element: Tree.Element
    kind: str


def junit(verdict: Verdict, trials: Iterable[Trial], cases: Mapping[str, Case] | None = None) -> bytes:
    """The document, UTF-8. ``cases`` by id, for their questions."""
    root = Tree.Element("testsuites")
    trials = list(trials)
    gate = [_condition(each) for each in verdict.judged]
    started = trials[0].run.header.started if trials else ""
    _suite(root, "gate", started, {"outcome": verdict.outcome}, gate)
    for trial in trials:
        header = trial.run.header
        own = [each for each in verdict.judged if each.suite == trial.suite]
        properties = {
            "dataset": f"{header.dataset} {header.dataset_digest}",
            "target": header.target,
            "release": header.release,
            "software": header.software,
            **{each.condition: f"{each.outcome}: {each.said}" for each in own},
        }
        against: dict[str, list[Judged]] = {}
        for each in own:
            for name in each.cases if each.outcome != "pass" else ():
                against.setdefault(name, []).append(each)
        tests = [
            _case(trial.suite, name, row, against.get(name, []), (cases or {}).get(name))
            for name, row in trial.run.rows.items()
        ]
        _suite(root, trial.suite, header.started, properties, tests)
    document: bytes = Tree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _suite(root: Tree.Element, name: str, started: str, properties: Mapping[str, str], tests: Iterable[_Test]) -> None:
    tests = list(tests)
    counts = {kind: sum(test.kind == kind for test in tests) for kind in ("failure", "error")}
    suite = Tree.SubElement(
        root,
        "testsuite",
        {
            "name": visible(name, 500),
            "timestamp": _moment(started),
            "hostname": platform.node() or "localhost",
            "tests": str(len(tests)),
            "failures": str(counts["failure"]),
            "errors": str(counts["error"]),
            "time": f"{sum(float(test.element.get('time', '0')) for test in tests):.3f}",
            "id": str(len(root)),
            "package": "aver",
        },
    )
    box = Tree.SubElement(suite, "properties")
    for key, value in properties.items():
        Tree.SubElement(box, "property", {"name": visible(key, 500), "value": visible(value, 2000)})
    suite.extend(test.element for test in tests)
    Tree.SubElement(suite, "system-out")
    Tree.SubElement(suite, "system-err")


def _condition(judged: Judged) -> _Test:
    name = judged.condition if not judged.slice else f"{judged.condition} [{judged.slice}]"
    element = Tree.Element(
        "testcase", {"name": visible(name, 500), "classname": f"gate.{judged.suite}", "time": "0.000"}
    )
    if judged.outcome == "pass":
        return _Test(name, element, "")
    kind = "failure" if judged.outcome == "fail" else "error"
    told = visible(tell_judged(judged), 2000)
    Tree.SubElement(element, kind, {"message": told, "type": judged.outcome}).text = told
    return _Test(name, element, kind)


def _case(suite: str, name: str, row: Row, against: list[Judged], case: Case | None) -> _Test:
    taken = shown_value(row, "latency_ms") or 0.0
    element = Tree.Element(
        "testcase", {"name": visible(name, 500), "classname": visible(suite, 500), "time": f"{taken / 1000:.3f}"}
    )
    asked = "" if case is None else f"{shortened(case.question, 400)}\n"
    kind = ""
    if row.errors:
        kind = "error"
        slugs = ", ".join(dict.fromkeys(row.errors))
        said = f"{len(row.errors)} of {row.asked} asks ended with an error"
        Tree.SubElement(element, kind, {"message": said, "type": visible(slugs, 200)}).text = visible(
            f"{asked}{said}: {slugs}"
        )
    elif against:
        kind = "failure"
        said = "; ".join(
            f"{each.measure} is {shown_value(row, each.measure):g}, and the gate wants {each.condition}"
            for each in against
        )
        Tree.SubElement(element, kind, {"message": visible(said, 2000), "type": against[0].measure}).text = visible(
            f"{asked}{said}"
        )
    return _Test(name, element, kind)


def _moment(started: str) -> str:
    """As the schemas want it: without fractions, without a zone, UTC."""
    try:
        return datetime.fromisoformat(started).strftime("%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return "1970-01-01T00:00:00"
