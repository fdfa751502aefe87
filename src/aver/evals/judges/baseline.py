"""What a recorded run's target responded, as what a pairwise judge holds other responses against."""

from __future__ import annotations

import hashlib
from pathlib import Path

from aver.core.errors import InvalidInput
from aver.evals.running.file import read_run
from aver.evals.running.responses import Responses
from aver.evals.types import Case, Response

__all__ = ["Baseline"]


class Baseline:
    """The responses of the run in ``file``, by case: of several to one the first that is no error. Of each only where it is kept stays in memory.
    ``digest`` is SHA-256 of the file, hexadecimal.

    Raises :class:`~aver.core.errors.NotFound` and :class:`~aver.core.errors.InvalidInput` for a file that is no run, and for a run whose responses are not
    beside it.
    """

    def __init__(self, file: Path) -> None:
        run = read_run(file)
        with file.open("rb") as opened:
            self.digest = hashlib.file_digest(opened, "sha256").hexdigest()
        self._keys: dict[str, str] = {}
        for _, line in run.lines():
            if line.get("kept") and not line.get("error"):
                self._keys.setdefault(str(line.get("case")), str(line["kept"]))
        self._responses = Responses.beside(file)
        if next((each for each in self._keys.values() if self._responses.get(each) is not None), None) is None:
            self.close()
            raise InvalidInput(
                f"What was responded in the run {str(file)!r} is not kept beside it",
                "Run it again with --out, and leave responses.db in its folder.",
            )

    def response(self, case: Case) -> Response | None:
        """Nothing where the run has none to this case."""
        key = self._keys.get(case.id)
        return self._responses.get(key) if key else None

    def close(self) -> None:
        self._responses.close()
