"""What a self-test found, for people and programs."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as Xml

from aver.testing.selftest.judge import Judgement, Result, worst

__all__ = ["Finding", "Scorecard", "finding"]

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one fault, over all routes and calls."""

    name: str
    explanation: str
    result: Result
    detail: str
    calls: int = 0
    seconds: float = 0.0
    """From its first call to its last, on a machine that tests other faults meanwhile."""


@dataclass(frozen=True, slots=True)
class Scorecard:
    """``targets`` are the routes or models that were tested, ``notes`` what was tested otherwise than declared."""

    findings: tuple[Finding, ...]
    targets: tuple[str, ...]
    speed: float
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return all(finding.result == "pass" for finding in self.findings)

    @property
    def totals(self) -> dict[Result, int]:
        counts = Counter(finding.result for finding in self.findings)
        return {"pass": counts["pass"], "partial": counts["partial"], "fail": counts["fail"]}

    def to_json(self) -> dict[str, Any]:
        """For a program, as plain values."""
        faults = [
            {
                "name": each.name,
                "result": each.result,
                "detail": each.detail,
                "explanation": each.explanation,
                "calls": each.calls,
                "seconds": round(each.seconds, 3),
            }
            for each in self.findings
        ]
        return {
            "faults": faults,
            "totals": self.totals,
            "routes": list(self.targets),
            "speed": self.speed,
            "notes": list(self.notes),
        }

    def to_junit(self) -> str:
        """JUnit's XML, one test case a fault; what did not pass is a failure of the type ``partial`` or ``fail``."""
        count, failed = len(self.findings), sum(each.result != "pass" for each in self.findings)
        totals = {"tests": str(count), "failures": str(failed), "errors": "0", "skipped": "0"}
        root = Xml.Element("testsuites", totals)
        suite = Xml.SubElement(root, "testsuite", {"name": "aver gateway selftest", **totals})
        for each in self.findings:
            seconds = f"{each.seconds:.3f}"
            case = Xml.SubElement(
                suite, "testcase", {"classname": "aver.gateway.selftest", "name": each.name, "time": seconds}
            )
            detail = _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", each.detail)
            if each.result != "pass":
                failure = Xml.SubElement(case, "failure", {"type": each.result, "message": detail})
                failure.text = each.explanation
            else:
                Xml.SubElement(case, "system-out").text = detail
        Xml.indent(root)
        return Xml.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def finding(name: str, explanation: str, judged: list[tuple[str, Judgement]], seconds: float) -> Finding:
    """The worst over all calls; ``judged`` says for each where it was made."""
    judgement = worst([each for _, each in judged])
    return Finding(name, explanation, judgement.result, _detail(judged, judgement), len(judged), seconds)


def _detail(judged: list[tuple[str, Judgement]], worst_one: Judgement) -> str:
    if worst_one.result == "pass":
        counts = Counter(each.detail for _, each in judged)
        if len(counts) == 1:
            return worst_one.detail
        return "; ".join(f"{detail} ({count} of {len(judged)})" for detail, count in counts.most_common(3))
    where = next(where for where, each in judged if each is worst_one)
    bad = sum(each.result != "pass" for _, each in judged)
    more = f" (and {bad - 1} more of {len(judged)})" if bad > 1 else ""
    return f"{where}: {worst_one.detail}{more}"
