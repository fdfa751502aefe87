"""The program of a parser process: ``python -m aver.knowledge.parser_process``. It reads documents for :mod:`aver.knowledge.parsers`.

It is given bytes and answers with JSON, nothing else: what a hostile document makes of this process can say wrong things about
that document, and no more.

A request is two lengths (``>IQ``), that many bytes of JSON (the document's path and passwords to try, or the page to draw) and that many of
the document. A reply is a length and whether it is the last (``>Q?``), and that many bytes of JSON: the document, the picture in base64, or
the error.
"""

from __future__ import annotations

import contextlib
import os
import sys
from base64 import b64encode
from importlib import import_module
from pathlib import Path
from struct import calcsize, pack, unpack
from threading import Thread
from typing import IO, Any

import orjson

from aver.core.errors import AverError, MissingExtra, NotFound, TooLarge
from aver.knowledge.layout import dump_layout
from aver.knowledge.parsing import UnsupportedFormat

try:
    import resource
except ImportError:  # a platform without limits on a process; the watchdog of the parent remains
    resource = None  # type: ignore[assignment]

__all__ = ["READY", "REPLY", "REQUEST", "main"]

REQUEST, REPLY = ">IQ", ">Q?"
READY = b"+"
_KINDS: tuple[type[AverError], ...] = (UnsupportedFormat, TooLarge, MissingExtra, NotFound)
_MUCH = 0.5
"""Of the memory allowed: a process that ever held more may not have room for another document, and ends."""


def main(entry: str, seconds: int, memory_mb: int) -> None:
    """Answer requests until there are no more. ``entry`` is the module whose ``parse`` reads a document, or whose ``draw`` draws it."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    module = import_module(entry)
    with Path(os.devnull).open("r+b") as nothing:  # what libraries print belongs neither into a reply nor into a log
        for stream in range(3):
            os.dup2(nothing.fileno(), stream)
    _bound(memory_mb)
    Thread(target=_end_with_parent, args=(requests.fileno(),), daemon=True).start()
    replies.write(READY)
    replies.flush()
    last = False
    while not last and (request := _read(requests)):
        head, data = request
        _allow(seconds)
        reply = orjson.dumps(_answer(module, data, head, memory_mb))
        del data, request
        last = _most_held_mb() > _MUCH * memory_mb
        replies.write(pack(REPLY, len(reply), last) + reply)
        replies.flush()


def _read(requests: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    lengths = requests.read(calcsize(REQUEST))
    if len(lengths) < calcsize(REQUEST):
        return None
    head, data = unpack(REQUEST, lengths)
    return orjson.loads(requests.read(head)), requests.read(data)


def _answer(module: Any, data: bytes, head: dict[str, Any], memory_mb: int) -> dict[str, Any]:
    try:
        if "page" in head:
            return {"picture": b64encode(module.draw(data, head["page"], head["width"])).decode()}
        document = module.parse(data, head["path"], head["passwords"])
        return {"title": document.title, "text": document.text, "layout": dump_layout(document.blocks)}
    except AverError as error:
        kind = next((kind.slug for kind in _KINDS if isinstance(error, kind)), "")
        return {"kind": kind, "cause": error.cause, "next_step": error.next_step}
    except MemoryError:
        cause = f"Reading the document takes more than the {memory_mb} MB of memory that a parser may use"
        return {"kind": TooLarge.slug, "cause": cause, "next_step": "Split it, or raise parser.memory_mb."}
    except Exception as error:  # noqa: BLE001 - a file that breaks a parser must not stop the others
        cause = f"The file cannot be read: {type(error).__name__}: {error}"[:500]
        return {"kind": "", "cause": cause, "next_step": "Open it in its program and save it again."}


def _bound(memory_mb: int) -> None:
    """Let this process have no more memory, and leave nothing of a document on disk when it crashes."""
    if resource is not None:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_AS, (memory_mb * 2**20, memory_mb * 2**20))


def _allow(seconds: int) -> None:
    """Let this process compute so much longer."""
    if resource is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        soft = int(used.ru_utime + used.ru_stime) + seconds + 1
        resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _most_held_mb() -> float:
    with contextlib.suppress(OSError):
        # Linux counts what the parent held when it started this process as the most that ``getrusage`` tells of.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**10
    if resource is None:
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def _end_with_parent(requests: int) -> None:
    """End at once when the parent does, also in the middle of a document."""
    try:
        from select import poll
    except ImportError:
        return
    hang_up = poll()
    hang_up.register(requests, 0)
    hang_up.poll()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
