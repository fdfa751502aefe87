"""A learned router as one file: JSON, its numbers as base64 of little-endian floats, under a digest."""

from __future__ import annotations

import base64
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from aver.core import canonical_json, sha256_hex
from aver.core.errors import InvalidInput, NotFound, VerificationFailed
from aver.gateway.routing.estimation import Interval, Value
from aver.gateway.routing.learned import LearnedModel
from aver.gateway.routing.learned_features import COUNTS, Features, width
from aver.gateway.types import Embedder

__all__ = ["load", "save"]

_FORMAT = 1
_AGAIN = "Train it again."
_INTERVALS = ("success", "share", "gain")


def save(model: LearnedModel, path: Path) -> str:
    """Writes the file whole or not at all, and gives its digest."""
    content = {
        "format": _FORMAT,
        "models": list(model.models),
        "costs": list(model.costs),
        "embedder": model.embedder,
        "examples": model.examples,
        "target": model.target,
        "verdict": model.verdict,
        "why": model.why,
        "estimate": asdict(model.estimate) | {name: list(getattr(model.estimate, name)) for name in _INTERVALS},
        "coefficients": _packed(model.coefficients),
        "centre": _packed(model.features.centre),
        "spread": _packed(model.features.spread),
        "curve": _packed(model.curve),
    }
    digest = sha256_hex(canonical_json(content))
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(orjson.dumps({"digest": digest, **content}, option=orjson.OPT_INDENT_2) + b"\n")
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return digest


def load(path: Path, embedder: Embedder) -> LearnedModel:
    """Raises :class:`~aver.core.errors.NotFound` without the file, :class:`~aver.core.errors.VerificationFailed` when it is damaged, and
    :class:`~aver.core.errors.InvalidInput` when it was trained with another embedder or written by another version."""
    try:
        content = orjson.loads(path.read_bytes())
        digest = content.pop("digest")
    except FileNotFoundError:
        raise NotFound(f"There is no learned router at {path}", "Train one, or correct the route's `model`.") from None
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        raise VerificationFailed(f"{path} is not a learned router", _AGAIN) from None
    if digest != sha256_hex(canonical_json(content)):
        raise VerificationFailed(f"The learned router {path} is not as it was written", _AGAIN)
    if content["format"] != _FORMAT:
        raise InvalidInput(f"The learned router {path} has the format {content['format']}, not {_FORMAT}", _AGAIN)
    if content["embedder"] != embedder.name:
        raise InvalidInput(
            f"The learned router {path} reads vectors of {content['embedder']}, and here are those of {embedder.name}",
            _AGAIN,
        )
    models = tuple(content["models"])
    return LearnedModel(
        models=models,
        costs=tuple(content["costs"]),
        features=Features(_unpacked(content["centre"], COUNTS)[0], _unpacked(content["spread"], COUNTS)[0]),
        embedder=content["embedder"],
        coefficients=_unpacked(content["coefficients"], width(embedder.dimension)),
        curve=_unpacked(content["curve"], 3),
        estimate=_value(content["estimate"]),
        verdict=content["verdict"],
        why=content["why"],
        target=content["target"],
        examples=content["examples"],
    )


def _packed(numbers: NDArray[np.float64]) -> str:
    return base64.b64encode(numbers.astype("<f4").tobytes()).decode()


def _unpacked(text: str, columns: int) -> NDArray[np.float64]:
    return np.frombuffer(base64.b64decode(text), "<f4").astype(np.float64).reshape(-1, columns)


def _value(content: dict[str, Any]) -> Value:
    return Value(**content | {name: Interval(*content[name]) for name in _INTERVALS})
