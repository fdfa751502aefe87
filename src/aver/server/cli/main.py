"""Run a command; turn every way it can end into an exit code and, when it failed, one line.

==== =========================================================================
code meaning
==== =========================================================================
0    done
1    anything not below
2    usage: the command, an option, or the input's form is off
3    not found, or not allowed: the two cannot be told apart
4    verification failed: evidence or an index does not add up, or a condition is not met
10   a gate fails
11   a gate is inconclusive
130  interrupted from the keyboard
==== =========================================================================

An error is one line on standard error, ``error: cause. next step``. With ``--json`` it is an RFC 9457 problem details
object on standard output instead, so that a program reads one stream whatever happens.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any

import typer
from typer.main import get_group

from aver.core.errors import AverError, InvalidInput
from aver.server.cli.session import OpenApplication, begin

__all__ = ["command", "main"]

_DEBUG = "AVER_DEBUG"

_SETTINGS: dict[str, Any] = {
    "name": "aver",
    "add_completion": False,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}
_MODULES = {
    "init": "init",
    "ingest": "ingest",
    "ask": "ask",
    "search": "search",
    "erase": "erase",
    "check": "check",
    "serve": "serve",
    "mcp": "mcp",
    "tenant": "tenants",
    "sources": "sources",
    "documents": "documents",
    "index": "index",
    "knowledge": "knowledge",
    "judge": "judge",
    "eval": "evals",
    "gate": "gates",
    "dataset": "dataset",
    "evidence": "evidence",
    "controls": "controls",
    "pack": "packs",
    "inventory": "inventory",
    "witness": "witness",
    "keys": "keys",
    "people": "people",
    "roles": "roles",
    "identity": "identity",
    "governance": "governance",
    "retention": "retention",
    "hold": "holds",
    "access": "access",
    "person": "person",
    "acceptable-use": "acceptable_use",
    "agents": "agents",
    "approvals": "approvals",
    "switch": "switch",
    "rollout": "rollouts",
    "experiment": "experiments",
    "flags": "flags",
    "objectives": "objectives",
    "turns": "turns",
    "scorecard": "scorecard",
    "alerts": "alerts",
    "incident": "incidents",
    "runbook": "runbooks",
    "mitigation": "mitigations",
    "drill": "drills",
    "feedback": "feedback",
    "tools": "tools",
    "policy": "policy",
    "release": "releases",
    "redteam": "redteam",
    "gateway": "gateway",
}
"""Which module of this package has which command: as its group ``app``, or as the function that is called like the module."""


class _Commands(Mapping[str, Any]):
    """The commands by name, each imported and read by Typer when it is asked for: for all of them that takes most of a second."""

    def __init__(self) -> None:
        self._read: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._read:
            module = import_module(f"aver.server.cli.{_MODULES[name]}")
            alone = typer.Typer(**_SETTINGS)
            if hasattr(module, "app"):
                alone.add_typer(module.app, name=name)
            else:
                alone.command(name)(getattr(module, name))
            self._read[name] = get_group(alone).commands[name]
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in _MODULES

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


@cache
def command() -> Any:
    """``aver`` as Typer knows it, with what is below it in ``commands``. (Typer brings its own click, whose types it does not publish.)"""
    root = typer.Typer(**_SETTINGS)
    root.callback(invoke_without_command=True)(begin)
    group = get_group(root)
    group.commands = _Commands()  # type: ignore[assignment]  # nothing is ever added to it
    return group


class _Usage(InvalidInput):
    slug = "usage"


class _Unexpected(AverError):
    slug = "internal-error"


def main(arguments: Sequence[str] | None = None, *, open_application: OpenApplication | None = None) -> int:
    """Run ``aver`` with these arguments (those of the process by default); the exit code.

    ``open_application`` makes the application from its settings, for programs that bring their own embedder.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = command().main(words, prog_name="aver", standalone_mode=False, obj=open_application)
        sys.stdout.flush()
    except AverError as error:
        return _fail(error, words)
    except typer.TyperException as error:
        return _fail(_usage(error), words)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:
        # The reader has gone (`aver ... | head`): nothing is left to say, and the flush at exit must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the last resort of a command: one line in place of a traceback
        if os.environ.get(_DEBUG):
            traceback.print_exc()
        return _fail(_unexpected(error), words)
    return code if isinstance(code, int) else 0


def _fail(error: AverError, words: Sequence[str]) -> int:
    if "--json" in words:
        from aver.server.wire import to_json

        sys.stdout.write(to_json(error.problem(), indent=True).decode() + "\n")
        sys.stdout.flush()
    else:
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
    return error.exit_code


def _usage(error: typer.TyperException) -> AverError:
    context = getattr(error, "ctx", None)
    asked = context.command_path if context else "aver"
    cause = " ".join(error.format_message().split()).rstrip(".")
    return _Usage(cause, f"Run: {asked} --help")


def _unexpected(error: Exception) -> AverError:
    cause = f"Unexpected {type(error).__name__}: {error}".rstrip(".")
    return _Unexpected(cause, f"Run again with {_DEBUG}=1 to see where, and report it.")
