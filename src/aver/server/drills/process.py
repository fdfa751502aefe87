"""``python -m aver.server.drills.process serve ...``: the command line as it is, over an embedder that costs nothing and a clock that a drill can set.

Meaning is not what is drilled, so the index of the drill's own tenant is made with words alone. The clock follows the file that ``AVER_DRILL_CLOCK`` names, which holds
the seconds by which it is off; behind it stands the steady clock that every installation has.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from aver.core.clock import SteadyClock, SystemClock

if TYPE_CHECKING:
    from aver.core.settings import Settings
    from aver.server.application import Application

__all__ = ["CLOCK", "SetClock", "open_application"]

CLOCK = "AVER_DRILL_CLOCK"


class SetClock(SystemClock):
    """A clock that is off by what a file says, as of each reading."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> datetime:
        try:
            off = float(self._file.read_text() or 0)
        except (OSError, ValueError):
            off = 0.0
        return super().now() + timedelta(seconds=off)


def open_application(settings: Settings) -> Application:
    """As a drill's processes open one."""
    from aver.gateway.adapters.minilm import MiniLM
    from aver.server.application import Application
    from aver.testing import HashEmbedder

    file = os.environ.get(CLOCK)
    clock = SteadyClock(SetClock(Path(file))) if file else None
    others = [MiniLM(settings.data / "models")] if (settings.data / "models").is_dir() else []
    return Application(settings, embedder=HashEmbedder(), clock=clock, other_embedders=others)


def _end_with_the_drill() -> None:
    """Stop as an operator would when whoever drills is gone: the far end of standard input closes then, also after ``kill -9``."""
    while os.read(sys.stdin.fileno(), 64):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    from aver.server.cli.main import main

    threading.Thread(target=_end_with_the_drill, daemon=True).start()
    sys.exit(main(open_application=open_application))
