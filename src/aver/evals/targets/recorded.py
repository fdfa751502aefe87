"""What was responded already: in turns that stand in evidence, or in a file."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from aver.core import Principal
from aver.core.errors import InvalidInput, NotFound
from aver.evals.running.wire import response_of
from aver.evals.targets.asking import Asker
from aver.evals.targets.evidence import turn_response
from aver.evals.types import Case, Response
from aver.evidence import Step

__all__ = ["RecordedFile", "RecordedTurns"]


class RecordedTurns:
    """The turns that cases come from, as their ``metadata.turn`` says, each read as its asker may read it now."""

    name = "turns"
    digest = ""
    """Nothing is kept beside evidence."""

    def __init__(
        self,
        evidence: Callable[[Principal, str], Sequence[Step]],
        text_of: Callable[[Principal, str, int], str],
        who: Asker,
    ) -> None:
        self._evidence, self._text_of, self._who = evidence, text_of, who

    async def respond(self, case: Case, *, seed: int = 0) -> Response:
        """Raises :class:`~aver.core.errors.NotFound` for a case that names no turn, or one that its asker has not."""
        del seed
        turn = case.metadata.get("turn")
        if not isinstance(turn, str):
            raise NotFound(f"The case {case.id} names no turn", "Add metadata: {turn: ID}, or promote it from a turn.")
        return await asyncio.to_thread(self._read, self._who(case), turn)

    def _read(self, principal: Principal, turn: str) -> Response:
        return turn_response(
            self._evidence(principal, turn), lambda document, version: self._text_of(principal, document, version)
        )


class RecordedFile:
    """A file of responses, JSON Lines: ``{"case": ID, "text": ...}`` with any field of a :class:`~aver.evals.types.Response`. Of several for a case,
    repeats take one after another, by the seed of which the run is made, so that each has its own."""

    def __init__(self, path: Path) -> None:
        """Raises :class:`~aver.core.errors.NotFound` and :class:`~aver.core.errors.InvalidInput` with the place of what is no response."""
        self.name = f"responses:{path.name}"
        self._path = path
        self._places: dict[str, list[int]] = {}
        self._next: dict[str, int] = {}
        digest = hashlib.sha256()
        try:
            with path.open("rb") as file:
                at = 0
                for number, line in enumerate(file, 1):
                    digest.update(line)
                    if line.strip():
                        self._places.setdefault(_case(path, number, line), []).append(at)
                    at += len(line)
        except OSError as error:
            raise NotFound(f"{str(path)!r} cannot be read: {error.strerror}", "Check the path.") from None
        self.digest = digest.hexdigest()

    async def respond(self, case: Case, *, seed: int = 0) -> Response:
        """Raises :class:`~aver.core.errors.NotFound` for a case without a response."""
        del seed
        places = self._places.get(case.id)
        if not places:
            raise NotFound(f"{self._path} has no response to {case.id}", "Add it, or leave the case out.")
        turn = self._next.get(case.id, 0)
        self._next[case.id] = turn + 1
        with self._path.open("rb") as file:
            file.seek(places[turn % len(places)])
            written = orjson.loads(file.readline())
        del written["case"]
        return response_of(written)


def _case(path: Path, number: int, line: bytes) -> str:
    try:
        written = orjson.loads(line)
        case = written.pop("case")
        response_of(written)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidInput(
            f"{path}:{number}: this is no response: {error}", 'Write {"case": ID, "text": ...}.'
        ) from None
    if not isinstance(case, str):
        raise InvalidInput(f"{path}:{number}: case is no text", "Name the case by its id.")
    return case
