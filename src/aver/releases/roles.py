"""What each file of a bundle is there for, as its path and its declarations say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any, Literal

from aver.agents.tools.pins import LOCK_FILE
from aver.gateway.config.read import BUNDLE_FILE
from aver.releases.types import Manifest

__all__ = ["Role", "models_of", "role_of"]

Role = Literal["bundle", "prompt", "policy", "dataset", "rubric", "labels", "tool", "api", "pins", "model", "file"]
"""``bundle`` is ``aver.yaml``; ``labels`` are what people said for a judge to be held against; ``api`` is an OpenAPI document; ``model``
are weights, or a learned router; ``file`` is anything else."""

_WEIGHTS = frozenset(
    (
        ".safetensors",
        ".onnx",
        ".gguf",
        ".npz",
        ".npy",
        ".pt",
        ".pth",
        ".bin",
        ".h5",
        ".keras",
        ".tflite",
        ".pkl",
        ".joblib",
    )
)
_CASES = frozenset((".jsonl", ".yaml", ".yml", ".csv"))
_BY_FOLDER: Mapping[str, tuple[Role, frozenset[str]]] = {
    "prompts": ("prompt", frozenset((".md", ".txt", ".jinja", ".j2", ".yaml"))),
    "policies": ("policy", frozenset((".cedar",))),
    "evals": ("dataset", _CASES),
    "redteam": ("dataset", _CASES),
    "tools": ("tool", frozenset((".py",))),
}


def role_of(path: str, declared: Mapping[str, Any]) -> Role:
    """The role of the file at ``path`` in a bundle that declares ``declared``: what names it decides, else where it lies."""
    if path in (BUNDLE_FILE, LOCK_FILE):
        return "bundle" if path == BUNDLE_FILE else "pins"
    for role, pattern in _named(declared):
        if fnmatchcase(path, pattern):
            return role
    suffix = PurePosixPath(path).suffix.lower()
    role, suffixes = _BY_FOLDER.get(path.partition("/")[0], ("file", frozenset()))
    if suffix in suffixes:
        return role
    return "model" if suffix in _WEIGHTS else "file"


def models_of(manifest: Manifest) -> dict[str, dict[str, str]]:
    """The models that are files of the release, by the folder they are in: every file below it by its path there, with its SHA-256. Of weights
    that lie in the bundle itself, ``.``, they alone."""
    weights = [each for each in manifest.files if role_of(each.path, manifest.declared) == "model"]
    found: dict[str, dict[str, str]] = {}
    for folder in sorted({str(PurePosixPath(each.path).parent) for each in weights}):
        if folder == ".":
            found[folder] = {each.path: each.sha256 for each in weights if "/" not in each.path}
        else:
            below = f"{folder}/"
            inside = (each for each in manifest.files if each.path.startswith(below))
            found[folder] = {each.path.removeprefix(below): each.sha256 for each in inside}
    return found


def _named(declared: Mapping[str, Any]) -> Iterator[tuple[Role, str]]:
    """Paths and patterns that the sections name, each with the role it has there."""
    evals = _mapping(declared, "evals")
    for judge in _mapping(evals, "judges").values():
        yield from _texts("rubric", judge, "rubric")
        yield from _texts("labels", judge, "calibration")
    for suite in _mapping(evals, "suites").values():
        yield from _texts("dataset", suite, "cases")
    tools = _mapping(declared, "tools")
    for each in _mapping(tools, "python").values():
        yield from _texts("tool", each, "file")
    for each in _mapping(tools, "openapi").values():
        yield from _texts("api", each, "document")
    for route in _mapping(declared, "routes").values():
        yield from _texts("model", _mapping(route, "learned"), "model")


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _texts(role: Role, value: Any, name: str) -> Iterator[tuple[Role, str]]:
    found = value.get(name) if isinstance(value, Mapping) else None
    for each in found if isinstance(found, list) else [found]:
        if isinstance(each, str):
            yield role, each.removeprefix("./")
