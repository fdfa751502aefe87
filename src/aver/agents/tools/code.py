"""``run_python``: code that a model writes, as a tool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aver.agents import sandbox
from aver.agents.tools.declaration import CodeConfig
from aver.agents.tools.operation import Operation
from aver.agents.tools.room import Room
from aver.agents.tools.types import Result
from aver.policy import Annotations, Effect

__all__ = ["run_python"]

_ABOUT = """\
Runs Python code and tells the value of its last line, where that is an expression, and what was printed. Each of `values` is a variable of
its name. Nothing is kept between calls, and the code reaches no file or process that is not its own, and {reached}."""
_PARAMETERS = {
    "type": "object",
    "properties": {
        "code": {"type": "string", "description": "Python, of this version or older, with the installed packages."},
        "values": {"type": "object", "description": "What the code works on: JSON values by the names of variables."},
    },
    "required": ["code"],
    "additionalProperties": False,
}
_RETURNS = {
    "type": "object",
    "properties": {"value": {}, "printed": {"type": "string"}},
    "required": ["value", "printed"],
    "additionalProperties": False,
}


def run_python(config: CodeConfig, room: Room) -> Operation:
    """Code over values that the model gives with it. It reads; where hosts are declared whatever it is given may leave for them, so it
    sends too."""

    async def run(arguments: Mapping[str, Any], key: str) -> Result:
        del key
        code, values = arguments["code"], arguments.get("values", {})
        return await room.called(
            lambda limits, network: room.sandbox.run_python(code, None, limits, network, values=values), _told
        )

    effects = {Effect.READ, Effect.SEND} if config.hosts else {Effect.READ}
    reached = f"no host but {', '.join(config.hosts)}" if config.hosts else "no network"
    own = Annotations(frozenset(effects), content=("code", "values"))
    return Operation("run_python", _ABOUT.format(reached=reached), _PARAMETERS, run, _RETURNS, own)


def _told(found: sandbox.Result) -> Result:
    if found.failed is not None:
        return Result(None, found.stderr or found.failed, failed=True)
    return Result({"value": found.value, "printed": found.stdout}, "")
