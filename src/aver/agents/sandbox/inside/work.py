"""Running what was asked: a function of the tool's file with JSON arguments, or a piece of code beside files and values; or telling what
functions a file has."""

from __future__ import annotations

import binascii
import errno
import os
import sys
from types import ModuleType

from .words import TooMuch, written

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
_CODE = "<code>"
_written: dict[str, str] = {}
"""Code that is in no file, by what it is called in tracebacks."""
_STAND_INS = ("aver", "aver.agents", "aver.agents.tools", "aver.agents.tools.function", "aver.policy")


def answer(plan: Plan, folder: str) -> bytes:
    """The reply, as JSON: ``{"value", "files"}``; ``{"over"}`` with the limit that the tool came up against; or ``{"failed"}`` with what
    went wrong, in words. ``folder`` holds ``tool`` and ``work``."""
    work, most = plan["work"], plan["limits"]["output"]
    sys.dont_write_bytecode = True
    sys.path[:] = [*plan["imports"], f"{folder}/tool"]
    os.chdir(f"{folder}/work")
    typed: ModuleType | None = None
    if work.get("typed"):
        from . import typed as typed_functions

        typed = typed_functions
    _forget_own_names()
    try:
        reply = _code(work, most) if "code" in work else _file(work, f"{folder}/tool", most, typed)
        sys.stdout.flush()
    except MemoryError:
        return _over("memory")
    except TooMuch:
        return _over("output")
    except OSError as error:
        limit = _LIMITS.get(error.errno or 0)
        return _over(limit) if limit else _failed(error)
    except BaseException as error:  # noqa: BLE001 - whatever a tool raises is its answer
        return _failed(error)
    return reply if len(reply) <= most else _over("output")


def _file(work: dict[str, Any], folder: str, most: int, typed: ModuleType | None) -> bytes:
    """Calls a function of a file, by its types where ``typed`` can; without a function, tells of all tools in it."""
    if typed is None:
        for name in _STAND_INS:
            sys.modules[name] = _StandIn(name)
        return _reply(written(_called(_named(work, folder), work["arguments"]), most))
    if "function" not in work:
        return _reply(written(typed.described(_module(work, folder), work["named"]), most))
    return _reply(written(typed.called(_named(work, folder), work["arguments"], work["key"]), most))


def _forget_own_names() -> None:
    """A tool may have a file ``inside.py`` beside it."""
    for name in list(sys.modules):
        if name.partition(".")[0] == "inside":
            del sys.modules[name]


def _module(work: dict[str, Any], folder: str) -> ModuleType:
    """The file as a module of a name that no other has: one called ``json.py`` takes nothing's place."""
    path = f"{folder}/{work['file']}"
    module = ModuleType("__tool__")
    module.__file__ = path
    sys.modules["__tool__"] = module
    with open(path, encoding="utf-8") as file:
        exec(compile(file.read(), path, "exec"), module.__dict__)  # noqa: S102 - it is what this process is for
    return module


def _named(work: dict[str, Any], folder: str) -> Any:
    function = getattr(_module(work, folder), work["function"], None)
    if not callable(function):
        raise NameError(  # noqa: TRY004 - that is what is wrong: there is none
            f"{work['file']} has no function {work['function']}"
        )
    return function


def _called(function: Any, arguments: dict[str, Any]) -> Any:
    value = function(**arguments)
    if getattr(getattr(function, "__code__", None), "co_flags", 0) & _COROUTINE:
        import asyncio

        value = asyncio.run(value)
    return value


def _code(work: dict[str, Any], most: int) -> bytes:
    """Runs code as ``__main__`` with variables. Its value is that of its last line, where that is an expression; files are those new or changed."""
    import ast

    given = {name: binascii.a2b_base64(data) for name, data in work["files"].items()}
    for name, data in given.items():
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(name, "wb") as file:
            file.write(data)
    _written[_CODE] = work["code"]
    tree: Any = compile(work["code"], _CODE, "exec", ast.PyCF_ONLY_AST)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    names: dict[str, Any] = {**work["values"], "__name__": "__main__"}
    value = None
    try:
        exec(compile(tree, _CODE, "exec"), names)  # noqa: S102 - it is what this process is for
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), _CODE, "eval"), names)  # noqa: S307
    except SystemExit as error:
        if error.code:
            raise
    try:
        said = written(value, most)
    except (TypeError, ValueError, RecursionError):
        said = written(repr(value), most)
    return _reply(said, written(_files(given, most), most))


def _reply(value: str, files: str = "{}") -> bytes:
    return f'{{"value":{value},"files":{files}}}'.encode("utf-8", "replace")


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
                raise TooMuch
            with open(path, "rb") as file:
                data = file.read()
            if given.get(path) != data:
                found[path] = binascii.b2a_base64(data, newline=False).decode()
    return found


def _over(limit: str) -> bytes:
    return written({"over": limit}, _LONGEST_MESSAGE).encode()


def _failed(error: BaseException) -> bytes:
    message = type(error).__name__
    try:
        message = f"{message}: {error}"
    except BaseException:  # noqa: BLE001, S110 - an exception whose own words raise another
        pass
    try:
        sys.stdout.flush()
        sys.stderr.write(_traceback(error)[-8 * _LONGEST_MESSAGE :])
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001, S110 - a tool may have used up, or closed, what it takes to print
        pass
    return written({"failed": message[:_LONGEST_MESSAGE]}, 8 * _LONGEST_MESSAGE).encode("utf-8", "replace")


def _traceback(error: BaseException) -> str:
    """From the tool's own first line on."""
    import linecache
    from traceback import format_exception

    # where it would look for the lines of code that is in no file
    linecache.cache |= {
        name: (len(text), None, text.splitlines(keepends=True), name) for name, text in _written.items()
    }
    begins, ours = error.__traceback__, __file__.removesuffix("agents/sandbox/inside/work.py")
    while begins is not None and begins.tb_frame.f_code.co_filename.startswith(ours):
        begins = begins.tb_next
    return "".join(format_exception(type(error), error, begins, limit=-20))


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
