"""Kill a process at random moments of turns that act, and compare what happened in the world with what evidence says.

The world is a database of its own that writes down every effect with its key. Tools of every kind act on it: one of which nothing is known
after a crash, one that brings about one effect for a key, one that can look up what it did, one that is taken back when its turn is
aborted. Turns of several calls run one after another, some wait for approvals, some are cancelled, some end by a model that fails.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import random
import signal
import sqlite3
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from aver.agents.acting import Acting, Agent, Journal, Parts
from aver.agents.conversations import Conversations
from aver.agents.tools import Result
from aver.core import Clock, Principal, SystemClock
from aver.core.errors import AverError, ProviderTimeout
from aver.evidence import Ledger, Step
from aver.gateway import ChatDelta, ChatRequest, Gateway
from aver.gateway.config.types import GatewayConfig
from aver.gateway.types import Mode, ToolDelta, Usage
from aver.policy import Action, Annotations, Decision, Effect
from aver.store import Store, Switches

__all__ = ["ActingCrashes", "Desk", "Found", "Scripted", "World", "compared"]

Kind = Literal["plain", "idempotent", "looked_up", "booked", "cancelled"]
KINDS: tuple[Kind, ...] = ("plain", "idempotent", "looked_up", "booked")
_ONCE = ("idempotent", "cancelled")
_LEASE = 0.4
"""Seconds that a turn waits for a process that was killed."""
_READY_SECONDS = 120.0
_AT_ONCE = 2
_LONGEST = 0.3
"""Seconds between two kills at most, beside those that a process takes to begin."""
_NOTHING: Callable[[str], None] = lambda _: None  # noqa: E731


class World:
    """What effects are done to: a ledger of every one that took place, with its key. ``passing`` is called by the name of each moment before
    and after one, for whoever wants to be cut off there."""

    def __init__(self, path: Path, passing: Callable[[str], None] = _NOTHING) -> None:
        self._path = path
        self.passing = passing
        with self._open() as db:
            db.execute("CREATE TABLE IF NOT EXISTS ledger (place INTEGER PRIMARY KEY, key TEXT, kind TEXT)")

    def happen(self, key: str, kind: Kind) -> None:
        """Bring about one effect. All but the idempotent kinds do it again if asked again."""
        self.passing("before the effect")
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            if kind not in _ONCE or not self._count(db, key):
                db.execute("INSERT INTO ledger (key, kind) VALUES (?, ?)", (key, kind))
            db.execute("COMMIT")
        self.passing("after the effect")

    def happened(self, key: str) -> int:
        """How often the effect with ``key`` took place."""
        with self._open() as db:
            return self._count(db, key)

    def keys(self) -> Counter[str]:
        """How often each effect took place."""
        with self._open() as db:
            return Counter(key for (key,) in db.execute("SELECT key FROM ledger"))

    @staticmethod
    def _count(db: sqlite3.Connection, key: str) -> int:
        count: int = db.execute("SELECT count(*) FROM ledger WHERE key = ?", (key,)).fetchone()[0]
        return count

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=30, isolation_level=None)) as db:
            yield db


class _Tool:
    description = "Does something to the world."
    returns: Mapping[str, Any] | None = None
    parameters: Mapping[str, Any] = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }

    def __init__(self, world: World, kind: Kind) -> None:
        self.name: str = kind
        self._world, self._kind = world, kind
        back = {"reversal": "compensable", "compensation": "cancelled"} if kind == "booked" else {}
        self.annotations = Annotations(frozenset({Effect.WRITE}), output="trusted", **back)  # type: ignore[arg-type]

    async def call(self, arguments: Mapping[str, Any], key: str) -> Result:
        await asyncio.to_thread(self._world.happen, key, self._kind)
        return Result({"n": arguments["n"]}, "done")


class _Idempotent(_Tool):
    idempotent = True


class _LooksUp(_Tool):
    async def look_up(self, key: str) -> Result | None:
        return Result(None, "done") if self._world.happened(key) else None


class _Reads(_Tool):
    def __init__(self, world: World) -> None:
        super().__init__(world, "plain")
        self.name, self.annotations = "look", Annotations(frozenset({Effect.READ}))

    async def call(self, arguments: Mapping[str, Any], key: str) -> Result:
        del arguments, key
        return Result(sum(self._world.keys().values()), "so many")


class Scripted:
    """A model whose every reply follows from its request: the task says, as JSON, which calls each reply asks for. ``"fail"`` fails."""

    name = "builtin:scripted"
    mode: Mode = "generated"

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        replies = json.loads(next(each.text for each in request.messages if each.role == "user"))
        at = sum(message.role == "assistant" for message in request.messages)
        calls = replies[at] if at < len(replies) else []
        if calls == "fail":
            raise ProviderTimeout("The model did not answer", "Ask again.")
        if not calls:
            yield ChatDelta("Done.")
        for number, kind in enumerate(calls):
            yield ChatDelta(tool=ToolDelta(number, f"c{at}_{number}", kind, json.dumps({"n": 10 * at + number})))
        yield ChatDelta(finish="tool_calls" if calls else "stop", usage=Usage(10, 5))

    async def close(self) -> None: ...


class _NoDocuments:
    def readable(self, *_: Any) -> frozenset[Any]:
        return frozenset()


def _asks(action: Action) -> Decision:
    """Every call whose number is divisible by three is asked about."""
    asks = Effect.WRITE in action.annotations.effects and action.arguments["n"] % 3 == 0
    return Decision("ask" if asks else "allow", "By its number.", ("number",))


class Desk:
    """One process's way to the tenant and its world at ``folder``."""

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock | None = None,
        passing: Callable[[str], None] = _NOTHING,
        lease: float = _LEASE,
        journal: type[Journal] = Journal,
        decide: Callable[[Action], Decision] = _asks,
    ) -> None:
        clock = clock or SystemClock()
        self.store = Store(folder / "data", None, clock)
        if not self.store.tenants():
            self.store.create_tenant("crash")
        tenant = self.store.tenant("crash")
        self.ledger = Ledger(tenant, clock)
        self.world = World(folder / "world.db", passing)
        self.user = Principal(tenant.tenant.id, "ada")
        tools = [_Tool(self.world, "plain"), _Idempotent(self.world, "idempotent"), _LooksUp(self.world, "looked_up")]
        tools += [_Tool(self.world, "booked"), _Idempotent(self.world, "cancelled"), _Reads(self.world)]
        model, config = Scripted(), GatewayConfig()
        self.journal = journal(tenant, self.ledger, clock, lease)
        self.acting = Acting(
            Parts(
                self.journal,
                Conversations(tenant, self.ledger, _NoDocuments()),  # type: ignore[arg-type]  # it is never asked
                Agent(model.name),
                Gateway(lambda: config, builtin=[model]),
                lambda _: tools,
                decide,
                Switches(self.store.switches),
            )
        )

    def turns(self) -> dict[str, tuple[Step, ...]]:
        """Every turn's steps."""
        return self.ledger.turns([step.turn for step in self.ledger.of_kind("admitted")])

    def close(self) -> None:
        self.store.close()


