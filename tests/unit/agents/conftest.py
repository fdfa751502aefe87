"""A house to ask questions in: a real store, ledger and knowledge of one tenant; only the model is scripted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from aver.agents import Assistant, Release, Released, always
from aver.core import Principal
from aver.core.errors import ProviderError
from aver.evidence import Ledger
from aver.gateway.config.types import GatewayConfig
from aver.gateway.service import Gateway
from aver.gateway.types import ChatDelta, ChatRequest, Mode, Usage
from aver.guard import NOTHING, Guard
from aver.knowledge.access import AccessList
from aver.knowledge.folder import FolderSource
from aver.knowledge.service import Knowledge
from aver.store import Store
from aver.testing import FixedClock, HashEmbedder

PAGES = {
    "leave.md": """# Leave policy

Full-time employees get twenty days of paid leave each year. Up to ten days of unused leave carry over to the next year.
Leave that was carried over must be used by the end of March. Managers may extend this date in writing.

## Contractors

Contractors do not get paid leave. They invoice the days they work.
""",
    "travel.md": """# Travel

Trips within the country are booked through the travel desk. Employees must not book business class for flights under
six hours. A daily allowance of 45 euros covers meals.
""",
    "salaries.md": """# Salary bands

The salary of an engineer of the third band is 98,400 euros a year. The board reviews the bands each October.
""",
}
READERS = """
- {match: "*", readers: [everyone]}
- {match: "salaries.md", readers: ["group:board"]}
"""


@dataclass
class Scripted:
    """A model that writes ``script``: texts, each a delta, and an error to raise in their place."""

    script: Sequence[str | ProviderError]
    mode: Mode = "generated"
    name: str = "scripted:model"
    finish: str | None = "stop"
    usage: Usage | None = field(default_factory=lambda: Usage(100, 20))
    requests: list[ChatRequest] = field(default_factory=list)
    closed: bool = False

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        self.requests.append(request)
        try:
            for part in self.script:
                if isinstance(part, ProviderError):
                    raise part
                yield ChatDelta(part)
            if self.finish:
                yield ChatDelta("", self.finish, self.usage)  # type: ignore[arg-type]
        finally:
            self.closed = True

    async def close(self) -> None: ...


class Verbatim(Scripted):
    """A last resort that quotes the first sentence of the first passage."""

    def __init__(self) -> None:
        super().__init__((), "extractive", "extractive", usage=Usage())

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        self.requests.append(request)
        first = request.passages[0].text.split(". ")[0].splitlines()[-1]
        yield ChatDelta(f"{first}. [1]")
        yield ChatDelta("", "stop", Usage())


class House:
    """``pages`` is a folder: change it, then :meth:`ingest`."""

    def __init__(self, directory: Path) -> None:
        self.clock = FixedClock()
        self.directory = directory
        self.pages = directory / "pages"
        self.pages.mkdir()
        for name, text in PAGES.items():
            (self.pages / name).write_text(text)
        self.installation = Store(directory / "data")
        tenant = self.installation.create_tenant("northwind")
        self.store = self.installation.tenant("northwind")
        self.ledger = Ledger(self.store, self.clock)
        self.embedder = HashEmbedder(256)
        self.knowledge = Knowledge(self.store, self.ledger, self.embedder, self.clock)
        self.ann = Principal(tenant.id, "ann", frozenset({"board"}))
        self.bob = Principal(tenant.id, "bob")
        self.ingest()

    def ingest(self, readers: str = READERS) -> None:
        report = self.knowledge.ingest(FolderSource(self.pages, "pages"), AccessList.parse(readers, "readers"))
        assert not report.failed

    def assistant(
        self, model: Scripted, last_resort: Scripted | None = None, guard: Guard = NOTHING, **release: object
    ) -> Assistant:
        config = GatewayConfig()
        gateway = Gateway(lambda: config, builtin=(model,), last_resort=last_resort or Verbatim())
        pinned = Release(model=model.name, embedder=self.embedder.name, **release)
        lend = always(Released(pinned, gateway, guard=lambda: guard))
        return Assistant(self.store, self.ledger, self.knowledge, self.clock, self.embedder, lend)

    def close(self) -> None:
        self.knowledge.close()
        self.installation.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = House(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def say() -> Callable[..., Scripted]:
    """A model that writes this text, a few characters at a time."""

    def model(text: str, **options: object) -> Scripted:
        return Scripted([text[at : at + 7] for at in range(0, len(text), 7)], **options)

    return model
