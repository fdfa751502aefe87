"""One real installation for many worlds: an application, its server, its data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from aver.core.settings import ModelSettings, Settings
from aver.knowledge.access import AccessList, AccessRule
from aver.server.application import Application
from tests.isolation.faces import Caller, Face, every_face
from tests.isolation.world import TenantTruth, User
from tests.knowledge import MemorySource
from tests.servers import open_application, serving

PASSAGES = 3
"""Fewer than a world has: what is hidden and what is visible compete for the places."""


@dataclass(repr=False)
class Installation:
    """``application`` is the library's, ``served`` the server's, and each command has its own, as other processes would."""

    application: Application
    served: Application
    faces: tuple[Face, ...]
    _names: count[int] = field(default_factory=lambda: count(1))

    def create(self, truth: TenantTruth) -> None:
        """A tenant named as ``truth`` is, which holds nothing yet, open in both applications: opening is traced as well."""
        self.application.store.create_tenant(truth.name)
        for application in (self.application, self.served):
            application.tenant(truth.name)

    def fresh_name(self, kind: str) -> str:
        return f"{kind}{next(self._names)}"

    def ingest(self, truth: TenantTruth) -> None:
        """Bring a tenant's knowledge, and what the oracle says of it, to what its source offers."""
        files = {path: content.text for path, content in truth.offered.items()}
        rules = (AccessRule("/" + path, tuple(sorted(truth.readers[path]))) for path in files)
        report = self.application.tenant(truth.name).knowledge.ingest(MemorySource(files), AccessList(tuple(rules)))
        assert not report.failed
        truth.ingest()

    def caller(self, user: User) -> Caller:
        """The user with a new key."""
        key, secret = self.application.create_key(user.tenant, user.name, user.groups)
        return Caller(user, key.tenant, key.id, secret)


@contextmanager
def installed(
    data: Path, database_url: str | None = None, model: ModelSettings | None = None, bundle: Path | None = None
) -> Iterator[Installation]:
    """An installation that serves until the block ends."""
    settings = Settings(data=data, database_url=database_url, model=model, bundle=bundle)

    def opener(_: Settings) -> Application:
        application = open_application(settings)
        serving, made = application.serving, application.serving._made
        serving._made = lambda bundle: replace(made(bundle), passages=PASSAGES)
        return application

    with closing(opener(settings)) as application, closing(opener(settings)) as served, serving(served) as server:
        yield Installation(application, served, every_face(application, server.url, opener))
