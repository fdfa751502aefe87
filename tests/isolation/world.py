"""Tenants, documents and users as plain data, and the oracle: what each user may see at this moment, told without Aver."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from aver.knowledge.ingest import document_id

SECRET = r"zqu[bcdfghjklmnprstvwx]{16}"
"""What a secret looks like. Nobody asks with one, so it stands in an output only if a document's content got there: no id has a
``u`` in it that tells time, and one of a document looks like this once in ten million."""
SUBJECTS = ("travel", "leave", "parking", "laptop")
"""Every document is about one of these, so what is hidden and what is visible match the same questions."""


def word(prefix: str, *about: object) -> str:
    """A word that no other arguments give."""
    digest = hashlib.sha256(repr(about).encode()).digest()
    return prefix + "".join("bcdfghjklmnprstvwx"[byte % 18] for byte in digest[:16])


@dataclass(frozen=True)
class Content:
    """One state of a document, with a secret in its path, title, section and each paragraph."""

    tenant: str
    path: str
    revision: int
    subject: str

    def secret(self, part: str) -> str:
        return word("zqu", self.tenant, self.path, self.revision, part)

    @property
    def rare(self) -> str:
        """A word of this document alone that users do ask for: they may have heard of it."""
        return word("zr", self.tenant, self.path)

    @property
    def secrets(self) -> set[str]:
        return {self.secret(part) for part in ("title", "section", "first", "second")}

    @property
    def text(self) -> str:
        subject, days = self.subject, 10 + self.revision
        return (
            f"# The {subject} rules {self.secret('title')}\n\n"
            f"The {subject} allowance is {days} days under code {self.secret('first')}.\n\n"
            f"## Details of {self.secret('section')}\n\n"
            f"Ask the {subject} desk about {self.rare}. The {subject} limit is {days + 7} under {self.secret('second')}.\n"
        )


@dataclass
class Held:
    """A document as it should be known: its versions, all under its readers of now."""

    path: str
    readers: frozenset[str]
    versions: dict[int, Content]

    @property
    def id(self) -> str:
        return document_id("memory", self.path)

    @property
    def version(self) -> int:
        return max(self.versions)

    @property
    def secrets(self) -> set[str]:
        return {path_secret(self.path)} | {s for content in self.versions.values() for s in content.secrets}


def path_secret(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".md")


@dataclass
class User:
    """A user of one tenant, in the groups of now."""

    tenant: str
    name: str
    groups: frozenset[str]

    @property
    def tokens(self) -> set[str]:
        return {"everyone", f"user:{self.name}", *(f"group:{group}" for group in self.groups)}


@dataclass
class TenantTruth:
    """What a tenant's source offers, and what its knowledge must hold after the last change."""

    name: str
    offered: dict[str, Content] = field(default_factory=dict)
    readers: dict[str, frozenset[str]] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)

    def path(self, slot: int) -> str:
        """The documents of slot 0 have one path in all tenants, and so one id."""
        return "handbook.md" if slot == 0 else f"folder{slot % 2}/{word('zqu', self.name, slot)}.md"

    def ingest(self) -> None:
        """The knowledge follows the source."""
        for path in set(self.held) - set(self.offered):
            del self.held[path]
        for path, content in self.offered.items():
            held = self.held.setdefault(path, Held(path, frozenset(), {}))
            held.readers = self.readers[path]
            if not held.versions or held.versions[held.version] != content:
                self.numbers[path] = self.numbers.get(path, 0) + 1
                held.versions[self.numbers[path]] = content

    def delete(self, path: str) -> None:
        """By hand: gone until the next ingest, because the source still offers it."""
        del self.held[path]

    def visible(self, user: User) -> list[Held]:
        """What ``user`` may read now."""
        return [held for held in self.held.values() if held.readers & user.tokens]

    def hidden(self, user: User) -> list[Held]:
        return [held for held in self.held.values() if not held.readers & user.tokens]


def secrets(documents: Iterable[Held]) -> set[str]:
    return {secret for held in documents for secret in held.secrets}
