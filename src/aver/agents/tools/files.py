"""Python files of a bundle: what their functions say of themselves, and where they run.

Both happen in the sandbox: nothing of a file runs in Aver's own process, which learns of it what JSON can say. Only under ``sandbox: none``
it is a module here.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any, final

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from aver.agents import sandbox
from aver.agents.tools.declaration import FileConfig
from aver.agents.tools.function import Function, offered
from aver.agents.tools.operation import Operation, Unusable
from aver.agents.tools.room import Room
from aver.agents.tools.types import Result
from aver.core import sha256_hex
from aver.core.errors import SettingsError
from aver.policy import Annotations

__all__ = ["described", "loaded"]

_LOADING = Lock()
"""Held while a file is loaded: what is imported meanwhile is told apart by when it came."""


@final
class _Described(TypedDict):
    """What :func:`aver.agents.sandbox.inside.typed.described` says of a function."""

    function: str
    name: str
    description: str
    parameters: dict[str, Any]
    returns: dict[str, Any] | None
    own: Annotations | None
    idempotent: bool
    keys: list[str]
    plain: bool


@final
class _NoTool(TypedDict):
    name: str
    cause: str
    next_step: str


_SAID = TypeAdapter(list[_Described | _NoTool])


async def described(path: Path, config: FileConfig, room: Room) -> Sequence[Operation | Unusable]:
    """What a file offers, read and later called in ``room``: functions under ``@tool``, and those that the bundle declares by their names.

    Raises :class:`~aver.core.errors.SettingsError` for a file that cannot be read, and as :meth:`~aver.agents.sandbox.Sandbox.run` does.
    """
    try:
        result = await room.sandbox.describe(path, [*config.tools])
    except sandbox.SandboxStopped as error:
        raise SettingsError(f"{path} cannot be read: {error.cause}", "Do less at the top of the file.") from error
    if result.failed is not None:
        raise SettingsError(f"{path} cannot be read: {result.failed}", "Correct the file.")
    try:
        found = _SAID.validate_python(result.value)
    except ValidationError:
        raise SettingsError(f"{path} says something else of its tools than they are", "Do not trust it.") from None
    return [_operation(path, each, room) for each in found]


def _operation(path: Path, said: _Described | _NoTool, room: Room) -> Operation | Unusable:
    if "function" not in said:
        return Unusable(**said)
    function = sandbox.Function(path, said["function"], typed=not said["plain"])

    async def run(arguments: Mapping[str, Any], key: str) -> Result:
        given = arguments if function.typed else {**arguments, **dict.fromkeys(said["keys"], key)}
        return await room.called(
            lambda limits, network: room.sandbox.run(function, given, limits, network, key=key), _told
        )

    return Operation(
        said["name"],
        said["description"],
        said["parameters"],
        run,
        said["returns"],
        said["own"] and _with_tuples(said["own"]),
        idempotent=said["idempotent"],
    )


def _with_tuples(own: Annotations) -> Annotations:
    """Equal to what the same words beside a function in this process would be."""
    return replace(own, targets=(*own.targets,), content=(*own.content,), untrusted_fields=(*own.untrusted_fields,))


def _told(found: sandbox.Result) -> Result:
    return Result(found.value, "") if found.failed is None else Result(None, found.failed, failed=True)


async def loaded(path: Path, named: Iterable[str]) -> Sequence[Operation | Unusable]:
    """As :func:`described`, in this process. The file is run as far as its definitions go."""
    found = offered(await asyncio.to_thread(_loaded, path), named).values()
    return [each.operation if isinstance(each, Function) else each for each in found]


def _loaded(path: Path) -> ModuleType:
    spec = spec_from_file_location(f"aver_tools_{sha256_hex(str(path).encode())[:16]}", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise SettingsError(f"There is no Python file {path}", "Put it there, or correct its name.")
    module = module_from_spec(spec)
    try:
        with _beside(path.parent, spec.name, module):
            spec.loader.exec_module(module)
    except SettingsError as error:
        raise SettingsError(f"{path.name}: {error.cause}", error.next_step) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a file may raise anything
        said = f"{path} cannot be loaded: {type(error).__name__}: {str(error)[:300]}"
        raise SettingsError(said, "Correct the file.") from None
    return module


@contextmanager
def _beside(folder: Path, name: str, module: ModuleType) -> Iterator[None]:
    """Within this block the files beside one another can be imported; after it they are nobody else's. ``module`` stays known, by a name
    that no other has, so that the types in it can be found."""
    with _LOADING:
        before, is_known = {*sys.modules}, str(folder) in sys.path
        sys.modules[name] = module
        if not is_known:
            sys.path.append(str(folder))
        try:
            yield
        finally:
            if not is_known:
                sys.path.remove(str(folder))
            _forget({*sys.modules} - before - {name}, folder)


def _forget(names: set[str], folder: Path) -> None:
    for each in names:
        file = getattr(sys.modules[each], "__file__", None)
        if file is not None and Path(file).parent == folder:
            del sys.modules[each]
