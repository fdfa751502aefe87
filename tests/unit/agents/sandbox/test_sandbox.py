"""What a sandbox does for tools that mean no harm, and what it says of those that go wrong."""

import asyncio
import json
from pathlib import Path

import pytest

from aver.agents.sandbox import Function, Limits, Sandbox, SandboxSettings, SandboxUnavailable
from aver.core.errors import InvalidInput, NotFound, TooLarge

TOOL = '''
"""Orders."""
from dataclasses import dataclass
from typing import Annotated

from aver.agents.tools import tool
from aver.policy import Annotations, Effect

import inside
import prices

@dataclass
class Order:
    item: str
    count: int

@tool
def total(item: Annotated[str, "what"], count: int = 1) -> dict:
    """What an order costs."""
    print("asked for", item)
    return {"item": Order(item, count).item, "total": prices.OF[item] * count}

@tool(annotations=Annotations(effects={Effect.READ}))
async def later(word: str) -> str:
    import asyncio
    await asyncio.sleep(0)
    return word

def wrong(): raise ValueError("no such \\x1b[31morder\\x1b[0m")
def unsayable(): return {1, 2}
def nan(): return float("nan")
def surrogate(): return "a\\ud800b"
class Sly(Exception):
    def __str__(self): raise KeyError
def sly(): raise Sly
'''


@pytest.fixture
def tool(tmp_path):
    (tmp_path / "orders.py").write_text(TOOL)
    (tmp_path / "prices.py").write_text("OF = {'pen': 3}")
    (tmp_path / "inside.py").write_text("assert __file__.endswith('/tool/inside.py')")
    (tmp_path / "json.py").write_text("raise RuntimeError('took the place of a module')")
    (tmp_path / "notes.txt").write_text("not for tools")
    return lambda name: Function(tmp_path / "orders.py", name)


async def test_a_function_is_called_with_json_and_answers_with_json(sandbox, tool):
    result = await sandbox.run(tool("total"), {"item": "pen", "count": 2})
    assert (result.value, result.stdout, result.failed) == ({"item": "pen", "total": 6}, "asked for pen\n", None)
    assert (await sandbox.run(tool("later"), {"word": "é€😀"})).value == "é€😀"


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("wrong", {}, "ValueError: no such \x1b[31morder\x1b[0m"),
        ("unsayable", {}, "TypeError: Object of type set is not JSON serializable"),
        ("nan", {}, "ValueError: Out of range float values are not JSON compliant"),
        ("sly", {}, "Sly"),
        ("total", {"item": "pen", "amount": 2}, "TypeError: total() got an unexpected keyword argument 'amount'"),
        ("absent", {}, "NameError: orders.py has no function absent"),
    ],
)
async def test_a_tool_that_fails_says_how(sandbox, tool, name, arguments, said):
    result = await sandbox.run(tool(name), arguments)
    assert result.value is None
    assert result.failed.startswith(said)


async def test_what_a_tool_printed_before_it_failed_is_told(sandbox):
    result = await sandbox.run_python("print('so far')\nraise ValueError('no further')")
    assert (result.stdout, result.failed) == ("so far\n", "ValueError: no further")
    closed = "import sys\nprint('x')\nsys.stderr.close()\nsys.stdout = None\nraise ValueError('no further')"
    assert (await sandbox.run_python(closed)).failed == "ValueError: no further"


async def test_a_function_is_called_by_its_types_where_that_is_asked(sandbox, tmp_path):
    text = "import datetime\ndef next_day(day: datetime.date) -> datetime.date: return day + datetime.timedelta(1)"
    (tmp_path / "days.py").write_text(text)
    function = Function(tmp_path / "days.py", "next_day", typed=True)
    assert (await sandbox.run(function, {"day": "2026-02-28"}, Limits(cpu_seconds=60))).value == "2026-03-01"
    assert "day" in (await sandbox.run(function, {"day": "never"}, Limits(cpu_seconds=60))).failed


async def test_text_that_is_no_unicode_is_still_an_answer(sandbox, tool):
    assert (await sandbox.run(tool("surrogate"), {})).value == "a?b"


async def test_a_file_that_cannot_be_run_is_the_tools_failure(sandbox, tmp_path):
    (tmp_path / "broken.py").write_text("def f(:")
    result = await sandbox.run(Function(tmp_path / "broken.py", "f"), {})
    assert result.failed.startswith("SyntaxError")
    assert "broken.py" in result.stderr


