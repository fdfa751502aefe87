"""What a process of :mod:`~aver.evals.running.processes` runs: one function, asked over standard input, a line of JSON each way."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import inspect
import math
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import orjson

from aver.evals.running.wire import case_of, response_of

__all__ = ["load", "main"]

_TRACEBACKS = 20
"""Different ones that a process prints."""


def load(place: str) -> Callable[..., Any]:
    """The function at ``FILE.py:NAME`` or ``MODULE:NAME``. A file's own folder is where it may import from. Raises what loading raises."""
    where, _, name = place.rpartition(":")
    if where.endswith(".py"):
        path = Path(where).resolve()
        sys.path.insert(0, str(path.parent))
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(where)
    found = getattr(module, name, None)
    if not callable(found):
        raise LookupError(f"there is no function {name!r}")  # noqa: TRY004 - it is the name that is wrong
    return found  # type: ignore[no-any-return]


def main(kind: str, place: str) -> None:
    said = os.fdopen(os.dup(1), "wb", buffering=0)
    heard = os.fdopen(os.dup(0), "rb")
    # Neither what the function prints nor what it reads may come between the two.
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        call = _KINDS[kind](load(place))
    except BaseException as error:  # noqa: BLE001 - whatever a file does while it is loaded
        traceback.print_exc()
        _say(said, {"error": _told(error)})
        return
    _say(said, {"ready": True})
    shown = set[str]()
    with asyncio.Runner() as runner:
        for line in heard:
            _say(said, _answer(call, orjson.loads(line), runner, shown))


def _answer(call: Callable[..., Any], arguments: list[Any], runner: asyncio.Runner, shown: set[str]) -> dict[str, Any]:
    """``shown`` are the tracebacks printed so far: one that comes with every case is printed once."""
    began = time.monotonic()
    try:
        value = call(*arguments)
        if inspect.isawaitable(value):
            value = runner.run(_awaited(value))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is told, whatever it is
        text = "".join(traceback.format_exception(error))
        if text not in shown and len(shown) < _TRACEBACKS:
            shown.add(text)
            sys.stderr.write(text)
            sys.stderr.flush()
        return {"error": _told(error)}
    if _unsayable(value):
        return {"error": f"{value!r:.100}, which has no number that JSON can say"}
    return {"value": value, "ms": (time.monotonic() - began) * 1000}


def _unsayable(value: Any) -> bool:
    """Whether a number in it is infinite or none, which JSON would turn into nothing."""
    if isinstance(value, Mapping):
        return any(map(_unsayable, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_unsayable, value))
    return isinstance(value, float) and not math.isfinite(value)


def _target(function: Callable[..., Any]) -> Callable[..., Any]:
    """Of a function of a case, or of a case and a seed."""
    seeded = "seed" in inspect.signature(function).parameters

    def call(case: dict[str, Any], seed: int) -> Any:
        return function(case_of(case), **({"seed": seed} if seeded else {}))

    return call


def _scorer(function: Callable[..., Any]) -> Callable[..., Any]:
    """Of a function of a case and its response."""

    def call(case: dict[str, Any], response: dict[str, Any]) -> Any:
        return function(case_of(case), response_of(response))

    return call


_KINDS: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "plain": lambda function: function,
    "target": _target,
    "scorer": _scorer,
}


async def _awaited(value: Any) -> Any:
    return await value


def _say(said: IO[bytes], what: dict[str, Any]) -> None:
    try:
        line = orjson.dumps(what, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY)
    except TypeError as error:
        line = orjson.dumps({"error": f"something that is no JSON: {error}"})
    said.write(line + b"\n")


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:500]


if __name__ == "__main__":
    main(*sys.argv[1:])
