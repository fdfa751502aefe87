"""An Aver over real HTTP with a fake provider behind it, asked with raw bodies: no client stands between a test and the wire."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from aver.core.settings import Settings
from aver.evidence import Step
from aver.server.application import Application
from aver.testing import HashEmbedder
from aver.testing.provider import FakeProvider
from aver.testing.replies import Received, Reply
from tests.servers import Served, serving

PROVIDER_KEY = "zq-provider-secret-51"
ASKED = "How many days of leave does a zebrafinch get?"
PATHS = {"openai": "/v1/chat/completions", "responses": "/v1/responses", "anthropic": "/v1/messages"}
DOORS = tuple(PATHS)


def body(door: str, model: str, text: str = ASKED, **more: Any) -> dict[str, Any]:
    """The least that ``door`` takes."""
    said = text if door == "responses" else [{"role": "user", "content": text}]
    made: dict[str, Any] = {"model": model, "input" if door == "responses" else "messages": said}
    if door == "anthropic":
        made["max_tokens"] = 100
    return made | more


@dataclass
class Answer:
    """What came back, whole."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    def error(self, door: str) -> str:
        """The message of the error, after its shape was checked, which is the door's and nothing beside it."""
        assert self.status >= 400, self
        assert self.headers["content-type"] == "application/json"
        assert self.headers["x-request-id"] == self.headers["request-id"]
        assert self.headers["x-request-id"].startswith("call_")
        assert self.headers["cache-control"] == "no-store"
        found = self.json
        if door == "anthropic":
            assert found.keys() == {"type", "error", "request_id"}
            assert found["type"] == "error"
            assert found["request_id"] == self.headers["request-id"]
            assert found["error"].keys() == {"type", "message"}
        else:
            assert found.keys() == {"error"}
            assert found["error"].keys() == {"message", "type", "param", "code"}
        assert PROVIDER_KEY.encode() not in self.raw
        assert not re.search(rb"aver_\w", self.raw)
        message: str = found["error"]["message"]
        assert message.endswith((".", "?"))
        return message


@dataclass
class Asking:
    """A caller with a connection and a key."""

    session: aiohttp.ClientSession
    url: str
    key: str

    async def __call__(
        self, path: str, sent: Any = None, *, method: str = "POST", data: Any = None, **headers: str
    ) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if not {"authorization", "x-api-key"} & named.keys():
            named["Authorization"] = f"Bearer {self.key}"
        content = json.dumps(sent).encode() if sent is not None else data
        if isinstance(content, bytes):
            content = BytesIO(content)
        async with self.session.request(method, self.url + path, data=content, headers=named) as response:
            answered = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, answered, await response.read())


@dataclass
class House:
    """``provider`` answers with ``reply`` and keeps what it was asked; ``bundle`` is the directory of ``aver.yaml``."""

    served: Served
    bundle: Path
    received: list[Received] = field(default_factory=list)
    reply: Reply | Callable[[Received], Reply] = field(default_factory=lambda: Reply("Twenty days."))

    @property
    def application(self) -> Application:
        return self.served.application

    def key(self, tenant: str = "northwind", user: str = "ann", groups: tuple[str, ...] = ()) -> str:
        return self.application.create_key(tenant, user, groups)[1]

    @asynccontextmanager
    async def asking(self, key: str | None = None) -> AsyncIterator[Asking]:
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            yield Asking(session, self.served.url, key or self.key())

    def calls(self, tenant: str = "northwind") -> list[Step]:
        """The steps of all calls so far, from the chain, which must verify."""
        services = self.application.tenant(tenant)
        services.outbox.settle()
        services.ledger.verify()
        return [*services.ledger.of_kind("called")]


@contextmanager
def house(folder: Path, declared: str, *tenants: str, **settings: Any) -> Iterator[House]:
    """Serve the bundle ``declared``, in which ROOT stands for the provider's address, for ``tenants`` (``northwind`` if none)."""
    built: list[House] = []

    def answered(received: Received) -> Reply:
        here = built[0]
        here.received.append(received)
        return here.reply(received) if callable(here.reply) else here.reply

    bundle = folder / "bundle"
    bundle.mkdir(parents=True)
    with FakeProvider(answered, key=PROVIDER_KEY) as provider, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROVIDER_KEY", PROVIDER_KEY)
        (bundle / "aver.yaml").write_text(declared.replace("ROOT", provider.root_url))
        application = Application(Settings(data=folder / "data", bundle=bundle, **settings), embedder=HashEmbedder())
        for tenant in tenants or ("northwind",):
            application.store.create_tenant(tenant)
        try:
            with serving(application) as served:
                built.append(House(served, bundle))
                yield built[0]
        finally:
            application.close()
