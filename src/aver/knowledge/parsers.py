"""Parsers in processes of their own: what a document does to its parser costs that document, and nothing else."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator, Sequence
from queue import Empty, LifoQueue
from struct import calcsize, pack, unpack
from threading import Event, Lock, Timer
from types import TracebackType
from typing import Any, Self

import orjson

from aver.core.errors import AverError, InvalidInput, MissingExtra, NotFound, TooLarge, Unavailable
from aver.core.settings import ParserSettings
from aver.knowledge.layout import load_layout
from aver.knowledge.parser_process import READY, REPLY, REQUEST
from aver.knowledge.parsing import UnsupportedFormat
from aver.knowledge.types import ParsedDocument

__all__ = ["Parsers"]

_MOST_PROCESSES = 8
_PATIENCE = 0.3
"""Seconds for which a document waits before another process is started for it: about what starting one takes."""
_CLOCK = 4
"""How many times its seconds of computing a document may take by the clock, which runs on while a busy machine does other things."""
_KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH", "TZ")
"""Variables that a parser is given. Its parent's others may hold secrets."""
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
"""A thread each would reserve memory by the core."""
_ERRORS = {kind.slug: kind for kind in (UnsupportedFormat, TooLarge, MissingExtra, NotFound)}


class Parsers:
    """A few processes that read documents, started when there is something to read. For any number of threads.

    ``entry`` is the module whose ``parse(data, path, passwords)`` or ``draw(data, page, width)`` they call.
    """

    def __init__(self, settings: ParserSettings | None = None, entry: str = "aver.knowledge.parsing") -> None:
        self._settings = settings or ParserSettings()
        self._entry = entry
        self.size = self._settings.processes or min(len(_cores()), _MOST_PROCESSES)
        """How many documents are read at a time, at most."""
        self._idle: LifoQueue[_Process] = LifoQueue()
        self._lock = Lock()
        self._all: set[_Process] = set()
        self._closed = False

    def parse(self, data: bytes, path: str, passwords: Sequence[str] = ()) -> ParsedDocument:
        """As :func:`aver.knowledge.parsing.parse`, and :class:`~aver.core.errors.TooLarge` for a document whose parser goes over its
        time or memory, :class:`~aver.core.errors.InvalidInput` for one that crashes it, and :class:`~aver.core.errors.Unavailable` when no
        parser starts."""
        named = path.encode("utf-8", "replace").decode()
        return _document(self._ask(data, {"path": named, "passwords": list(passwords)}))

    def draw(self, data: bytes, page: int, width: int) -> bytes:
        """A page (from 1) as a PNG ``width`` pixels wide, where ``entry`` has a ``draw(data, page, width)``; raises as :meth:`parse`."""
        return _picture(self._ask(data, {"page": page, "width": width}))

    def _ask(self, data: bytes, head: dict[str, Any]) -> bytes:
        process = self._free()
        try:
            return process.ask(data, head)
        finally:
            if process.is_alive:
                self._idle.put(process)
            else:
                self._drop(process)

    def _free(self) -> _Process:
        """An idle process, or a new one once the others have been busy for a while."""
        while True:
            with contextlib.suppress(Empty):
                process = self._idle.get(timeout=_PATIENCE if self._all else 0)
                if not process.has_ended:
                    return process
                self._drop(process)
            with self._lock:
                if self._closed:
                    raise Unavailable("The parsers are closed", "Start the ingest again.")
                if len(self._all) < self.size:
                    process = _Process(self._settings, self._entry)
                    self._all.add(process)
                    return process

    def _drop(self, process: _Process) -> None:
        with self._lock:
            self._all.discard(process)
        process.stop()

    def close(self) -> None:
        """End every process, also one in the middle of a document."""
        with self._lock:
            self._closed = True
            processes, self._all = self._all, set()
        for process in processes:
            process.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Process:
    """One parser process; used by one thread at a time, stopped by any."""

    def __init__(self, settings: ParserSettings, entry: str) -> None:
        self._settings = settings
        self.is_alive = True
        self._is_ready = False
        self._expired = Event()
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUTF8": "1", **_ONE_THREAD}
        command = [sys.executable, "-P", "-m", "aver.knowledge.parser_process", entry]
        command += [str(settings.seconds), str(settings.memory_mb)]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, on a module of our own
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
            )
        except OSError as error:
            raise Unavailable(f"A parser process cannot be started: {error.strerror}", "Free some memory.") from None

    @property
    def has_ended(self) -> bool:
        """Whether it ended while nothing was asked of it, which says nothing of any document."""
        return self._process.poll() is not None

    def ask(self, data: bytes, head: dict[str, Any]) -> bytes:
        """What the process answers to a request: JSON, not looked at yet."""
        with self._watched():
            try:
                reply = self._ask(data, head)
            except (OSError, EOFError, ValueError):
                self.is_alive = False
                reply = b""
        if not reply:
            raise self._death()
        return reply

    def _ask(self, data: bytes, head: dict[str, Any]) -> bytes:
        into, out = self._process.stdin, self._process.stdout
        assert into is not None
        assert out is not None
        if not self._is_ready:
            if out.read(len(READY)) != READY:
                raise EOFError
            self._is_ready = True
        said = orjson.dumps(head)
        into.write(pack(REQUEST, len(said), len(data)) + said)
        into.write(data)
        into.flush()
        length = out.read(calcsize(REPLY))
        if len(length) < calcsize(REPLY):
            raise EOFError
        size, last = unpack(REPLY, length)
        if size > self._settings.memory_mb * 2**20:
            raise ValueError("a reply larger than the process that wrote it")
        reply = out.read(size)
        if len(reply) < size:
            raise EOFError
        self.is_alive = not last
        return reply

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """End the process when it takes too long by the clock."""
        watchdog = Timer(_CLOCK * self._settings.seconds, self._expire)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield
        finally:
            watchdog.cancel()
            watchdog.join()
            self.is_alive = self.is_alive and not self._expired.is_set()

    def _expire(self) -> None:
        self._expired.set()
        self._process.kill()

    def _death(self) -> AverError:
        """Why there is no reply, as far as the way the process ended tells."""
        self._process.kill()
        code = self._process.wait()
        seconds, memory = self._settings.seconds, self._settings.memory_mb
        if not self._is_ready and not self._expired.is_set():
            return Unavailable("A parser process does not start", "See what it wrote on standard error.")
        if self._expired.is_set() or _ended_by(code, "SIGXCPU"):
            return TooLarge(
                f"Reading the document takes more than the {seconds} seconds that a parser may use",
                "Split it, or raise parser.seconds.",
            )
        cause = f"The document makes its parser crash (within {memory} MB of memory and {seconds} seconds)"
        return InvalidInput(cause, "Open it in its program and save it again; if it is large, raise parser.memory_mb.")

    def stop(self) -> None:
        self.is_alive = False
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError, ValueError):  # a full pipe cannot be flushed into a process that is gone
                if stream is not None:
                    stream.close()


