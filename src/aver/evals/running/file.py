"""A run as a file: whoever asks appends to it, whoever measures reads it.

::

    {"format": "aver-run-1", "header": {...}}
    {"case": "leave-1", "repeat": 0, "values": {"exact": [1.0, 1.0]}, "tags": ["hr"]}
    ...
    {"ended": "2026-11-27T09:00:00Z"}

Results stand in the order they finished, one a case and repeat. A file whose last line is another is of a run that was stopped, or goes
on. A line is written whole before its case counts as done; what a killed process left of one is passed over, and cut off when the run
goes on. Responses are kept in :mod:`~aver.evals.running.responses`, in the same folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import orjson

from aver.core.errors import Conflict, InvalidInput, NotFound
from aver.evals.running.responses import Responses
from aver.evals.running.wire import decode_header, decode_result, encode_result
from aver.evals.types import Result, RunHeader

__all__ = ["FORMAT", "SUFFIX", "Run", "RunWriter", "read_run"]

FORMAT = "aver-run-1"
SUFFIX = ".run.jsonl"
_END = b'{"ended":'
_LONGEST_END = 1 << 16


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it stood in ``path`` when it was read. ``complete``: every case was asked, as often as was meant, or as many as it took to be certain:
    ``early`` says then of what."""

    path: Path
    header: RunHeader
    complete: bool
    begins: int
    """Bytes before the first result."""
    early: str = ""

    def results(self, *, responses: bool = False) -> Iterator[Result]:
        """From the file, one at a time, again at each call; with what was responded if ``responses``, where that was kept.

        Raises :class:`~aver.core.errors.InvalidInput` with the place of a line that is no result.
        """
        kept = Responses.beside(self.path) if responses else None
        with contextlib.ExitStack() as stack:
            if kept is not None:
                stack.callback(kept.close)
            for place, line in self.lines():
                try:
                    response = kept.get(line["kept"]) if kept is not None and "kept" in line else None
                    result = decode_result(line, response)
                except (KeyError, TypeError, ValueError, AttributeError):
                    raise _wrong(self.path, place) from None
                yield result

    def lines(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """The results as they are written, each with the number of its line. Raises as :meth:`results`."""
        with self.path.open("rb") as file:
            file.seek(self.begins)
            for place, line in enumerate(file, 2):
                if line.startswith(_END) or not line.endswith(b"\n"):
                    return
                try:
                    found = orjson.loads(line)
                except ValueError:
                    raise _wrong(self.path, place) from None
                if not isinstance(found, dict):
                    raise _wrong(self.path, place)
                yield place, found


def read_run(path: Path) -> Run:
    """The run in a file. Raises :class:`~aver.core.errors.NotFound` for a file that cannot be read, and
    :class:`~aver.core.errors.InvalidInput` for one that is no run."""
    try:
        with path.open("rb") as file:
            first = file.readline()
            begins = file.tell()
            last = _last(file, begins)
    except OSError as error:
        raise NotFound(f"{str(path)!r} cannot be read: {error.strerror}", "Check the path.") from None
    other = InvalidInput(f"{str(path)!r} is no run of the format {FORMAT}", "Make one: aver eval run ... --out FILE")
    try:
        written = orjson.loads(first)
        form, header = written["format"], decode_header(written["header"])
        early = orjson.loads(last).get("early", "") if last else ""
    except (KeyError, TypeError, ValueError, AttributeError):
        raise other from None
    if form != FORMAT:
        raise other
    return Run(path, header, bool(last), begins, early)


class RunWriter:
    """Writes a run, alone: another process that wants to is refused. Made by :meth:`begin` or :meth:`resume`."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path = path
        self._file = file

    @classmethod
    def begin(cls, path: Path, header: RunHeader) -> Self:
        """A new file, for its owner's eyes. Raises :class:`~aver.core.errors.Conflict` if there is one, and
        :class:`~aver.core.errors.InvalidInput` where none can be made."""
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except FileExistsError:
            raise Conflict(
                f"{str(path)!r} is there already", "Go on with it (--resume), or choose another file."
            ) from None
        except OSError as error:
            raise InvalidInput(f"{str(path)!r} cannot be written: {error.strerror}", "Choose another file.") from None
        file = os.fdopen(handle, "wb", buffering=0)
        _locked(path, file)
        file.write(orjson.dumps({"format": FORMAT, "header": header}) + b"\n")
        return cls(path, file)

    @classmethod
    def resume(cls, path: Path) -> Self:
        """The file of a run that was stopped, with the results it has; those with an error are cut out, to be asked again, and so is what
        a killed process left of a line. The file is replaced at once or not at all.

        Raises as :func:`read_run`, and :class:`~aver.core.errors.Conflict` while another process writes to it.
        """
        run = read_run(path)
        with path.open("rb") as old:
            _locked(path, old)
            if os.fstat(old.fileno()).st_ino != path.stat().st_ino:  # replaced since it was opened
                raise _busy(path)
            part = path.with_name(f".{path.name}.part")
            with part.open("wb") as file:
                part.chmod(0o600)
                file.write(old.readline())
                for _, line in run.lines():
                    if not line.get("error"):
                        file.write(orjson.dumps(line) + b"\n")
            new = part.open("ab", buffering=0)
            _locked(path, new)
            part.replace(path)
        return cls(path, new)

    def add(self, result: Result, kept: str = "") -> None:
        """On disk when it returns, as far as the operating system goes: the death of the process does not undo it."""
        self._file.write(encode_result(result, kept) + b"\n")

    def end(self, at: str, early: str = "") -> None:
        """Nothing is missing, or nothing that matters: ``early`` says why. ``at`` is RFC 3339."""
        self._file.write(orjson.dumps({"ended": at} | ({"early": early} if early else {})) + b"\n")

    def close(self) -> None:
        self._file.close()


def _locked(path: Path, file: IO[bytes]) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise _busy(path) from None


def _busy(path: Path) -> Conflict:
    return Conflict(f"Another process writes to {str(path)!r}", "Wait for it, or end it.")


def _last(file: IO[bytes], begins: int) -> bytes:
    """The last line, if it says that nothing is missing."""
    length = file.seek(0, os.SEEK_END)
    file.seek(max(begins, length - _LONGEST_END))
    last = file.read().rsplit(b"\n", 2)
    return last[-2] if len(last) >= 2 and not last[-1] and last[-2].startswith(_END) else b""


def _wrong(path: Path, place: int) -> InvalidInput:
    return InvalidInput(f"{path}:{place}: this is no result", "The file was changed; run it again.")
