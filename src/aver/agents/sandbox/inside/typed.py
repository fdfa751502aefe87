"""Functions under ``@tool``, read and called by Aver's own code for typed functions, so that a date is a date in a sandbox too.

That code is not the standard library's alone, and importing it takes longer than all else: a process of its own imports it once, to be
copied for calls whose types say more than JSON does.
"""

from __future__ import annotations

import asyncio
import datetime
import functools
import importlib
import inspect
import sys
from types import ModuleType, UnionType
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["begin", "called", "described"]

_PLAIN = (str, int, float, bool, type(None), Any)
_MADE_OF = (list, dict, Union, UnionType, Required, NotRequired)


def begin(package: str) -> None:
    """Make ``aver`` what is in the directory ``package``, without what its packages import for others, and import what is needed of it."""
    for name in ("aver", "aver.agents", "aver.agents.tools"):
        module = ModuleType(name)
        module.__path__ = [package + name.removeprefix("aver").replace(".", "/")]
        sys.modules[name] = module
    function = importlib.import_module("aver.agents.tools.function")
    for name in ("Key", "tool"):
        setattr(sys.modules["aver.agents.tools"], name, getattr(function, name))
    called(_tomorrow, {"today": "2026-01-01"}, "")  # much is imported when it is first used


def _tomorrow(today: datetime.date) -> datetime.date:
    return today + datetime.timedelta(1)


def described(module: ModuleType, named: Sequence[str]) -> list[dict[str, Any]]:
    """What a file offers, as JSON: of each tool ``function``, its name in the file, ``keys``, the parameters that are given the key of the
    effect, ``plain``, whether it can be called with JSON as it is, and the rest as in :class:`~aver.agents.tools.operation.Operation`; of
    what is ``named`` and can be no tool, ``name``, ``cause`` and ``next_step``."""
    from pydantic import TypeAdapter

    from aver.agents.tools.function import Function, offered
    from aver.policy import Annotations

    own = TypeAdapter(Annotations | None)
    found: list[dict[str, Any]] = []
    for name, each in offered(module, named).items():
        if not isinstance(each, Function):
            found.append({"name": each.name, "cause": each.cause, "next_step": each.next_step})
            continue
        types = get_type_hints(each.function, include_extras=True)
        operation = each.operation
        found.append(
            {
                "function": name,
                "name": operation.name,
                "description": operation.description,
                "parameters": operation.parameters,
                "returns": operation.returns,
                "own": own.dump_python(operation.own, mode="json"),
                "idempotent": operation.idempotent,
                "keys": each.keys,
                "plain": all(_is_plain(kind) for parameter, kind in types.items() if parameter not in each.keys),
            }
        )
    return found


def called(function: Any, arguments: Mapping[str, Any], key: str) -> Any:
    """What a function returns, with or without ``@tool`` above it, as JSON values; raises what it raises."""
    from aver.agents.tools.function import tool

    raised: list[BaseException] = []

    @functools.wraps(getattr(function, "function", function))
    async def watched(**named: Any) -> Any:
        try:
            value = function(**named)
            return await value if inspect.isawaitable(value) else value
        except BaseException as error:
            raised.append(error)
            raise

    async def ask() -> Any:
        return await tool(watched).operation.run(arguments, key)

    result = asyncio.run(ask())
    if raised:
        raise raised[0]
    if result.failed:
        raise ValueError(result.text)
    return result.value


def _is_plain(kind: Any) -> bool:
    """Whether a value of this type is what JSON makes of it."""
    from typing_extensions import is_typeddict

    origin, inner = get_origin(kind), get_args(kind)
    if is_typeddict(kind):
        origin, inner = dict, (str, *get_type_hints(kind, include_extras=True).values())
    if origin is Annotated:
        return _is_plain(inner[0]) and all(isinstance(each, str) for each in kind.__metadata__)
    if origin is Literal:
        return all(type(each) in _PLAIN for each in inner)
    if origin in _MADE_OF:
        return all(map(_is_plain, inner)) and (origin is not dict or inner[0] is str)
    return kind in (*_PLAIN, list, dict)
