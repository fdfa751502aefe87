"""One Aver between the official clients and a fake provider that speaks every family's protocol."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import anthropic
import openai
import pytest

from aver.core.settings import Settings
from aver.server.application import Application
from aver.testing import HashEmbedder
from aver.testing.provider import FakeProvider
from aver.testing.replies import Received, Reply
from tests.servers import Served, serving

KEY = "a-key-of-the-provider"
PROVIDERS = {
    "openai": "{kind: openai, base_url: ROOT/v1, credential: env:PROVIDER_KEY}",
    "azure": "{kind: azure, base_url: ROOT, credential: env:PROVIDER_KEY, options: {api_version: 2024-10-21}}",
    "responses": "{kind: responses, base_url: ROOT/v1, credential: env:PROVIDER_KEY}",
    "anthropic": "{kind: anthropic, base_url: ROOT, credential: env:PROVIDER_KEY}",
    "gemini": "{kind: gemini, base_url: ROOT, credential: env:PROVIDER_KEY}",
    "vertex": "{kind: vertex, base_url: ROOT, credential: env:PROVIDER_KEY, options: {project: p, location: eu-west4}}",
    "bedrock": "{kind: bedrock, base_url: ROOT, credential: env:PROVIDER_KEY, options: {region: eu-central-1}}",
    "cohere": "{kind: cohere, base_url: ROOT, credential: env:PROVIDER_KEY}",
}
FAMILIES = tuple(PROVIDERS)
_PATIENT, _ONCE = "breaker: {failures: 1000}", "retries: {attempts: 1}"
"""Every fault is asked for here, and each test wants to see its own."""


@dataclass
class Upstream:
    """What the provider answers next, and what it was asked."""

    reply: Reply | Callable[[Received], Reply] = field(default_factory=Reply)
    received: list[Received] = field(default_factory=list)

    def __call__(self, received: Received) -> Reply:
        self.received.append(received)
        return self.reply(received) if callable(self.reply) else self.reply

    @property
    def last(self) -> Received:
        return self.received[-1]


@pytest.fixture(scope="package")
def _upstream() -> Upstream:
    return Upstream()


@pytest.fixture(scope="package")
def provider(_upstream: Upstream) -> Iterator[FakeProvider]:
    with FakeProvider(_upstream, key=KEY) as server:
        yield server


@pytest.fixture
def upstream(_upstream: Upstream) -> Upstream:
    _upstream.reply = Reply("Twenty days.")
    _upstream.received.clear()
    return _upstream


@pytest.fixture(scope="package")
def aver(provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("clients")
    bundle = folder / "bundle"
    bundle.mkdir()
    (bundle / "aver.yaml").write_text(_bundle(provider.root_url))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROVIDER_KEY", KEY)
        application = Application(Settings(data=folder / "data", bundle=bundle), embedder=HashEmbedder())
        application.store.create_tenant("northwind")
        try:
            with serving(application) as served:
                yield served
        finally:
            application.close()


def _bundle(root: str) -> str:
    lines = ["unknown_price: highest", "providers:"]
    lines += [f"  {name}: {line.replace('ROOT', root)[:-1]}, {_PATIENT}}}" for name, line in PROVIDERS.items()]
    lines += ["models:", *(f"  {name}-model: {{provider: {name}, id: some-model}}" for name in PROVIDERS)]
    lines += ["routes:", *(f"  on-{name}: {{models: [{name}-model], {_ONCE}}}" for name in PROVIDERS)]
    return "\n".join(lines)


@pytest.fixture(scope="package")
def key(aver: Served) -> str:
    return aver.application.create_key("northwind", "ann")[1]


@pytest.fixture
def chat_gpt(aver: Served, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{aver.url}/v1", api_key=key, max_retries=0) as client:
        yield client


@pytest.fixture
def claude(aver: Served, key: str) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=aver.url, api_key=key, max_retries=0) as client:
        yield client


@pytest.fixture(params=FAMILIES)
def model(request: pytest.FixtureRequest) -> str:
    """A model of each family in turn."""
    return f"on-{request.param}"
