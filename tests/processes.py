"""Processes that tests start: forked from one that has imported what takes seconds to import, and has opened nothing."""

import multiprocessing

__all__ = ["PROCESSES"]

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    [
        "pytest",
        "aver.gateway.budgets",
        "aver.testing.crash",
        # Of what LanceDB imports. Itself it starts a thread, so that each process imports it anew.
        "lance_namespace",
        "pyarrow.dataset",
    ]
)
