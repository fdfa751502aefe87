"""``aver witness``: the program that cosigns other installations' chains while they grow."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["witness"]


def witness(
    folder: Annotated[
        Path, typer.Option("--folder", metavar="DIR", help="Where its key and what it has seen are kept.")
    ],
    host: Annotated[str, typer.Option(metavar="HOST", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="PORT", help="0 takes any that is free.")] = 8430,
) -> None:
    """Run a witness: it remembers how far each chain has come, and cosigns a later state only with the proof that it grew out of that one.

    Run it where those who run Aver have no say. Example: aver witness --folder witness
    """
    from aver.core.clock import SystemClock
    from aver.governance.anchors.witness import Witness
    from aver.server.http.server import listen, run
    from aver.server.http.witness import witness_app

    keeper = Witness(folder, SystemClock())
    listening = listen(host, port)

    def announce(address: str) -> None:
        sys.stdout.write(f"witnessing on {address}\nits key: {keeper.key}\n")
        sys.stdout.flush()

    run(witness_app(keeper), listening, announce)
