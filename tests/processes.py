"""Processes that tests start: forked from one that has imported what takes seconds to import, and has opened nothing."""

import multiprocessing

from aver.testing.crash import PRELOADED

__all__ = ["PROCESSES"]

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    [
        "pytest",
        "aver.gateway.budgets",
        *PRELOADED,
    ]
)
