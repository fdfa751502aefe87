"""What calls are copies of has nothing of any call, and what one call does to itself is not there for the next."""

import asyncio
import gc
import os
import signal
from pathlib import Path

import pytest

from aver.agents.sandbox import Function, Limits, Sandbox, SandboxSettings
from aver.agents.sandbox.zygote import Zygote

CANARY = "canary-of-a-tenant"
AMPLE = Limits(seconds=60, cpu_seconds=60)


def processes(sandbox):
    """What calls are copies of, the plain one and the one that knows types, by their process ids."""
    return [each._end.peek()[2][1].pid for each in (sandbox._plain, sandbox._typed) if each._end is not None]


@pytest.fixture
def typed(tmp_path):
    (tmp_path / "days.py").write_text(
        "import datetime\ndef next_day(day: datetime.date, why: str) -> datetime.date: return day + datetime.timedelta(1)"
    )
    return Function(tmp_path / "days.py", "next_day", typed=True)


async def test_nothing_of_a_call_is_in_the_memory_of_what_the_next_is_a_copy_of(sandbox, typed):
    own = Sandbox(sandbox._settings)
    for number in range(3):
        value = await own.run_python(f"# {CANARY}\nwhy * 2", values={"why": CANARY}, limits=AMPLE)
        assert value.value == CANARY * 2, number
        day = await own.run(typed, {"day": "2026-02-28", "why": CANARY}, AMPLE)
        assert day.value == "2026-03-01"
    assert len(processes(own)) == 2
    for process in processes(own):
        assert not _holds(process, CANARY.encode())
        assert _holds(process, b"inside.zygote")  # so that the search would have found it
    own.close()


def _holds(process, word):
    maps = Path(f"/proc/{process}/maps").read_text().splitlines()
    with Path(f"/proc/{process}/mem").open("rb") as memory:
        for line in maps:
            places, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            first, last = (int(each, 16) for each in places.split("-"))
            memory.seek(first)
            if word in memory.read(last - first):
                return True
    return False


async def test_it_holds_no_descriptor_of_a_call(sandbox, tmp_path):
    own = Sandbox(sandbox._settings)
    with (tmp_path / "secret").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        await asyncio.gather(*(own.run_python("1", limits=AMPLE) for _ in range(5)))
    (process,) = processes(own)
    async with asyncio.timeout(60):
        while len(held := _entries(f"/proc/{process}/fd")) > 3:  # noqa: ASYNC110 - another process has no event to wait for
            await asyncio.sleep(0.01)
    assert held == ["0", "1", "2"]
    own.close()


def _entries(folder):
    return sorted(each.name for each in Path(folder).iterdir())


def _children(process):
    return Path(f"/proc/{process}/task/{process}/children").read_text().split()


CHANGES = """
import builtins, os, random, socket, sys
builtins.print = builtins.open = None
os.getcwd = sys.exit
sys.path.insert(0, "/elsewhere")
sys.modules["json"] = sys.modules["os"]
sys.setrecursionlimit(99)
os.environ["LEFT"] = "x"
os.umask(0)
"changed"
"""
ASKS = """
import json, os, sys
print("there")
umask = os.umask(0o77)
[callable(open), callable(os.getcwd), sys.path[0] != "/elsewhere", hasattr(json, "loads"), sys.getrecursionlimit() > 99, "LEFT" in os.environ, umask]
"""


async def test_what_a_call_does_to_python_is_not_there_for_the_next(sandbox):
    before = (await sandbox.run_python(ASKS, limits=AMPLE)).value
    assert before[:6] == [True, True, True, True, True, False]
    assert (await sandbox.run_python(CHANGES, limits=AMPLE)).value == "changed"
    assert (await sandbox.run_python(ASKS, limits=AMPLE)).value == before


async def test_chance_is_not_the_same_in_every_call(sandbox):
    code = "import os, random, secrets, uuid\n[random.random(), secrets.token_hex(), os.urandom(8).hex(), str(uuid.uuid4())]"
    drawn = [(await sandbox.run_python(code, limits=AMPLE)).value for _ in range(3)]
    assert all(len(set(each)) == 3 for each in zip(*drawn, strict=True))


async def test_it_is_begun_anew_where_it_was_ended(sandbox):
    own = Sandbox(sandbox._settings)
    assert (await own.run_python("1", limits=AMPLE)).value == 1
    (first,) = processes(own)
    os.kill(first, signal.SIGKILL)
    await asyncio.to_thread(os.waitid, os.P_PID, first, os.WEXITED | os.WNOWAIT)
    assert (await own.run_python("2", limits=AMPLE)).value == 2
    assert processes(own) != [first]
    own.close()
    own.close()
    assert (await own.run_python("3", limits=AMPLE)).value == 3
    own.close()


async def test_a_call_outlives_it(sandbox):
    own = Sandbox(sandbox._settings)
    await own.run_python("1", limits=AMPLE)
    (process,) = processes(own)
    running = asyncio.ensure_future(own.run_python("import time\ntime.sleep(0.3)\n'slept'", limits=AMPLE))
    async with asyncio.timeout(60):
        while not _children(process):  # noqa: ASYNC110 - another process has no event to wait for
            await asyncio.sleep(0)
    own.close()
    assert (await running).value == "slept"


async def test_it_ends_with_whoever_had_it(tmp_path):
    own = Sandbox(SandboxSettings("process"))
    await own.run_python("1", limits=AMPLE)
    (process,) = processes(own)
    del own
    gc.collect()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_copy_of_this_process_has_one_of_its_own():
    zygote = Zygote()
    with Path(os.devnull).open() as nothing:
        zygote.copy([nothing.fileno()] * 4)
        first = zygote._control
        zygote._owner = -1  # as if this were a fork of whoever began it
        zygote.copy([nothing.fileno()] * 4)
        assert zygote._control is not first
    zygote.close()
