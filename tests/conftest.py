"""What every test may use."""

import gc
import os
import sys
from itertools import chain, groupby
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Tests start hundreds of programs. Where nothing compiled is kept, each would take seconds to compile what it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Tests run beside each other. Threads that work out one product between them wait for each other busily, and take the others' cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# No example has to be made or tried within a time: what machine this is, and what else it does, is no matter of the code.
settings.register_profile("any machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

SLOW = ("contract", "e2e", "integration")
"""Whose tests begin programs and servers."""
TESTS = Path(__file__).resolve().parent
SHARED = TESTS.parents[1] / "shared" / "data"


def shared_data(name: str) -> Path:
    """The folder or file of public data called ``name``; skips the test where it is absent."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs the public data folder {name!r} beside the checkout, in shared/data")
    return path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let two processes begin with half of the slow files each, and end with quick tests.

    Each is given one half of the list, and takes from the end of the other's once it has done its own: what lasts a minute is not to be
    the last that is done, nor a file whose server is open to be taken apart.
    """
    files = [list(tests) for _, tests in groupby(items, key=lambda item: item.path)]
    slow, quick = [], []
    for tests in files:
        (slow if tests[0].path.relative_to(TESTS).parts[0] in SLOW else quick).append(tests)
    one, other, rest = (list(chain.from_iterable(part)) for part in (slow[::2], slow[1::2], quick))
    half = max(len(items) // 2 - len(one), 0)
    items[:] = [*one, *rest[:half], *other, *rest[half:]]


def pytest_collection_finish() -> None:
    """What was collected stays until the end: no search for garbage has to look through it."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failure: everything a test needs is to be there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