def compared(turns: Mapping[str, tuple[Step, ...]], happened: Mapping[str, int]) -> tuple[list[str], Counter[str]]:
    """What is wrong between what evidence says of effects and how often each took place, and how many came to what."""
    problems = [f"{key} took place {count} times" for key, count in happened.items() if count > 1]
    intended: set[str] = set()
    outcomes: Counter[str] = Counter()
    for turn, steps in turns.items():
        keys: dict[tuple[str, str], str] = {}
        for step in steps:
            effect = (step.facts.get("action", ""), step.facts.get("compensates") or "")
            if step.kind == "intended":
                keys[effect] = step.facts["key"]
            elif step.kind == "executed" and effect in keys:
                key, said = keys.pop(effect), step.facts["outcome"]
                outcomes[said] += 1
                intended.add(key)
                if said in ("done", "failed") and not happened.get(key):
                    problems.append(f"{key} is said to be {said}, and did not take place")
                if said == "not_run" and happened.get(key):
                    problems.append(f"{key} is said not to have run, and took place")
        problems += [f"{key} was intended, and nothing says what came of it" for key in keys.values()]
        if steps[-1].kind not in ("sealed", "failed"):
            problems.append(f"{turn} has not ended: {steps[-1].kind}")
    problems += [f"{key} took place and was never intended" for key in happened if key not in intended]
    return problems, outcomes


