"""Policy files that may change while they are in force."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aver.core.errors import SettingsError
from aver.policy.policies import Policies

__all__ = ["LivePolicies"]


class LivePolicies:
    """The policies at ``paths``, read again by :meth:`reload`. A set with an error never comes into force: the last good one stays,
    and ``error`` says what is wrong until a good one follows."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Raises :class:`SettingsError`: without a first good set there is nothing to keep."""
        self._paths = tuple(paths)
        self.current = Policies.load(self._paths)
        self.error: SettingsError | None = None

    def reload(self) -> bool:
        """Whether the files as they are now are in force."""
        try:
            self.current = Policies.load(self._paths)
        except SettingsError as error:
            self.error = error
            return False
        self.error = None
        return True
