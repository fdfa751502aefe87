"""Python files of a bundle: what they offer is read from them once, and run where it can do no harm."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any

from aver.agents import sandbox
from aver.agents.tools.declaration import FileConfig
from aver.agents.tools.function import Function, tool
from aver.agents.tools.operation import Operation, Run, Unusable
from aver.agents.tools.types import Result
from aver.core import sha256_hex
from aver.core.errors import NotFound, SettingsError, Unavailable
from aver.gateway.credentials import SecretSource

__all__ = ["functions", "operations"]

_LOADING = Lock()
"""Held while a file is loaded: what is imported meanwhile is told apart by when it came."""


def operations(config: FileConfig, bundle: Path, secrets: SecretSource) -> list[Operation | Unusable]:
    """What the functions of a file offer: those under ``@tool``, and those that the bundle declares by their names.

    Raises :class:`~aver.core.errors.SettingsError` for a file that cannot be loaded.
    """
    path = bundle / config.file
    found: list[Operation | Unusable] = []
    for name, function in functions(path, config.tools).items():
        if isinstance(function, Unusable):
            found.append(function)
        elif config.sandbox == "none":
            found.append(function.operation)
        elif converted := function.converted:
            cause = f"{name!r} would get {converted!r} as plain JSON in the sandbox, not as the type it has"
            found.append(Unusable(name, cause, "Give it text, numbers, booleans, lists, mappings or TypedDicts."))
        else:
            found.append(replace(function.operation, run=_sandboxed(function, path, config, secrets)))
    return found


def functions(path: Path, named: Mapping[str, Any]) -> dict[str, Function | Unusable]:
    """By what they are called. The file is run as far as its definitions go: it is the bundle's, as its prompts and policies are."""
    module = _loaded(path)
    there = {each.operation.name: each for each in vars(module).values() if isinstance(each, Function)}
    found: dict[str, Function | Unusable] = {**there}
    for name in named:
        plain = getattr(module, name, None)
        if name not in found and callable(plain):
            try:
                found[name] = tool(plain)
            except SettingsError as error:
                found[name] = Unusable(name, error.cause, error.next_step)
    return found


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


def _sandboxed(function: Function, path: Path, config: FileConfig, secrets: SecretSource) -> Run:
    assert config.sandbox != "none"
    place = sandbox.Function(path, function.function.__name__)
    room = sandbox.Sandbox(sandbox.SandboxSettings(config.sandbox))
    limits = sandbox.Limits(
        seconds=config.limits.seconds,
        cpu_seconds=max(1, int(config.limits.seconds)),
        output_kb=max(1, config.limits.largest // 1024),
    )

    async def run(arguments: Mapping[str, Any], key: str) -> Result:
        given = {**arguments, **dict.fromkeys(function.keys, key)}
        network = await _network(config, secrets)
        try:
            found = await room.run(place, given, limits, network)
        except NotFound as error:  # a file that was there when it was loaded
            raise Unavailable(error.cause, error.next_step) from None
        return Result(found.value, "") if found.failed is None else Result(None, found.failed, failed=True)

    return run


async def _network(config: FileConfig, secrets: SecretSource) -> sandbox.Network | None:
    if not config.hosts:
        return None
    kept = [
        sandbox.Secret(each.name, await secrets.get(each.credential), each.hosts, each.headers)
        for each in config.secrets.values()
    ]
    return sandbox.Network([*config.hosts.values()], kept)
