"""A release of the demo's assistant, from a changed prompt to everybody, and one that does not get there: ``python demo/releases.py``.

The handbook of Northwind Press is asked through a model that heeds its prompt (``tools/writer.py``). The first release is gated and put in force. A prompt
that was reworded is gated against it, rolled out to 5 and 25 percent of the conversations, and promoted. A prompt that lets the model chatter fails the
gate, which names the cases; rolled out all the same, it is rolled back by itself. Uses only the ``aver`` command and its HTTP API, as anyone would.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PRESS = HERE / "northwind-press"
TENANT = "Northwind Press"
PEOPLE: tuple[tuple[str, tuple[str, ...]], ...] = (("ann", ()), ("fay", ("finance",)), ("bo", ("board",)))
PROMPT = Path("prompts") / "answer.md"
REWORDED = (
    "Keep numbers, names, dates and conditions as they are there.",
    "Leave numbers, names and dates as they are.",
)
"""What changes nothing."""
CHATTERING = (", and from nothing else.", ", and from what a helpful colleague would add.")
"""What lets the model say what no passage says."""
QUESTION = re.compile(r'^- \{question: "([^"]+)"', re.MULTILINE)
OF_RELEASES = {"release_created", "evaluated", "gated", "release_promoted", "staged", "release_rolled_back"}
AT_ONCE = 4
LONGEST = 900
"""Seconds that a rollout is waited for."""


class Story:
    """An installation of its own in ``folder``, and in it the bundle as its team edits it."""

    def __init__(self, folder: Path, writer: str) -> None:
        self.folder, self.data, self.bundle = folder, folder / "data", folder / "bundle"
        shutil.copytree(PRESS / "assistant", self.bundle)
        declared = self.bundle / "aver.yaml"
        declared.write_text(declared.read_text(encoding="utf-8").replace("{writer}", writer), encoding="utf-8")
        self.keys: list[str] = []
        self.came: dict[str, Any] = {}

    def aver(self, *arguments: str, expected: int = 0) -> dict[str, Any]:
        """Run the command line with ``--json``; its one document. The program ends where the exit code is another than ``expected``."""
        command = [sys.executable, "-m", "aver", "--data", str(self.data), *arguments, "--json"]
        environment = os.environ | {"AVER_BUNDLE": str(self.bundle)}
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=environment)
        if done.returncode != expected:
            sys.exit(f"error: {' '.join(arguments)} ended with {done.returncode}.\n{done.stdout}")
        return dict(json.loads(done.stdout or "{}"))

    def tell(self, name: str, value: Any, line: str) -> None:
        """Keep what came of a step, and say it."""
        self.came[name] = value
        print(line, file=sys.stderr, flush=True)

    def load(self) -> None:
        """The tenant, its handbook, and keys of its people."""
        self.aver("tenant", "create", TENANT)
        self.aver("ingest", str(PRESS / "handbook"), "-t", TENANT, "--acl", str(PRESS / "acl.yaml"))
        for user, groups in PEOPLE:
            options = [option for group in groups for option in ("--group", group)]
            self.keys.append(str(self.aver("keys", "create", "-t", TENANT, "-u", user, *options)["key"]))

    def release(self, tag: str, change: tuple[str, str] | None = None) -> str:
        """Freeze the bundle with a prompt in which ``change`` was made; the digest."""
        before = (PRESS / "assistant" / PROMPT).read_text(encoding="utf-8")
        if change is not None:
            if change[0] not in before:
                sys.exit(f"error: the prompt does not say {change[0]!r}.")
            (self.bundle / PROMPT).write_text(before.replace(*change), encoding="utf-8")
        made = self.aver("release", "create", "--bundle", str(self.bundle), "--tag", tag, "--user", "dana")
        return str(made["digest"])

    def gate(self, tag: str, *options: str, expected: int = 0) -> dict[str, Any]:
        """Ask the labelled questions under a release, and judge what came of it."""
        page = self.folder / f"{tag}.html"
        words = ("gate", "run", "--release", tag, "-t", TENANT, "--html", str(page), *options)
        return self.aver(*words, expected=expected)

    def evidence(self) -> dict[str, int]:
        """Of which kinds of steps about releases the tenant's chain has how many, once all of it has been verified."""
        file = self.folder / "evidence.jsonl"
        self.aver("evidence", "export", "-t", TENANT, "--out", str(file))
        self.aver("evidence", "verify", str(file))
        kinds = Counter(re.findall(r'"kind":\s*"([a-z_]+)"', file.read_text(encoding="utf-8")))
        return {kind: kinds[kind] for kind in sorted(kinds) if kind in OF_RELEASES}

    def rollout(self) -> dict[str, Any]:
        """The newest, under way or over."""
        return dict(self.aver("rollout", "history")["rollouts"][-1])


