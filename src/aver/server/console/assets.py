"""The page's own files, under an address that changes with their content, so that browsers may keep them for good."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

__all__ = ["Asset", "asset", "asset_address"]

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    content: bytes
    media_type: str


def asset(name: str) -> Asset | None:
    """The file of this name, if there is one. Names come from addresses, so they are looked up, never joined to a path."""
    return _assets().get(name)


def asset_address(name: str) -> str:
    """Where a page finds the file ``name``. All files share one folder, so that modules import each other by plain name."""
    assert name in _assets(), f"no file static/{name}"
    return f"/static/{_digest()}/{name}"


@cache
def _assets() -> dict[str, Asset]:
    files = sorted(path for path in _FOLDER.iterdir() if path.suffix in _TYPES)
    return {path.name: Asset(path.read_bytes(), _TYPES[path.suffix]) for path in files}


@cache
def _digest() -> str:
    whole = sha256()
    for name, found in _assets().items():
        whole.update(name.encode() + b"\0" + found.content + b"\0")
    return whole.hexdigest()[:16]
