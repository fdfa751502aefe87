"""What every test may use."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Tests start hundreds of programs. Where nothing compiled is kept, each would take seconds to compile what it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# No example has to be made or tried within a time: what machine this is, and what else it does, is no matter of the code.
settings.register_profile("any machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared_data(name: str) -> Path:
    """The folder or file of public data called ``name``; skips the test where it is absent."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs the public data folder {name!r} beside the checkout, in shared/data")
    return path


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failure: everything a test needs is to be there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
