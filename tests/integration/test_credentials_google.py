"""Tokens of Google, and secrets out of its Secret Manager."""

import base64
import json

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from aver.core.errors import ProviderDenied, ProviderError
from aver.gateway.config.types import ProviderConfig
from aver.gateway.credentials import Secrets, signer
from aver.gateway.wire.types import HttpRequest
from aver.testing import FixedClock

REFERENCE = "gcp:projects/p/secrets/llm/versions/3"


@pytest.fixture(scope="module")
def key():
    return generate_private_key(65537, 2048)


class FakeGoogle:
    """Tokens that live an hour of ``clock``, and secrets for who shows one."""

    def __init__(self, key, clock):
        self.clock = clock
        self.tokens = {}
        self.claims = {}
        self.secrets = {"3": "hush", "latest": '{"key": "newest"}', "4": "\udcff"}
        self.throttled = 0
        self._key = key.public_key()

    def app(self):
        app = web.Application()
        app.router.add_post("/token", self._token)
        app.router.add_get("/computeMetadata/v1/instance/service-accounts/default/token", self._machine)
        app.router.add_get("/v1/projects/p/secrets/llm/versions/{version}:access", self._secret)
        return app

    def _given(self):
        token = f"ya29.{len(self.tokens) + 1}"
        self.tokens[token] = self.clock.monotonic() + 3600
        return web.json_response({"access_token": token, "expires_in": 3599, "token_type": "Bearer"})

    async def _token(self, request):
        form = await request.post()
        if form["grant_type"] == "refresh_token":
            known = form["refresh_token"] == "refresh" and form["client_secret"] == "secret"
            return self._given() if known else web.json_response({"error": "invalid_grant"}, status=400)
        told, _, signature = form["assertion"].rpartition(".")
        self._key.verify(_decoded(signature), told.encode(), PKCS1v15(), SHA256())
        self.claims = json.loads(_decoded(told.split(".")[1]))
        return self._given()

    async def _machine(self, request):
        return self._given() if request.headers.get("Metadata-Flavor") == "Google" else web.Response(status=403)

    async def _secret(self, request):
        if self.throttled:
            self.throttled -= 1
            return web.json_response({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}, status=429)
        token = request.headers["Authorization"].removeprefix("Bearer ")
        if self.tokens.get(token, 0) <= self.clock.monotonic():
            return web.json_response({"error": {"code": 401, "status": "UNAUTHENTICATED"}}, status=401)
        text = self.secrets.get(request.match_info["version"])
        if text is None:
            return web.json_response({"error": {"code": 404, "status": "NOT_FOUND"}}, status=404)
        data = base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()
        return web.json_response({"name": "x", "payload": {"data": data}})


def _decoded(text):
    return base64.urlsafe_b64decode(text + "==")


@pytest.fixture
async def google(key, tmp_path):
    """``(fake, environment, clock)``, with a service account's file."""
    clock = FixedClock()
    fake = FakeGoogle(key, clock)
    async with TestServer(fake.app()) as server:
        address = str(server.make_url("")).rstrip("/")
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        account = {"type": "service_account", "client_email": "aver@p", "private_key_id": "k1", "private_key": pem}
        file = tmp_path / "account.json"
        file.write_text(json.dumps(account | {"token_uri": f"{address}/token"}))
        yield (
            fake,
            {
                "GOOGLE_APPLICATION_CREDENTIALS": str(file),
                "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER": address,
                "GCE_METADATA_HOST": address.removeprefix("http://"),
            },
            clock,
        )


async def test_a_secret_is_read_with_a_token_of_a_service_account(google):
    fake, environment, clock = google
    assert await Secrets(environment, clock).get(REFERENCE) == "hush"
    assert await Secrets(environment, clock).get("gcp:projects/p/secrets/llm#key") == "newest"
    now = clock.now().timestamp()
    assert fake.claims == {
        "iss": "aver@p",
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "aud": f"http://{environment['GCE_METADATA_HOST']}/token",
        "iat": now,
        "exp": now + 3600,
    }


async def test_a_secret_is_read_with_a_token_of_the_machine(google):
    _, environment, clock = google
    environment = {name: value for name, value in environment.items() if name != "GOOGLE_APPLICATION_CREDENTIALS"}
    assert await Secrets(environment, clock).get(REFERENCE) == "hush"
    with pytest.raises(ProviderDenied, match="none of its machines"):
        await Secrets(environment | {"GCE_METADATA_HOST": "127.0.0.1:1"}, clock).get(REFERENCE)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("gcp:projects/p/secrets/llm/versions/9", "404"),
        ("gcp:projects/p/secrets/llm/versions/latest#wrong", "no such field"),
        ("gcp:projects/p/secrets/llm/versions/4", "no text"),
        ("gcp:p/llm", "names no secret"),
    ],
)
async def test_what_is_not_there_is_refused_by_its_name(google, reference, words):
    _, environment, clock = google
    with pytest.raises(ProviderDenied, match=words) as caught:
        await Secrets(environment, clock).get(reference)
    assert reference in str(caught.value)
    assert "newest" not in str(caught.value)


async def test_an_expired_token_is_replaced_and_throttling_waited_out(google):
    fake, environment, clock = google
    secrets = Secrets(environment, clock)
    await secrets.get(REFERENCE)
    clock.advance(4000)
    fake.throttled = 2
    assert await secrets.get("gcp:projects/p/secrets/llm#key") == "newest"
    assert len(fake.tokens) == 2
    fake.throttled = 9
    with pytest.raises(ProviderError, match="RESOURCE_EXHAUSTED"):
        await Secrets(environment, clock).get(REFERENCE)


async def test_vertex_is_signed_with_a_token_of_the_file_it_names(google):
    _, environment, clock = google
    provider = ProviderConfig("main", "vertex", "https://x", f"file:{environment['GOOGLE_APPLICATION_CREDENTIALS']}")
    by = signer(provider, {}, secrets=Secrets({}, clock))
    shown = []
    for seconds in (0, 1, 3600):
        clock.advance(seconds)
        request = HttpRequest("https://x", b"")
        await by.sign(request)
        shown.append(request.headers["Authorization"])
    assert shown == ["Bearer ya29.1", "Bearer ya29.1", "Bearer ya29.2"]
    assert list(by.secrets()) == ["ya29.2"]


async def test_a_persons_own_credentials_are_used(google):
    _, environment, _ = google
    address = environment["CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER"]
    person = {
        "type": "authorized_user",
        "client_id": "c",
        "client_secret": "secret",
        "refresh_token": "refresh",
        "token_uri": f"{address}/token",
    }
    provider = ProviderConfig("main", "vertex", "https://x", "env:PERSON")
    request = HttpRequest("https://x", b"")
    await signer(provider, {"PERSON": json.dumps(person)}).sign(request)
    assert request.headers["Authorization"] == "Bearer ya29.1"
    with pytest.raises(ProviderDenied, match="invalid_grant") as caught:
        await signer(provider, {"PERSON": json.dumps(person | {"refresh_token": "revoked"})}).sign(request)
    assert "revoked" not in str(caught.value)


async def test_a_token_is_not_asked_for_in_clear():
    account = {"type": "authorized_user", "token_uri": "http://elsewhere.example/token"}
    by = signer(ProviderConfig("main", "vertex", "https://x", "env:A"), {"A": json.dumps(account)})
    with pytest.raises(ProviderDenied, match="https"):
        await by.sign(HttpRequest("https://x", b""))