async def test_what_cannot_travel_is_said_before_anything_runs(sandbox, tmp_path):
    with pytest.raises(NotFound):
        await sandbox.run(Function(tmp_path / "absent.py", "f"), {})
    (tmp_path / "big.py").write_text("#" * 2**21)
    with pytest.raises(TooLarge):
        await sandbox.run(Function(tmp_path / "big.py", "f"), {})
    (tmp_path / "big.py").unlink()
    (tmp_path / "latin.py").write_bytes(b"# \xe9")
    with pytest.raises(InvalidInput, match="UTF-8"):
        await sandbox.run(Function(tmp_path / "latin.py", "f"), {})
    for name in ("../x", "/etc/x", "", "a\0b"):
        with pytest.raises(InvalidInput, match="relative"):
            await sandbox.run_python("1", {name: b""})
    for limits in (Limits(seconds=0), Limits(memory_mb=1), Limits(open_files=3), Limits(seconds=float("nan"))):
        with pytest.raises(InvalidInput):
            await sandbox.run_python("1", limits=limits)
    with pytest.raises(InvalidInput, match="JSON"):
        await sandbox.run(Function(tmp_path / "latin.py", "f"), {"x": object()})


async def test_code_has_files_prints_and_has_a_value(sandbox):
    code = "import csv, sys\nrows = list(csv.reader(open('in/a.csv')))\nopen('out.txt', 'w').write('done')\nprint('read', file=sys.stderr)\nlen(rows)"
    result = await sandbox.run_python(code, {"in/a.csv": b"1,2\n3,4\n"})
    assert (result.value, result.stdout, result.stderr, result.files) == (2, "", "read\n", {"out.txt": b"done"})


async def test_what_no_json_can_say_is_said_in_words(sandbox):
    assert (await sandbox.run_python("{1}")).value == "{1}"
    assert (await sandbox.run_python("x = 1")).value is None
    assert (await sandbox.run_python("")).value is None
    assert (await sandbox.run_python("import sys\nsys.exit(0)")).failed is None
    assert (await sandbox.run_python("import sys\nsys.exit('no')")).failed == "SystemExit: no"
    assert "\nNameError: name 'y' is not defined" in (await sandbox.run_python("print('x')\ny")).stderr


async def test_installed_libraries_can_be_used(sandbox):
    code = "import numpy, threading\nt = threading.Thread(target=print, args=('beside',)); t.start(); t.join()\nint(numpy.arange(5).sum())"
    result = await sandbox.run_python(code, limits=Limits(memory_mb=1024))
    assert (result.value, result.stdout) == (10, "beside\n")


async def test_each_call_begins_with_nothing_of_the_last(sandbox):
    await sandbox.run_python("open('kept', 'w').write('x')\nimport os\nopen(os.environ['TMPDIR'] + '/kept', 'w')")
    result = await sandbox.run_python("import os\nos.listdir('.') + os.listdir(os.environ['TMPDIR'])")
    assert result.value == []


async def test_calls_beside_one_another_do_not_meet(sandbox):
    codes = [f"open('x', 'w').write('{n}')\nimport time\ntime.sleep(0.05)\nopen('x').read()" for n in range(6)]
    results = await asyncio.gather(*map(sandbox.run_python, codes))
    assert [result.value for result in results] == [str(n) for n in range(6)]


async def test_nothing_is_left_of_the_private_directory(sandbox, tmp_path):
    placed = Sandbox(SandboxSettings(sandbox._settings.level, folder=tmp_path))
    await placed.run_python("open('x', 'w').write('x')")
    task = asyncio.ensure_future(placed.run_python("import time\ntime.sleep(60)"))
    await asyncio.sleep(0.3)
    assert len(list(tmp_path.iterdir())) == 1
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(tmp_path.iterdir()) == []


async def test_a_level_that_cannot_be_had_is_refused_and_nothing_is_run(tmp_path):
    for means in ("namespaces", "seccomp"):
        strict = Sandbox(SandboxSettings("strict", unused=frozenset({means}), folder=tmp_path))
        with pytest.raises(SandboxUnavailable, match="cannot hold the level 'strict'") as refused:
            await strict.run_python("open('/sandbox/work/ran', 'w')")
        assert "process" in refused.value.next_step
    assert list(tmp_path.iterdir()) == []


async def test_the_lower_level_says_what_it_does_not_hold(tmp_path):
    bare = Sandbox(SandboxSettings("process", unused=frozenset({"landlock", "seccomp", "user"})))
    report = (await bare.run_python("1")).report
    assert (report.level, report.means, report.holds) == ("process", {"limits"}, {"limits"})
    without = Sandbox(SandboxSettings("process", unused=frozenset({"landlock"})))
    assert "landlock" not in (await without.probe()).means
    assert "files" not in (await without.probe()).holds


def test_the_program_inside_imports_nothing_of_aver_where_it_need_not():
    folder = Path(__import__("aver.agents.sandbox.inside", fromlist=["x"]).__file__).parent
    for path in {*folder.glob("*.py")} - {folder / "typed.py"}:
        lines = [line.strip() for line in path.read_text().splitlines()]
        assert not [line for line in lines if line.startswith(("from aver", "import aver"))], path


async def test_a_report_is_json_of_plain_words(sandbox):
    report = await sandbox.probe()
    assert json.dumps([report.level, sorted(report.means), sorted(report.holds)])
    assert report.seconds > 0