@dataclass
class Found:
    """``killed`` counts kills by the last step that was on record; ``outcomes`` what evidence says of effects."""

    seed: int
    killed: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    turns: int = 0
    effects: int = 0
    problems: list[str] = field(default_factory=list)


class ActingCrashes:
    """Turns at ``folder``, worked on by two processes at a time, as by two replicas. Each is killed without warning after a random time, and
    another takes its place."""

    def __init__(self, folder: Path, seed: int = 1) -> None:
        self._folder = folder
        self._random = random.Random(seed)  # noqa: S311 - moments to be repeated, no secret
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload([__name__])
        self._desk = Desk(folder)
        self.found = Found(seed)

    def run(self, kills: int) -> Iterator[int]:
        """Kill ``kills`` processes; the number of each once it is dead."""
        working: deque[Any] = deque()
        try:
            for number in range(1, kills + 1):
                while len(working) < _AT_ONCE:
                    working.append(self._begin())
                process = working.popleft()
                process.join(self._random.uniform(0, _LONGEST))
                self._kill(process)
                self.found.killed[self._where()] += 1
                yield number
        finally:
            for process in working:
                self._kill(process)

    def _begin(self) -> Any:
        ready = self._processes.Event()
        process = self._processes.Process(target=_work, args=(self._folder, self._random.getrandbits(32), ready))
        process.start()
        if not ready.wait(_READY_SECONDS):
            self.found.problems.append("a process did not begin")
        return process

    def _kill(self, process: Any) -> None:
        if process.exitcode is not None:
            self.found.problems.append(f"a process ended by itself, with exit code {process.exitcode}")
        else:
            os.kill(process.pid or 0, signal.SIGKILL)
        process.join()

    def finish(self) -> None:
        """Bring every turn to its end undisturbed, and compare."""
        desk, deadline = self._desk, time.monotonic() + 300
        while desk.acting.approvals.pending(desk.user) or self._open():
            for pending in desk.acting.approvals.pending(desk.user):
                desk.acting.approvals.approve(desk.user, pending.id)
            asyncio.run(desk.acting.run_due())
            if time.monotonic() > deadline:
                break
        turns, happened = desk.turns(), desk.world.keys()
        problems, self.found.outcomes = compared(turns, happened)
        self.found.problems += problems
        self.found.turns, self.found.effects = len(turns), sum(happened.values())
        verified = desk.ledger.verify()
        if not verified.ok:
            self.found.problems.append(f"the chain does not verify: {verified.reason}")

    def close(self) -> None:
        self._desk.close()

    def _open(self) -> list[str]:
        return [turn for turn, steps in self._desk.turns().items() if steps[-1].kind not in ("sealed", "failed")]

    def _where(self) -> str:
        """The kind of the last step of any turn, which the killed process recorded or was about to follow."""
        with self._desk.journal.store.read() as tx:
            from aver.evidence.rows import head_of, steps_from

            head = head_of(tx, self._desk.user.tenant)
            last = next(steps_from(tx, self._desk.user.tenant, max(1, head.seq), 1), None)
        return last[0].kind if last else "nothing"


def _work(folder: Path, seed: int, ready: Any) -> None:
    """What is killed: it goes on with whatever there is, answers what is asked, and begins new turns."""
    chance = random.Random(seed)  # noqa: S311 - a plan to be repeated, no secret
    desk = Desk(folder, passing=lambda _: time.sleep(chance.uniform(0, 0.01)))
    ready.set()
    while True:
        try:
            asyncio.run(_once(desk, chance))
        except AverError:
            time.sleep(0.01)  # the other process was first, or the database is busy: what is left is due again


async def _once(desk: Desk, chance: random.Random) -> None:
    approvals = desk.acting.approvals
    for pending in approvals.pending(desk.user):
        answer = chance.random()
        if answer < 0.6:
            approvals.approve(desk.user, pending.id)
        elif answer < 0.8:
            approvals.reject(desk.user, pending.id)
        else:
            desk.acting.turns.cancel(desk.user, pending.turn)
    await desk.acting.run_due()
    replies: list[Any] = [
        [chance.choice([*KINDS, "look"]) for _ in range(chance.randint(1, 3))] for _ in range(chance.randint(1, 3))
    ]
    if chance.random() < 0.3:
        replies.append("fail")
    await desk.acting.run(desk.acting.begin(desk.user, json.dumps(replies)))