class Traffic:
    """People who ask the labelled questions over and over, each time in a conversation of its own, while the block lasts."""

    def __init__(self, address: str, keys: Sequence[str]) -> None:
        text = (PRESS / "assistant" / "evals" / "handbook.yaml").read_text(encoding="utf-8")
        self._questions, self._address, self._keys = QUESTION.findall(text), address, keys
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(AT_ONCE)]
        self.releases = Counter[str]()
        """How many turns each release answered, by its digest."""

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        while not self._over.is_set():
            question, key = self._questions[number % len(self._questions)], self._keys[number % len(self._keys)]
            number += AT_ONCE
            body = json.dumps({"question": question}).encode()
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            request = urllib.request.Request(f"{self._address}/v1/ask", body, headers)
            try:
                with urllib.request.urlopen(request, timeout=120) as reply:
                    self.releases[str(json.load(reply)["release"])] += 1
            except OSError as error:
                print(f"a question was not answered: {error}", file=sys.stderr)


def tell(story: Story) -> dict[str, Any]:
    """The whole of it, step by step; what came of each."""
    story.load()
    first = story.release("v1")
    story.tell("first gate", story.gate("v1")["outcome"], "v1: the gate passes")
    story.aver("release", "promote", "v1", "production", "--user", "dana")
    story.tell("first", first, "v1: in force in production")

    second = story.release("v2", REWORDED)
    judged = story.gate("v2", "--baseline", first, "--require", "right_of_answered>=baseline-0.1")
    story.tell("second gate", judged["outcome"], f"v2, reworded: the gate says {judged['outcome']}")
    third = story.release("v3", CHATTERING)
    judged = story.gate("v3", "--baseline", first, expected=10)
    against = [each for each in judged["judged"] if each["outcome"] == "fail"]
    named = ", ".join(f"{each['condition']} ({len(each['cases'])} cases)" for each in against)
    story.tell("third gate", judged["outcome"], f"v3, chattering: the gate fails: {named}")
    story.came["cases"] = sorted({name for each in against for name in each["cases"]})

    with served(story.data) as address:
        story.came["second rollout"] = rolled_out(story, address, "v2")
        story.came["third rollout"] = rolled_out(story, address, "v3")
    moves = story.aver("release", "history", "production")["moves"]
    story.came |= {"second": second, "third": third, "in force": moves[-1]["digest"], "evidence": story.evidence()}
    kinds = ", ".join(f"{kind} {count}" for kind, count in story.came["evidence"].items())
    print(f"the evidence verifies, and has: {kinds}", file=sys.stderr, flush=True)
    return story.came


def rolled_out(story: Story, address: str, tag: str) -> dict[str, Any]:
    """Roll a release out over traffic; how it ended, and how many turns each release had."""
    story.aver("rollout", "start", tag, "--user", "dana")
    began, stage = time.monotonic(), -1
    with Traffic(address, story.keys) as traffic:
        while True:
            time.sleep(2)
            now = story.rollout()
            if now["stage"] != stage and now["status"] == "running":
                stage = now["stage"]
                print(
                    f"{tag}: stage {stage + 1}, {sum(traffic.releases.values())} turns so far",
                    file=sys.stderr,
                    flush=True,
                )
            if now["status"] not in ("running", "paused"):
                break
            if time.monotonic() - began > LONGEST:
                sys.exit(f"error: the rollout of {tag} did not end in {LONGEST} s: {json.dumps(now)}")
    print(
        f"{tag}: {now['status']} after {sum(traffic.releases.values())} turns: {now['reason']}",
        file=sys.stderr,
        flush=True,
    )
    return {"status": now["status"], "reason": now["reason"], "turns": dict(traffic.releases)}


@contextmanager
def served(data: Path) -> Iterator[str]:
    """The releases of ``production`` over HTTP, while the block lasts; their address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    environment = {name: value for name, value in os.environ.items() if name != "AVER_BUNDLE"}
    environment["AVER_ENVIRONMENT"] = "production"
    command = [sys.executable, "-m", "aver", "--data", str(data), "serve", "--port", address.rpartition(":")[2]]
    with (
        (data.parent / "server.log").open("w") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            while not _is_ready(address):
                if process.poll() is not None:
                    sys.exit("error: the server ended.")
                time.sleep(0.2)
            yield address
        finally:
            process.terminate()


def _is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=10) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


@contextmanager
def writer() -> Iterator[str]:
    """The model that answers, as a program; its address."""
    command = [sys.executable, str(HERE / "tools" / "writer.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=HERE.parent / ".aver" / "releases", help="begun anew")
    parser.add_argument("--json", action="store_true", help="print what came of each step")
    given = parser.parse_args()
    shutil.rmtree(given.folder, ignore_errors=True)
    given.folder.mkdir(parents=True)
    with writer() as address:
        came = tell(Story(given.folder, address))
    if given.json:
        print(json.dumps(came, indent=2))


if __name__ == "__main__":
    main()
