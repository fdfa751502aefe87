"""What the fakes of Atlassian's products share: accounts, groups, and numbers for everything else."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from aver.testing.fakes.sources.serving import Answer, Asked, FakeService

__all__ = ["FakeAtlassian", "Routes"]

Routes = tuple[tuple[str, Callable[..., Answer]], ...]
"""Patterns of paths, and what answers there: a method, which is given what was asked and the pattern's groups."""


class FakeAtlassian(FakeService):
    """``users`` by account id, ``groups`` by their id: a name and the accounts in it."""

    address = "email"
    """What the product calls an account's e-mail address."""

    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, tuple[str, list[str]]] = {}
        self._last = 65_536

    def add_user(self, email: str, **more: Any) -> str:
        """An account; one without an address keeps it to itself."""
        account = f"712020:{self.number()}"
        name = email.partition("@")[0]
        self.users[account] = {
            "accountId": account,
            "accountType": "atlassian",
            "displayName": name,
            **({self.address: email} if email else {}),
            **more,
        }
        return account

    def add_group(self, name: str, *accounts: str) -> str:
        group = f"9c559b11-6c5d-4f96-992c-{self.number():012d}"
        self.groups[group] = (name, list(accounts))
        return group

    def number(self) -> int:
        """One that was not given before."""
        self._last += 1
        return self._last

    @abstractmethod
    def routes(self) -> Routes:
        """What the product answers, by path."""

    @abstractmethod
    def missing(self) -> Answer:
        """What it says to everything else."""

    def answer(self, asked: Asked) -> Answer:
        for pattern, respond in self.routes():
            if found := re.fullmatch(pattern, asked.path):
                return respond(asked, *found.groups()) if asked.method == "GET" else Answer(status=405)
        return self.missing()
