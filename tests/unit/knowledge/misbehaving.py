"""A parser that does what its document tells it to, run in a parser process by the tests."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Sequence

from aver.core.errors import MissingExtra
from aver.knowledge.parsing import parse as read
from aver.knowledge.types import Block, ParsedDocument


def parse(data: bytes, path: str, passwords: Sequence[str] = ()) -> ParsedDocument:
    match data:
        case b"CRASH":
            ctypes.string_at(0)
        case b"EXIT":
            os._exit(0)
        case b"RAISE":
            raise RuntimeError("told to")
        case b"EXTRA":
            raise MissingExtra("something", "ocr")
        case b"SPIN":
            while True:
                pass
        case b"SLEEP":
            time.sleep(600)
        case b"GROW":
            return ParsedDocument("x", "x" * 2**33, ())
        case b"PRINT":
            print("noise", flush=True)
            os.write(1, b"noise")
            print("noise", file=sys.stderr, flush=True)
        case b"OUTSIDE":
            return ParsedDocument("x", "short", (Block("paragraph", 0, 500),))
        case b"HOLD":
            return ParsedDocument("HOLD", str(len(b"x" * (450 * 2**20))), ())
        case b"WHO":
            return ParsedDocument(str(os.getpid()), " ".join(sorted(os.environ)), ())
    return read(data, path, passwords)
