"""Policy files that may change while they are in force."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aver.core.errors import SettingsError
from aver.policy.policies import Policies
from aver.policy.types import Action, Decision

__all__ = ["LivePolicies"]

_Stamp = tuple[tuple[str, int, int], ...]


class LivePolicies:
    """The policies at ``paths``, files or folders of ``*.cedar``. A set with an error never comes into force: the last good one stays,
    and ``error`` says what is wrong until a good one follows."""

    def __init__(self, paths: Sequence[Path] = ()) -> None:
        """Raises :class:`SettingsError`: without a first good set there is nothing to keep."""
        self._paths = tuple(paths)
        self._stamp = self._stamped()
        self.current = Policies.load(self._files())
        self.error: SettingsError | None = None

    def decide(self, action: Action) -> Decision:
        """As :meth:`Policies.decide`, by the files as they are now, which costs a look at when each was changed."""
        self.refresh()
        return self.current.decide(action)

    def refresh(self) -> bool:
        """Read the files again if one has changed. Whether they, as they are now, are in force."""
        return self.error is None if self._stamped() == self._stamp else self.reload()

    def reload(self) -> bool:
        """Read the files again. Whether they, as they are now, are in force."""
        self._stamp = self._stamped()
        try:
            self.current = Policies.load(self._files())
        except SettingsError as error:
            self.error = error
            return False
        self.error = None
        return True

    def _files(self) -> list[Path]:
        """A path that is no ``*.cedar`` is a folder, which may come later."""
        named = ((path,) if path.suffix == ".cedar" else sorted(path.glob("*.cedar")) for path in self._paths)
        return [file for files in named for file in files]

    def _stamped(self) -> _Stamp:
        found = []
        for file in self._files():
            try:
                status = file.stat()
            except OSError:
                found.append((str(file), -1, -1))
            else:
                found.append((str(file), status.st_mtime_ns, status.st_size))
        return tuple(found)
