"""What every test may use."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared_data(name: str) -> Path:
    """The folder or file of public data called ``name``; skips the test where it is absent."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs the public data folder {name!r} beside the checkout, in shared/data")
    return path
