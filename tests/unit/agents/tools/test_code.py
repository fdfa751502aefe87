"""The tool that runs a model's code: what it says, what it may take, and what comes of it."""

import pytest

from aver.agents.sandbox import Sandbox, SandboxSettings
from aver.agents.tools import open_tools, parse_tools
from aver.core.errors import InvalidInput, Unavailable, Undecided
from aver.gateway.credentials import Secrets
from aver.policy import Effect


async def opened(tmp_path, more="limits: {seconds: 60s}"):
    text = f"tools: {{code: {{analyst: {{sandbox: process, {more}}}}}}}"
    return await open_tools(parse_tools(text, "aver.yaml"), tmp_path, Secrets({}))


async def ran(tmp_path, code, more="limits: {seconds: 60s}", **values):
    box = await opened(tmp_path, more)
    try:
        return await box.tools["run_python"].call({"code": code, "values": values}, "")
    finally:
        await box.close()


async def test_code_works_on_values(tmp_path):
    result = await ran(tmp_path, "print('adding')\nsum(xs) + n", xs=[1, 2.5], n=1)
    assert result.value == {"value": 4.5, "printed": "adding\n"}
    assert (await ran(tmp_path, "x = 1")).value == {"value": None, "printed": ""}
    failed = await ran(tmp_path, "def f(n):\n    return 1 / n\nf(0)")
    assert failed.failed
    assert failed.text.startswith(
        'Traceback (most recent call last):\n  File "<code>", line 3, in <module>\n    f(0)\n'
    )
    assert "inside" not in failed.text


@pytest.mark.parametrize("name", ["a b", "1", "for", "__builtins__", ""])
async def test_values_have_names_of_variables(tmp_path, name):
    with pytest.raises(InvalidInput, match="no name of a variable"):
        await ran(tmp_path, "1", **{name: 1})


async def test_code_takes_no_more_than_is_declared(tmp_path):
    for code, more, said in (
        ("x = bytearray(200 * 2**20)", "{seconds: 60s, memory_mb: 128}", "128 MB of memory"),
        ("while True: pass", "{seconds: 1s}", "1 seconds"),
        ("'x' * 50_000", "{seconds: 60s, largest: 10240}", "10 kB of output"),
    ):
        if "network" in (await Sandbox(SandboxSettings("process")).probe()).holds:
            stopped = await ran(tmp_path, code, f"limits: {more}")
            assert stopped.failed
            assert said in stopped.text
        else:
            with pytest.raises(Undecided, match=said):
                await ran(tmp_path, code, f"limits: {more}")


async def test_code_without_hosts_reads_and_code_with_hosts_sends(tmp_path):
    alone = (await opened(tmp_path)).tools["run_python"]
    assert alone.annotations.effects == {Effect.READ}
    assert alone.annotations.output == "untrusted"  # it holds what the model wrote
    assert "no network" in alone.description
    connected = (await opened(tmp_path, "hosts: {data.example.com: {}}")).tools["run_python"]
    assert connected.annotations.effects == {Effect.READ, Effect.SEND}
    assert "no host but data.example.com" in connected.description


async def test_a_secret_that_is_not_there_keeps_the_code_from_running(tmp_path):
    more = "hosts: {data.example.com: {}}, secrets: {KEY: {credential: env:NONE, hosts: [data.example.com]}}"
    with pytest.raises((InvalidInput, Unavailable), match="NONE"):
        await ran(tmp_path, "1", more)


async def test_several_have_names_of_their_own(tmp_path):
    text = "tools: {code: {one: {sandbox: process}, two: {sandbox: process, prefix: big_, limits: {memory_mb: 2048}}}}"
    box = await open_tools(parse_tools(text, "aver.yaml"), tmp_path, Secrets({}))
    assert sorted(box.tools) == ["big_run_python", "run_python"]
