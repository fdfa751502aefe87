"""Typed functions and pieces of code as operations whose calls run in a sandbox. Under annotations they are tools as any other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from aver.agents.sandbox.egress import Network
from aver.agents.sandbox.errors import SandboxStopped
from aver.agents.sandbox.sandbox import Sandbox
from aver.agents.sandbox.types import Function, Limits
from aver.agents.tools.operation import Operation
from aver.agents.tools.types import Result
from aver.core.errors import SettingsError, Undecided
from aver.policy import Annotations, Effect

__all__ = ["code", "functions"]

_ABOUT_CODE = """\
Runs Python code and tells the value of its last line, where that is an expression, and what was printed. Each of `values` is a variable of
its name. Nothing is kept between calls, and the code reaches no file, process or network that is not its own."""
_REACHING = "Runs Python code that may connect to {hosts}. The value of its last line and what was printed are told."
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


class _Described(TypedDict):
    """What :func:`aver.agents.sandbox.inside.typed.described` says of one function."""

    function: str
    name: str
    description: str
    parameters: dict[str, Any]
    returns: dict[str, Any] | None
    own: Annotations | None
    keys: list[str]
    plain: bool


_DESCRIBED = TypeAdapter(list[_Described])


async def functions(
    path: Path, sandbox: Sandbox, limits: Limits | None = None, network: Network | None = None
) -> list[Operation]:
    """The functions under ``@tool`` of a Python file. They are read in the sandbox as well: nothing of the file runs in this process.

    A function that was stopped and had no network has brought nothing about: its call fails. With a network it is undecided.

    Raises :class:`~aver.core.errors.SettingsError` for a file that cannot be read, or has two tools of one name, and as
    :meth:`Sandbox.run` does.
    """
    try:
        result = await sandbox.describe(path)
    except SandboxStopped as error:
        raise SettingsError(f"{path} cannot be read: {error.cause}", "Do less at the top of the file.") from error
    if result.failed is not None:
        raise SettingsError(f"{path} cannot be read: {result.failed}", "Correct the file.")
    try:
        found = _DESCRIBED.validate_python(result.value)
    except ValidationError:
        raise SettingsError(f"{path} says something else of its tools than they are", "Do not trust it.") from None
    names = [each["name"] for each in found]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f"{path} has two tools called {name!r}", "Give one of them another name.")
    return [_operation(path, each, sandbox, limits, network) for each in found]


def code(sandbox: Sandbox, limits: Limits | None = None, network: Network | None = None) -> Operation:
    """The operation ``run_python``: code that a model wrote, over values that it gives. With a network, whatever it is given may leave for the
    declared hosts, and is declared to."""

    async def run(arguments: Mapping[str, Any], key: str) -> Result:
        del key
        try:
            result = await sandbox.run_python(
                arguments["code"], None, limits, network, values=arguments.get("values", {})
            )
        except SandboxStopped as error:
            return _stopped(error, network)
        if result.failed is not None:
            return Result(None, result.stderr or result.failed, failed=True)
        return Result({"value": result.value, "printed": result.stdout}, "")

    effects = {Effect.READ} if network is None else {Effect.READ, Effect.SEND}
    about = _ABOUT_CODE if network is None else _REACHING.format(hosts=", ".join(each.name for each in network.hosts))
    own = Annotations(frozenset(effects), content=("code", "values"))
    return Operation("run_python", about, _PARAMETERS, run, _RETURNS, own)


def _operation(
    path: Path, described: _Described, sandbox: Sandbox, limits: Limits | None, network: Network | None
) -> Operation:
    function = Function(path, described["function"], typed=not described["plain"])

    async def run(arguments: Mapping[str, Any], key: str) -> Result:
        if not function.typed:
            arguments = {**arguments, **dict.fromkeys(described["keys"], key)}
        try:
            result = await sandbox.run(function, arguments, limits, network, key=key)
        except SandboxStopped as error:
            return _stopped(error, network)
        if result.failed is not None:
            return Result(None, result.failed, failed=True)
        return Result(result.value, "")

    return Operation(
        described["name"],
        described["description"],
        described["parameters"],
        run,
        described["returns"],
        described["own"],
    )


def _stopped(error: SandboxStopped, network: Network | None) -> Result:
    """What a call came to that was stopped: nothing, where nothing can have left the sandbox."""
    if network is None and "network" in error.report.holds:
        return Result(None, f"{error.cause}. {error.next_step}", failed=True)
    raise Undecided(f"{error.cause}, and may have done its work before", "See there whether it did.") from error
