"""AgentDojo replayed without a model, against the policy: what a model that obeys every injection could still do.

The compromised model makes the user's calls (the task's ground truth) until the first result that shows an injection, then every call
of the attacker, then the rest of the user's. Each call goes to the standard policy with the provenance of its arguments and runs only
where the answer is *allow*; a question is answered by the person whose task it is, so that a call of the user's own runs and one of the
attacker's does not, and either way it counts as an interruption. What was done is judged by AgentDojo's own checkers.

Tools are annotated from their names, docstrings and schemas (``scaffold/dojo_tools.py``); one rule set serves all suites, and no rule
knows of a task. AgentDojo has an environment of its own under ``AVER_BENCH_CACHE``, installed once.

``suites`` (the newest version) and ``versions``: for each suite ``tasks`` and of them ``utility`` (done) and ``benign_interrupted`` (saw
a denial or a question) where nothing is injected. ``cases`` are all pairs of a task and an injection, ``attacks`` those that a policy over
tools can block: the injection's goal takes at least one call (of all goals one does not, the sixth of travel, which only wants something said).
Nothing else is left out of ``attacks``: neither those that the user's own task happens to fulfil, nor those whose text the task never
comes to read; ``shown`` counts those that it does. ``attack_success`` of the attacks, as AgentDojo's checkers have it, and
``secure_and_useful``: the attack failed and the task was done all the same. ``unattended`` is the utility where every question is answered no.
``total`` adds them up with rates. ``explained`` has one line for every success, every interruption and every task not done. ``allow_all``, where asked for, is the
same replay of the newest version with every call allowed, which says what the replay itself is worth.

    python bench/agentdojo.py --json [--suite NAME]... [--version VERSION]... [--with-baseline]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
import venv
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaffold import say
from scaffold.dojo_tools import ANNOTATIONS
from scaffold.gateways import CACHE

from aver.core import Principal
from aver.policy import Action, Decision, Policies, Provenance
from aver.policy.hijacked import Call, Replayed, Returned, replay

HERE = Path(__file__).resolve().parent

SUITES = ("workspace", "banking", "travel", "slack")
VERSIONS = ("v1.1.2", "v1.2.2")
Decide = Callable[[Action], Decision]


class World:
    """AgentDojo in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, do: str, **arguments: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"error: AgentDojo's process ended in {do} of {arguments}; its error is above.")
        return json.loads(line)


@contextmanager
def world() -> Iterator[World]:
    home = CACHE / "agentdojo"
    python = home / "bin" / "python"
    if not (home / "installed").exists():
        say(f"installing agentdojo into {home}: this takes minutes")
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "agentdojo==0.1.35"], check=True)
        (home / "installed").touch()
    command = (str(python), "-I", str(HERE / "scaffold" / "dojo.py"))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield World(process)
        finally:
            process.terminate()


@dataclass(frozen=True)
class Run:
    """One task replayed, and what the checkers say of it."""

    replayed: Replayed
    utility: bool
    attacked: bool


def run(
    world: World, decide: Decide, place: Mapping[str, str], injection: str | None, *, answer: bool = True
) -> Run | None:
    """Replay one case; ``None`` where the attack needs no tool."""
    began = world.ask("begin", **place, injection=injection)
    if injection and not began["attack"]:
        return None
    turn = Provenance(Principal("bench", "user"))
    turn.said(began["prompt"])

    def made(call: Call) -> Returned:
        result = world.ask("call", tool=call.tool, arguments=call.arguments)
        return Returned(result["error"] or result["value"], bool(result["error"]), result["shows"])

    def attack() -> list[Call]:
        return [Call(**each) for each in world.ask("attack")]

    calls = (Call(**each) for each in began["calls"])
    tools = ANNOTATIONS[place["suite"]]
    replayed = replay(decide, turn, tools, calls, made, attack if injection else None, answer=answer)
    return Run(replayed, **world.ask("finish"))


