"""A process that is copied for each call, so that Python starts once: it knows the program, and nothing of any call.

Over its standard input it is sent four descriptors at a time, and hands them to a copy of itself: what a call is about is told to the copy
alone. It ends when whoever may ask for copies has gone.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]
import gc
import os
import socket
import sys

from . import program

__all__ = ["main"]

_DESCRIPTORS = 4


def main(package: str = "", *imports: str) -> None:
    """With ``package``, where ``aver`` is, and ``imports``, where installed packages are, it knows the code that calls functions by their
    types as well."""
    control = socket.socket(fileno=0)
    if package:
        from . import typed

        sys.path.extend(imports)
        typed.begin(package)
    import ast  # noqa: F401 - what pieces of code are read with

    gc.freeze()  # so that a copy does not begin by copying what it only looks at
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        asked, descriptors, _, _ = socket.recv_fds(control, 1, _DESCRIPTORS)
        if not asked:
            os._exit(0)
        try:
            child = os.fork()
        except OSError:
            child = -1  # whoever asked hears nothing more
        if child == 0:
            try:
                control.detach()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                program.main(*descriptors)
            finally:
                os._exit(1)
        for descriptor in descriptors:
            os.close(descriptor)
