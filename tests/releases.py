"""Small bundles, and registries to freeze them in."""

from __future__ import annotations

import json
from pathlib import Path

from aver.core import Clock, SystemClock
from aver.releases import Registry
from aver.store import Store

__all__ = ["FREE", "GUARDED", "cases", "open_registry", "write_bundle"]

FREE = "feature: {model: extractive}\n"
GUARDED = """feature: {model: extractive}
release:
  environments:
    staging: {}
    production: {after: staging, gate: true, sign_offs: [security, product], override: [release-manager]}
"""


def write_bundle(folder: Path, declared: str = FREE, **files: str) -> Path:
    """A bundle with these files, by path with ``__`` for ``/`` and ``_dot_`` for the dot of its ending."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "aver.yaml").write_text(declared, encoding="utf-8")
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def cases(*ids: str, said: str = "") -> str:
    """A labelled set whose questions no document answers."""
    return "".join(json.dumps({"id": each, "question": f"{each}{said}?", "unanswerable": True}) + "\n" for each in ids)


def open_registry(folder: Path, store: Store | None = None, clock: Clock | None = None, **more: object) -> Registry:
    """A registry on ``store``, or on one of its own in ``folder``."""
    clock = clock or SystemClock()
    return Registry(store or Store(folder / "data", clock=clock), clock, folder / "data" / "releases", **more)  # type: ignore[arg-type]