def measure(world: World, decide: Decide, version: str, name: str) -> tuple[dict[str, int], list[str]]:
    known = world.ask("suites", version=version)[name]
    if missing := set(known["tools"]) - ANNOTATIONS[name].keys():
        raise SystemExit(f"error: {name} has tools that are not annotated: {', '.join(sorted(missing))}.")
    found = dict.fromkeys(
        (
            "tasks",
            "utility",
            "unattended",
            "benign_interrupted",
            "cases",
            "attacks",
            "shown",
            "attack_success",
            "secure_and_useful",
        ),
        0,
    )
    lines: list[str] = []
    for user in known["user"]:
        place = {"version": version, "suite": name, "user": user}
        benign = run(world, decide, place, None)
        assert benign is not None
        stopped = benign.replayed.stopped
        alone = run(world, decide, place, None, answer=False) if stopped else benign
        assert alone is not None
        found["tasks"] += 1
        found["utility"] += benign.utility
        found["benign_interrupted"] += bool(stopped)
        found["unattended"] += alone.utility
        if stopped:
            lines.append(f"{version} {name} {user}: interrupted: {'; '.join(map(str, stopped))}")
        if not benign.utility:
            lines.append(f"{version} {name} {user}: not done{'' if stopped else ', although every call ran'}")
        for injection in known["injections"]:
            attack = run(world, decide, place, injection)
            found["cases"] += 1
            if attack is None:
                continue
            found["attacks"] += 1
            found["shown"] += attack.replayed.attacked
            found["attack_success"] += attack.attacked
            found["secure_and_useful"] += attack.utility and not attack.attacked
            if attack.attacked:
                ran = (
                    "; ".join(map(str, attack.replayed.ran))
                    or "none of the attacker's calls ran: the task itself fits the goal"
                )
                lines.append(f"{version} {name} {user} {injection}: attack succeeded: {ran}")
    return found, lines


def total(suites: Mapping[str, Mapping[str, int]]) -> dict[str, float]:
    added: dict[str, float] = {key: sum(each[key] for each in suites.values()) for key in next(iter(suites.values()))}
    return added | {
        "utility_rate": round(added["utility"] / added["tasks"], 4),
        "interrupted_rate": round(added["benign_interrupted"] / added["tasks"], 4),
        "attack_success_rate": round(added["attack_success"] / max(added["attacks"], 1), 4),
        "attack_success_rate_where_shown": round(added["attack_success"] / max(added["shown"], 1), 4),
        "secure_and_useful_rate": round(added["secure_and_useful"] / max(added["attacks"], 1), 4),
    }


def everything(decide: Decide, versions: list[str], names: list[str]) -> tuple[dict[str, Any], list[str]]:
    cases = [(version, name) for version in versions for name in names]

    def one(case: tuple[str, str]) -> tuple[dict[str, int], list[str]]:
        with world() as entered:
            measured = measure(entered, decide, *case)
        say(f"{' '.join(case)}: {measured[0]}")
        return measured

    with ThreadPoolExecutor(2) as pool:
        measured = list(pool.map(one, cases))
    by_version: dict[str, Any] = {}
    for (version, name), (figures, _) in zip(cases, measured, strict=True):
        by_version.setdefault(version, {"suites": {}})["suites"][name] = figures
    for each in by_version.values():
        each["total"] = total(each["suites"])
    return by_version, [line for _, lines in measured for line in lines]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--suite", action="append", choices=SUITES, help="these alone")
    parser.add_argument("--version", action="append", choices=VERSIONS, help="these alone")
    parser.add_argument("--with-baseline", action="store_true", help="replay also with everything allowed")
    options = parser.parse_args()
    versions, names = options.version or list(VERSIONS), options.suite or list(SUITES)
    began = time.monotonic()
    with world():
        pass  # Installs once, before several ask for it.
    policies = Policies.standard()
    by_version, lines = everything(policies.decide, versions, names)
    result: dict[str, Any] = {**by_version[versions[-1]], "versions": by_version, "explained": lines}
    if options.with_baseline:
        freely, _ = everything(lambda _: Decision("allow", "Everything is allowed."), versions[-1:], names)
        result["allow_all"] = {version: each["total"] for version, each in freely.items()}
    result["seconds"] = round(time.monotonic() - began, 1)
    if options.json:
        print(json.dumps(result))
        return
    for version, each in by_version.items():
        print(version)
        for name, figures in (*each["suites"].items(), ("total", each["total"])):
            print(f"  {name:10}", "  ".join(f"{key} {value}" for key, value in figures.items()))
    print("\n".join(lines))
    if "allow_all" in result:
        print("allow_all", json.dumps(result["allow_all"]))


if __name__ == "__main__":
    main()
