"""AgentDojo replayed without a model: what a fully compromised one can do under the standard policies.

The model follows the user's ground truth until the first result that shows an injection, then makes every call of the attacker's, then
finishes. Policies see the tools' annotations alone; the rules are the same for every suite. ``utility``: tasks of the user's that
succeed without an attack. ``benign_interrupted``: of those, tasks that saw a denial or a question. ``attacks``: pairs of a task and an
injection it meets whose attacker changes something by a tool; ``attack_success``: those in which any changing call of the attacker's ran,
which is stricter than the suites' own checks; ``secure_and_useful``: those in which none ran and the user's task succeeded. ``explained``
has one line for each task that was stopped and each attack that succeeded.

    python bench/agentdojo.py --json [--version v1.2.2] [--suites workspace,banking]

AgentDojo runs in an environment of its own, which is made once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import venv
from pathlib import Path
from typing import Any

from scaffold import say
from scaffold.gateways import CACHE

HERE = Path(__file__).resolve().parent
SUITES = ("workspace", "banking", "travel", "slack")


def environment() -> Path:
    """The Python of AgentDojo's environment."""
    home = CACHE / "agentdojo"
    ready = home / "ready"
    python = home / "bin" / "python"
    if not ready.exists():
        say(f"installing agentdojo into {home}: this takes minutes")
        venv.create(home, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "agentdojo==0.1.35", "cedarpy>=4.12"], check=True)
        ready.touch()
    return python


def replay(version: str, suites: list[str]) -> dict[str, Any]:
    command = [environment(), HERE / "scaffold" / "dojo.py", version, *suites]
    path = {"PYTHONPATH": str(HERE.parent / "src")}
    done = subprocess.run(command, env=os.environ | path, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"error: the replay failed with status {done.returncode}. See what it wrote above")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--version", default="v1.2.2", choices=["v1.1.2", "v1.2.2"])
    parser.add_argument("--suites", default=",".join(SUITES), help="names with commas between")
    options = parser.parse_args()
    wanted = options.suites.split(",")
    if unknown := sorted(set(wanted) - set(SUITES)):
        parser.error(f"there is no suite {unknown[0]!r}: choose of {', '.join(SUITES)}")
    suites = replay(options.version, wanted)
    if options.json:
        print(json.dumps({"version": options.version, "suites": suites}, indent=2))
        return
    for name, each in suites.items():
        counts = ", ".join(f"{key} {value}" for key, value in each.items() if key != "explained")
        print(f"{name}: {counts}")
        print("".join(f"  {line}\n" for line in each["explained"]), end="")


if __name__ == "__main__":
    main()
