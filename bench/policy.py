"""What a decision costs: a call with ten arguments, each with its provenance, asked of the standard policies.

``decide_us`` is the whole decision, from an action to its outcome and reason, as a turn gets it: one that was made before, of the same user,
tool and origins, is kept. ``afresh_us`` is the same with every decision made anew, ``bare_us`` cedarpy alone on the same request with the
same parsed policies, ``ratio`` the second over the third; the three are taken in turns in one run. ``provenance_us`` is what comes before, by
how many values the turn has read: finding the origins of the ten arguments. Medians; microseconds. ``fastest_us`` has the least of each,
which other work on the machine disturbs least, and ``load`` the machine's load average.

    python bench/policy.py --json
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import cedarpy

from aver.core import Principal
from aver.policy import Action, Annotations, Effect, Policies, Provenance
from aver.policy.requests import entities, request

ROUNDS, TIMES = 200, 20
MAIL = Annotations(
    frozenset({Effect.SEND}), "irreversible", targets=["to", "cc"], content=["subject", "body", "note", "footer"]
)
CONTACTS = Annotations(frozenset({Effect.READ}), output="trusted", untrusted_fields=["note"])
READ = (300, 3000)
"""Values that a turn has read."""


def turn(values: int = READ[0]) -> Provenance:
    """A turn that has read contacts of ``values`` values together."""
    provenance = Provenance(Principal("bench", "anna", frozenset({"support", "sales"})))
    provenance.said("Mail the minutes of Monday to ben5@example.com and a copy to carl7@example.com, please.")
    people = [
        {"name": f"Person {number}", "mail": f"person{number}@example.com", "note": f"Met on day {number} of the fair"}
        for number in range(values // 3)
    ]
    provenance.returned(provenance.action("contacts", CONTACTS, {}), people)
    return provenance


def action(provenance: Provenance) -> Action:
    arguments = {
        "to": "ben5@example.com",
        "cc": "carl7@example.com",
        "subject": "Minutes of Monday",
        "body": "Here are the minutes. We met Person 17 on day 17 of the fair.",
        "note": "internal",
        "footer": "Sent by Aver",
        "priority": 2,
        "receipt": True,
        "language": "en",
        "at": "2026-11-27T10:00:00Z",
    }
    return provenance.action("send_mail", MAIL, arguments)


def each(job: Callable[[], Any], times: int) -> float:
    """Microseconds for one of ``times``."""
    began = time.perf_counter()
    for _ in range(times):
        job()
    return (time.perf_counter() - began) / times * 1e6


def measure() -> dict[str, Any]:
    policies, provenance = Policies.standard(), turn()
    asked = action(provenance)
    parsed = cedarpy.PolicySet.from_str("\n".join(rule.text for rule in policies.rules.values()))
    wanted, known = request(asked), entities(asked, arguments=False)
    assert policies.decide(asked).outcome == "allow"
    jobs: dict[str, Callable[[], Any]] = {
        "decide_us": lambda: policies.decide(asked),
        "afresh_us": lambda: policies.decide(asked, afresh=True),
        "bare_us": lambda: cedarpy.is_authorized(wanted, parsed, known),
    }
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(ROUNDS):
        for name, job in jobs.items():
            taken[name].append(each(job, TIMES))
    found = {name: round(median(times), 1) for name, times in taken.items()}
    tracing: dict[str, float] = {}
    for values in READ:
        read = turn(values)
        tracing[str(values)] = round(median(each(lambda read=read: action(read), 1) for _ in range(ROUNDS)), 1)  # type: ignore[misc]
    return {
        **found,
        "ratio": round(found["afresh_us"] / found["bare_us"], 2),
        "fastest_us": {name.removesuffix("_us"): round(min(times), 1) for name, times in taken.items()},
        "provenance_us": tracing,
        "arguments": len(asked.arguments),
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    options = parser.parse_args()
    result = measure()
    print(json.dumps(result) if options.json else "\n".join(f"{name}: {value}" for name, value in result.items()))


if __name__ == "__main__":
    main()
