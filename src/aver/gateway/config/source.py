"""What a bundle declares, as it is in force: read again when its file changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

from aver.core import Clock, SystemClock
from aver.core.errors import SettingsError
from aver.gateway.config.read import BUNDLE_FILE
from aver.gateway.config.types import GatewayConfig

__all__ = ["BundleSource", "keep_models"]

T = TypeVar("T")

_EVERY = 1.0
"""Seconds between two looks at the file."""
_PAUSE = 0.05
_LOOKS = 20
"""A changed file is read when it has been left alone for this many seconds, or after this many looks."""


class BundleSource(Generic[T]):
    """Called, it gives what the bundle declares by ``read`` and never waits: a changed file is read in a thread of its own, and what it
    declares now takes the place of what it did before, as a whole.

    A file that is wrong or missing leaves the old declarations in force; ``on_error`` hears of it once, in the reading thread. ``check`` may
    refuse the new for what the old were, by a :class:`SettingsError`. The first reading happens here and raises it. The files in
    ``folders`` of the bundle are watched too.
    """

    def __init__(
        self,
        bundle: Path,
        on_error: Callable[[SettingsError], None] = lambda _: None,
        *,
        read: Callable[[Path], T],
        check: Callable[[T, T], None] = lambda _old, _new: None,
        clock: Clock | None = None,
        folders: Sequence[str] = (),
    ) -> None:
        self._bundle = bundle
        self._folders = folders
        self._reader = read
        self._on_error = on_error
        self._check = check
        self._clock = clock or SystemClock()
        self._stamp = self._look()
        self._current = read(bundle)
        self._next_look = self._clock.monotonic() + _EVERY
        self._reading: threading.Thread | None = None
        self.problem: SettingsError | None = None
        """Why the file as it is now is not in force; ``None`` when it is."""

    def __call__(self) -> T:
        if self._clock.monotonic() >= self._next_look:
            self._next_look = self._clock.monotonic() + _EVERY
            if self._reading is None or not self._reading.is_alive():
                self._notice()
        return self._current

    def settle(self) -> T:
        """Wait until a reading that is under way has ended. Blocking."""
        reading = self._reading
        if reading is not None:
            reading.join()
        return self._current

    def _notice(self) -> None:
        stamp = self._look()
        if stamp != self._stamp:
            self._stamp = stamp
            self._reading = threading.Thread(target=self._read, name="aver-config", daemon=True)
            self._reading.start()

    def _read(self) -> None:
        try:
            read = self._whole()
        except SettingsError as error:
            if self.problem is None or self.problem.cause != error.cause:
                self.problem = error
                self._on_error(error)
            return
        self.problem = None
        if read != self._current:
            self._current = read

    def _whole(self) -> T:
        """The bundle, once nobody writes into it any more: half a file can be right, and declare half of what it will."""
        stamp: tuple[int, ...] = ()
        for _ in range(_LOOKS):
            if stamp == (stamp := self._look()):
                break
            time.sleep(_PAUSE)
        read = self._reader(self._bundle)
        self._check(self._current, read)
        return read

    def _look(self) -> tuple[int, ...]:
        """Differs whenever the file does: editors replace a file, others write into it, a mounted directory swaps a link. A file put
        into the bundle counts too, as one that a route names may have been missing."""
        stamp: list[int] = []
        folder = self._bundle if self._bundle.is_dir() else self._bundle.parent
        beside = [path for name in self._folders for path in sorted((folder / name).glob("*"))]
        for path in (self._bundle, self._bundle / BUNDLE_FILE, *beside):
            with suppress(OSError):  # of a bundle that is a file, the second does not exist
                status = path.stat()
                stamp += [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
        return tuple(stamp)


def keep_models(old: GatewayConfig, new: GatewayConfig) -> None:
    """Raises :class:`SettingsError` for a bundle that has lost all its models: a file that was emptied is a mistake."""
    if old.models and not new.models:
        raise SettingsError("The bundle declares no models any more", "Declare one, or start again with none.")
