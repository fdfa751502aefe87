"""Any Python function as a scorer, in processes of its own."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import orjson

from aver.core.errors import InvalidInput, NotFound
from aver.evals.running.wire import encode
from aver.evals.scorers.kinds import Judge, Judged, Kind, Means, Score
from aver.evals.types import Case, Response, Scorer
from aver.gateway.config.shapes import Text

__all__ = ["FUNCTION"]

_PLACE = Text(r"^(?!.*\.\.)[^\s:]+\.py:[A-Za-z_]\w*$", "FILE.py:NAME", "Name a function of a file.")


def _make(place: str, means: Means) -> Scorer:
    """``place`` is ``FILE.py:NAME``: a function of a case and a response, sync or async, that returns a number, true or false, figures by
    measure, any of these with a sentence of why, or ``None`` where it has nothing to say."""
    file, _, name = place.rpartition(":")
    path = means.folder / file
    try:
        code = path.read_bytes()
    except OSError as error:
        raise NotFound(f"{str(path)!r} cannot be read: {error.strerror}", "Check the path.") from None
    functions = means.function(f"{path}:{name}", "scorer")

    async def judge(case: Case, response: Response) -> Score:
        return _score(place, name, await functions.call(orjson.loads(encode(case)), orjson.loads(encode(response))))

    digest = hashlib.sha256(b"function\0" + name.encode() + b"\0" + code).hexdigest()
    judged: Judge = judge
    return Judged(name, digest, judged)


def _score(place: str, name: str, found: Any) -> Score:
    why = ""
    if isinstance(found, list) and len(found) == 2 and isinstance(found[1], str):
        found, why = found
    if found is None:
        return {}, why
    figures = found if isinstance(found, Mapping) else {name: found}
    values: dict[str, tuple[float, float]] = {}
    for measure, value in figures.items():
        pair = value if isinstance(value, list) and len(value) == 2 else [value, 1.0]
        if not all(isinstance(each, int | float) and math.isfinite(each) for each in pair):
            raise InvalidInput(
                f"{place} gave {str(value)[:60]!r} for {measure!r}", "Return a number, or true or false."
            )
        values[str(measure)] = float(pair[0]), float(pair[1])
    return values, why


FUNCTION = Kind(
    "function", "a function of yours, FILE.py:NAME, of a case and a response", ("...",), _make, _PLACE, needed=True
)
