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
from collections.abc import Sequence

import typer

from aver.core.errors import AverError, InvalidInput
from aver.server.cli import (
    agents,
    approvals,
    ask,
    check,
    dataset,
    documents,
    erase,
    evals,
    evidence,
    experiments,
    flags,
    gates,
    gateway,
    identity,
    index,
    ingest,
    init,
    judge,
    keys,
    knowledge,
    mcp,
    people,
    policy,
    redteam,
    releases,
    rollouts,
    search,
    serve,
    sources,
    switch,
    tenants,
    tools,
)
from aver.server.cli.session import OpenApplication, begin

__all__ = ["app", "main"]

_DEBUG = "AVER_DEBUG"

app = typer.Typer(
    name="aver",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback(invoke_without_command=True)(begin)
app.command("init")(init.init)
app.add_typer(tenants.app, name="tenant")
app.command("ingest")(ingest.ingest)
app.add_typer(sources.app, name="sources")
app.command("ask")(ask.ask)
app.command("search")(search.search)
app.add_typer(documents.app, name="documents")
app.add_typer(index.app, name="index")
app.add_typer(knowledge.app, name="knowledge")
app.add_typer(judge.app, name="judge")
app.add_typer(evals.app, name="eval")
app.add_typer(gates.app, name="gate")
app.add_typer(dataset.app, name="dataset")
app.add_typer(evidence.app, name="evidence")
app.command("erase")(erase.erase)
app.add_typer(people.app, name="people")
app.command("roles")(people.roles)
app.add_typer(keys.app, name="keys")
app.add_typer(identity.app, name="identity")
app.add_typer(agents.app, name="agents")
app.add_typer(approvals.app, name="approvals")
app.add_typer(switch.app, name="switch")
app.add_typer(rollouts.app, name="rollout")
app.add_typer(experiments.app, name="experiment")
app.add_typer(flags.app, name="flags")
app.add_typer(tools.app, name="tools")
app.add_typer(policy.app, name="policy")
app.add_typer(releases.app, name="release")
app.command("check")(check.check)
app.add_typer(redteam.app, name="redteam")
app.add_typer(gateway.app, name="gateway")
app.command("serve")(serve.serve)
app.command("mcp")(mcp.mcp)


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
        code = app(words, prog_name="aver", standalone_mode=False, obj=open_application)
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
    command = context.command_path if context else "aver"
    cause = " ".join(error.format_message().split()).rstrip(".")
    return _Usage(cause, f"Run: {command} --help")


def _unexpected(error: Exception) -> AverError:
    cause = f"Unexpected {type(error).__name__}: {error}".rstrip(".")
    return _Unexpected(cause, f"Run again with {_DEBUG}=1 to see where, and report it.")
