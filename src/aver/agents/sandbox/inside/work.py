"""Running what was asked: a function of the tool's file with JSON arguments, or a piece of code beside files."""

from __future__ import annotations

import binascii
import contextlib
import errno
import json
import os
import sys
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .plan import Plan

__all__ = ["answer"]

_LONGEST_MESSAGE = 2000
_COROUTINE = 0x80
_LIMITS = {
    errno.ENOSPC: "disk",
    errno.EFBIG: "disk",
    errno.EMFILE: "open_files",
    errno.EAGAIN: "processes",  # what a fork is answered with
}
"""Which limit an error of the system tells of."""
_STAND_INS = ("aver", "aver.agents", "aver.agents.tools", "aver.policy")


def answer(plan: Plan, folder: str) -> bytes:
    """The reply, as JSON: ``{"value", "files"}``; ``{"over"}`` with the limit that the tool came up against; or ``{"failed"}`` with what
    went wrong, in words. ``folder`` holds ``tool`` and ``work``."""
    work, most = plan["work"], plan["limits"]["output"]
    sys.dont_write_bytecode = True
    sys.path[:] = [*plan["imports"], f"{folder}/tool"]
    os.chdir(f"{folder}/work")
    try:
        reply = _function(work, f"{folder}/tool", most) if "function" in work else _code(work, most)
        sys.stdout.flush()
    except MemoryError:
        return _over("memory")
    except _TooMuch:
        return _over("output")
    except OSError as error:
        limit = _LIMITS.get(error.errno or 0)
        return _over(limit) if limit else _failed(error)
    except BaseException as error:  # noqa: BLE001 - whatever a tool raises is its answer
        return _failed(error)
    return reply if len(reply) <= most else _over("output")


def _function(work: dict[str, Any], folder: str, most: int) -> bytes:
    """Calls a function. Its file is a module of a name that no other has: one called ``json.py`` takes nothing's place."""
    for name in _STAND_INS:
        sys.modules[name] = _StandIn(name)
    path = f"{folder}/{work['file']}"
    module = ModuleType("__tool__")
    module.__file__ = path
    sys.modules["__tool__"] = module
    with open(path, encoding="utf-8") as file:
        exec(compile(file.read(), path, "exec"), module.__dict__)  # noqa: S102 - it is what this process is for
    function = getattr(module, work["function"], None)
    if not callable(function):
        raise NameError(  # noqa: TRY004 - that is what is wrong: there is none
            f"{work['file']} has no function {work['function']}"
        )
    value = function(**work["arguments"])
    if getattr(getattr(function, "__code__", None), "co_flags", 0) & _COROUTINE:
        import asyncio

        value = asyncio.run(value)
    return _reply(_json(value, most))


def _code(work: dict[str, Any], most: int) -> bytes:
    """Runs code as ``__main__``. Its value is that of its last line, where that is an expression; files are those new or changed."""
    import ast

    given = {name: binascii.a2b_base64(data) for name, data in work["files"].items()}
    for name, data in given.items():
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(name, "wb") as file:
            file.write(data)
    tree = ast.parse(work["code"], "code.py")
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    names: dict[str, Any] = {"__name__": "__main__"}
    value = None
    try:
        exec(compile(tree, "code.py", "exec"), names)  # noqa: S102 - it is what this process is for
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "code.py", "eval"), names)  # noqa: S307
    except SystemExit as error:
        if error.code:
            raise
    try:
        said = _json(value, most)
    except (TypeError, ValueError):
        said = _json(repr(value), most)
    return _reply(said, _json(_files(given, most), most))


def _reply(value: str, files: str = "{}") -> bytes:
    return f'{{"value":{value},"files":{files}}}'.encode("utf-8", "replace")


def _json(value: Any, most: int) -> str:
    """A value as JSON, made once: it may be as large as the memory allows, and is then not copied any further."""
    said = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    if len(said) > most:
        raise _TooMuch
    return said


def _files(given: dict[str, bytes], most: int) -> dict[str, str]:
    found: dict[str, str] = {}
    left = most
    for folder, _, names in os.walk("."):
        for name in names:
            path = os.path.relpath(f"{folder}/{name}")
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            left -= os.path.getsize(path)
            if left < 0:
                raise _TooMuch
            with open(path, "rb") as file:
                data = file.read()
            if given.get(path) != data:
                found[path] = binascii.b2a_base64(data, newline=False).decode()
    return found


def _over(limit: str) -> bytes:
    return json.dumps({"over": limit}).encode()


def _failed(error: BaseException) -> bytes:
    message = type(error).__name__
    with contextlib.suppress(BaseException):  # an exception whose own words raise another
        message = f"{message}: {error}"
    with contextlib.suppress(BaseException):  # a tool may have used up, or closed, what it takes to print
        from traceback import format_exception

        sys.stdout.flush()
        sys.stderr.write("".join(format_exception(error, limit=-20))[-8 * _LONGEST_MESSAGE :])
        sys.stderr.flush()
    return json.dumps({"failed": message[:_LONGEST_MESSAGE]}, ensure_ascii=False).encode("utf-8", "replace")


class _TooMuch(Exception):
    """More is to be returned than may be."""


class _StandIn(ModuleType):
    """What ``aver`` is to a tool in its sandbox: every name is a mark that leaves what it is put on as it is."""

    __path__: list[str] = []  # noqa: RUF012 - what makes it a package

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Mark()


class _Mark:
    """Decorator, decorator factory, annotation, member: all of them leave no trace."""

    def __call__(self, *words: Any, **_: Any) -> Any:
        return words[0] if len(words) == 1 and callable(words[0]) and not isinstance(words[0], _Mark) else self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, _: Any) -> Any:
        return self

    __or__ = __ror__ = __getitem__
