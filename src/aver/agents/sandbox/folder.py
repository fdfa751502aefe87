"""A sandbox's private directory on this machine, and its removal, whatever was made of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from aver.agents.sandbox.finishing import finished

__all__ = ["private_folder", "remove"]


@contextlib.asynccontextmanager
async def private_folder(parent: Path | None, user: int) -> AsyncIterator[Path]:
    """A new directory that nobody else can list, gone afterwards. ``user``, where not 0, may pass through it."""
    folder = _made(parent, user)
    try:
        yield folder
    finally:
        await finished(asyncio.to_thread(remove, folder))


def _made(parent: Path | None, user: int) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="aver-sandbox-", dir=parent))
    if user:
        os.chown(folder, -1, user)
        folder.chmod(0o710)
    return folder


def remove(folder: Path) -> None:
    """Remove a directory and what is in it. Never more than two levels deep at a time, so that no depth is too deep, and never through a
    link."""
    level = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        count = 0
        while found := [entry for entry in os.scandir(level) if _unlinked(entry, level)]:
            for entry in found:
                with contextlib.suppress(OSError):
                    os.chmod(entry.name, 0o700, dir_fd=level)
                inner = os.open(entry.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=level)
                try:
                    for below in [each for each in os.scandir(inner) if _unlinked(each, inner)]:
                        count += 1
                        with contextlib.suppress(OSError):
                            os.chmod(below.name, 0o700, dir_fd=inner)
                        os.rename(below.name, f"moved-{os.getpid()}-{count}", src_dir_fd=inner, dst_dir_fd=level)
                finally:
                    os.close(inner)
                os.rmdir(entry.name, dir_fd=level)
    finally:
        os.close(level)
    folder.rmdir()


def _unlinked(entry: os.DirEntry[str], folder: int) -> bool:
    """Whether an entry is still to be removed: it is a directory. Anything else is unlinked here."""
    if entry.is_dir(follow_symlinks=False):
        return True
    os.unlink(entry.name, dir_fd=folder)
    return False