def _ended_by(code: int, name: str) -> bool:
    import signal

    return code == -getattr(signal, name, 0) != 0


def _cores() -> Sequence[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)


def _document(reply: bytes) -> ParsedDocument:
    """What a process said, believed only as far as it is sound."""
    try:
        said = orjson.loads(reply)
        if "cause" in said:
            raise _error(said)
        title, text, blocks = said["title"], said["text"], load_layout(said["layout"])
        end, sound = 0, isinstance(title, str) and isinstance(text, str)
        for block in blocks:
            sound = sound and end <= block.start < block.end
            end = block.end
    except (ValueError, TypeError, KeyError, AttributeError):
        sound = False
    if not sound or end > len(text):
        raise InvalidInput("The document makes its parser answer nonsense", "Do not trust this file.")
    return ParsedDocument(title, text, blocks)


def _picture(reply: bytes) -> bytes:
    """As :func:`_document`, of a picture."""
    try:
        said = orjson.loads(reply)
        if "cause" in said:
            raise _error(said)
        picture = b64decode(said["picture"], validate=True)
    except (ValueError, TypeError, KeyError):
        picture = b""
    if not picture.startswith(b"\x89PNG\r\n\x1a\n"):
        raise InvalidInput("The document makes its parser answer nonsense", "Do not trust this file.")
    return picture


def _error(said: dict[str, Any]) -> AverError:
    kind = _ERRORS.get(said["kind"], InvalidInput)
    error = kind.__new__(kind)  # whose constructors differ
    AverError.__init__(error, str(said["cause"]), str(said["next_step"]))
    return error
