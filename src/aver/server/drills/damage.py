"""What drills do to files and disks, wherever they are drilled."""

from __future__ import annotations

import errno
import os
import random
from contextlib import suppress
from pathlib import Path

__all__ = ["fill", "overwrite"]

_CHUNK = 64 * 2**20


def overwrite(folder: Path) -> None:
    """Every file within ``folder`` with noise of its length, but for those that are taken away meanwhile."""
    noise = random.Random(3)  # noqa: S311 - noise
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            with suppress(FileNotFoundError):
                path.write_bytes(noise.randbytes(path.stat().st_size))


def fill(filler: Path) -> None:
    """The disk that ``filler`` is on, to the last byte; it is gone again with that file."""
    handle = os.open(filler, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        end, size = 0, _CHUNK
        while size >= 1:
            try:
                os.posix_fallocate(handle, end, size)
                end += size
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                    raise
                size //= 2
    finally:
        os.close(handle)
