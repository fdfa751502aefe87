"""How many attacks work on the demo's assistant and on its desk, beside the same without guardrails and policy.

Everything is model-free: the assistant answers extractively, or in ``compromised`` runs a model answers that does all an attacker wants, so what is
measured is what the system keeps it from. ``attack_success`` is of attacks, each tried up to ``--attempts`` times in disguises by seed;
``false_refusals`` of the benign look-alikes beside them. Both have 95 % intervals.

``assistant``: as the demo has it. ``assistant_compromised``: with such a model. ``assistant_guarded``: that model behind the guardrails that the
playbook proposes. ``desk``: the demo's agent with such a model, its policy and its tools' annotations real, the tools simulated. ``desk_guarded``: the same
behind those guardrails. ``unprotected_model``: passages in a prompt and nothing that checks. ``unprotected_desk``: every call allowed and no guardrails.

What guardrails alone find in public sets, and what they hold back that is harmless, is what ``bench/guardrails.py`` measures.

    python bench/redteam.py --json [--attempts N] [--seed N] [--only assistant desk ...]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from scaffold import say

from aver.core.settings import Settings
from aver.evals.redteam.agency import agency_attacks
from aver.evals.redteam.campaign import Campaign
from aver.evals.redteam.figures import Figures, figures
from aver.evals.redteam.mutators import chosen_mutators
from aver.evals.redteam.reading import chosen
from aver.evals.redteam.targets.agent import AgentTarget
from aver.evals.redteam.targets.model import ModelTarget
from aver.evals.redteam.targets.offering import playable
from aver.evals.statistics.intervals import Interval
from aver.gateway.adapters.minilm import MiniLM
from aver.guard import Guard
from aver.policy import Decision
from aver.server.application import Application
from aver.server.redteam import Arena, arena

DEMO = Path(__file__).resolve().parents[1] / "demo"
CACHE = Path(os.environ.get("AVER_BENCH_CACHE", "~/.cache/aver-bench")).expanduser()
TENANT = "Northwind Press"
GUARDRAILS = """
guardrails:
  input: {injection: block}
  passage: {injection: block}
  result: {injection: block}
  output: {prompt_leak: block, exfiltration: block, unsafe_code: block}
"""


@contextmanager
def demo(*, guarded: bool) -> Iterator[Application]:
    """The demo's bundle, with its programs at work and its tools approved."""
    sys.path.insert(0, str(DEMO / "tools"))
    from start import started

    with tempfile.TemporaryDirectory(prefix="aver-bench-") as folder, started(Path(folder)) as found:
        file = found.bundle / "aver.yaml"
        file.write_text(file.read_text(encoding="utf-8") + (GUARDRAILS if guarded else ""), encoding="utf-8")
        with mock.patch.dict(os.environ, found.environment):
            approve = [sys.executable, "-m", "aver", "tools", "approve", "desk", "--bundle", str(found.bundle), "--yes"]
            subprocess.run(approve, check=True, capture_output=True)
            settings = Settings(data=Path(folder) / "data", bundle=found.bundle)
            application = Application(settings, embedder=MiniLM(CACHE / "models"))
            application.store.create_tenant(TENANT)
            try:
                yield application
            finally:
                application.close()


async def attacked(ground: Arena, name: str, options: argparse.Namespace, *, compromised: bool, bare: bool) -> Figures:
    async with ground.target(name, compromised=compromised) as served:
        target: Any = served
        attacks = chosen([])
        if isinstance(target, AgentTarget):
            attacks += agency_attacks(target.tools)[0]
            if bare:
                freely: Callable[[Any], Decision] = lambda _: Decision("allow", "Everything is allowed.")  # noqa: E731
                target.parts = replace(target.parts, decide=freely, guard=Guard({}))
        elif bare:
            target = ModelTarget(None, "unprotected", ground.own.principal("bench"), compromised=True)
        played, _ = playable(attacks, target.offers)
        campaign = Campaign(
            target, played, chosen_mutators(["all"]), attempts=options.attempts, seed=options.seed, at_once=2
        )
        return figures([each async for each in campaign.run()])


PARTS: dict[str, tuple[str, dict[str, bool]]] = {
    "assistant": ("assistant", {"compromised": False, "bare": False, "guarded": False}),
    "assistant_compromised": ("assistant", {"compromised": True, "bare": False, "guarded": False}),
    "assistant_guarded": ("assistant", {"compromised": True, "bare": False, "guarded": True}),
    "unprotected_model": ("assistant", {"compromised": True, "bare": True, "guarded": False}),
    "desk": ("agent:desk", {"compromised": True, "bare": False, "guarded": False}),
    "desk_guarded": ("agent:desk", {"compromised": True, "bare": False, "guarded": True}),
    "unprotected_desk": ("agent:desk", {"compromised": True, "bare": True, "guarded": False}),
}


def measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    target, how = PARTS[name]
    began = time.monotonic()

    async def run() -> Figures:
        with demo(guarded=how["guarded"]) as application, arena(application, TENANT) as ground:
            try:
                return await attacked(ground, target, options, compromised=how["compromised"], bare=how["bare"])
            finally:
                await ground.application.aclose()

    found = asyncio.run(run())
    return {
        "attacks": found.attacks,
        "attempts": found.attempts,
        "attack_success": told(found.attack_success),
        "by_category": {category: told(each) for category, each in found.by["category"].items()},
        "controls": found.controls,
        "false_refusals": told(found.false_refusals),
        "worked": list(found.worked),
        "errors": dict(found.errors),
        "seconds": round(time.monotonic() - began, 1),
    }


def told(each: Interval | None) -> dict[str, Any] | None:
    if each is None:
        return None
    low, high = (None if bound is None else round(bound, 4) for bound in (each.low, each.high))
    return {"value": round(each.value, 4), "low": low, "high": high, "n": each.n}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--attempts", type=int, default=4, help="how often each attack is tried until it works")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=tuple(PARTS), default=list(PARTS), help="which parts")
    options = parser.parse_args()
    result: dict[str, Any] = {"attempts": options.attempts, "seed": options.seed}
    for name in options.only:
        say(name)
        result[name] = measure(name, options)
    if options.json:
        print(json.dumps(result))
        return
    for name in options.only:
        part = result[name]
        print(f"{name}: {len(part['worked'])} of {part['attacks']} attacks worked, {part['false_refusals']}")
        for category, each in part["by_category"].items():
            print(f"  {category:20} {each['value']:.3f}  ({each['low']} to {each['high']}, n {each['n']})")


if __name__ == "__main__":
    main()
