"""Tokens of Microsoft Entra, and secrets out of Azure's Key Vault."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from aver.core.errors import ProviderDenied, ProviderError
from aver.gateway.config.types import ProviderConfig
from aver.gateway.credentials import Secrets, signer
from aver.gateway.wire.types import HttpRequest
from aver.testing import FixedClock

VAULT = "https://vault.azure.net"


class FakeAzure:
    """Tokens for a scope or a resource that live an hour of ``clock``, and secrets for who shows one for the vault."""

    def __init__(self, clock):
        self.clock = clock
        self.tokens = {}
        self.secrets = {"openai": "hush", "several": '{"key": "one of them"}'}
        self.throttled = 0

    def app(self):
        app = web.Application()
        app.router.add_post("/tenant/oauth2/v2.0/token", self._application)
        app.router.add_get("/metadata/identity/oauth2/token", self._machine)
        app.router.add_get("/msi/token", self._service)
        app.router.add_get("/secrets/{name}", self._secret)
        return app

    def _given(self, resource, **life):
        token = f"eyJ.{len(self.tokens) + 1}"
        self.tokens[token] = (resource, self.clock.monotonic() + 3600)
        return web.json_response({"token_type": "Bearer", "access_token": token, **life})

    async def _application(self, request):
        form = await request.post()
        if form.get("client_secret") != "hush" and form.get("client_assertion") != "federated":
            return web.json_response(
                {"error": "invalid_client", "error_description": "AADSTS7000215: hush"}, status=401
            )
        return self._given(form["scope"].removesuffix("/.default"), expires_in=3599)

    async def _machine(self, request):
        if request.headers.get("Metadata") != "true":
            return web.json_response({"error": "invalid_request"}, status=400)
        return self._given(request.query["resource"], expires_in="3599")

    async def _service(self, request):
        if request.headers.get("X-IDENTITY-HEADER") != "header":
            return web.json_response({"statusCode": 401}, status=401)
        return self._given(request.query["resource"], expires_on=str(int(self.clock.now().timestamp()) + 3600))

    async def _secret(self, request):
        assert request.query["api-version"]
        if self.throttled:
            self.throttled -= 1
            return web.json_response({"error": {"code": "Throttled"}}, status=429)
        token = request.headers["Authorization"].removeprefix("Bearer ")
        resource, end = self.tokens.get(token, ("", 0))
        if resource != VAULT or end <= self.clock.monotonic():
            return web.json_response({"error": {"code": "Unauthorized"}}, status=401)
        value = self.secrets.get(request.match_info["name"])
        if value is None:
            return web.json_response({"error": {"code": "SecretNotFound", "message": "hush"}}, status=404)
        return web.json_response({"value": value, "id": "x", "attributes": {"enabled": True}})


@pytest.fixture
async def azure():
    """``(fake, environment of an application, address, clock)``"""
    clock = FixedClock()
    fake = FakeAzure(clock)
    async with TestServer(fake.app()) as server:
        address = str(server.make_url("")).rstrip("/")
        application = {"AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "client", "AZURE_CLIENT_SECRET": "hush"}
        yield fake, application | {"AZURE_AUTHORITY_HOST": address}, address, clock


async def test_a_secret_is_read_by_an_application(azure):
    _, environment, address, clock = azure
    secrets = Secrets(environment, clock)
    assert await secrets.get(f"azure:{address}/secrets/openai") == "hush"
    assert await secrets.get(f"azure:{address}/secrets/several#key") == "one of them"


async def test_a_secret_is_read_by_whoever_this_machine_is(azure, tmp_path):
    _, environment, address, clock = azure
    file = tmp_path / "token"
    file.write_text("federated\n")
    federated = {**environment, "AZURE_FEDERATED_TOKEN_FILE": str(file)}
    del federated["AZURE_CLIENT_SECRET"]
    for machine in (
        {"AZURE_POD_IDENTITY_AUTHORITY_HOST": address},
        {"IDENTITY_ENDPOINT": f"{address}/msi/token", "IDENTITY_HEADER": "header"},
        federated,
    ):
        assert await Secrets(machine, clock).get(f"azure:{address}/secrets/openai") == "hush"
    with pytest.raises(ProviderDenied, match="AZURE_TENANT_ID"):
        await Secrets({"AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://127.0.0.1:1"}).get(
            f"azure:{address}/secrets/openai"
        )


@pytest.mark.parametrize(
    ("place", "words"),
    [("secrets/none", "SecretNotFound"), ("secrets/several#wrong", "no such field"), ("keys/a", "names no secret")],
)
async def test_what_is_not_there_is_refused_by_its_name(azure, place, words):
    _, environment, address, clock = azure
    with pytest.raises(ProviderDenied, match=words) as caught:
        await Secrets(environment, clock).get(f"azure:{address}/{place}")
    assert place in str(caught.value)
    assert "hush" not in str(caught.value)
    assert "one of them" not in str(caught.value)


async def test_a_wrong_secret_of_the_application_is_not_shown(azure):
    _, environment, address, clock = azure
    with pytest.raises(ProviderDenied, match="invalid_client") as caught:
        await Secrets(environment | {"AZURE_CLIENT_SECRET": "wrong"}, clock).get(f"azure:{address}/secrets/openai")
    assert "AADSTS" not in str(caught.value)
    assert "wrong" not in str(caught.value)


async def test_an_expired_token_is_replaced_and_throttling_waited_out(azure):
    fake, environment, address, clock = azure
    secrets = Secrets(environment, clock)
    await secrets.get(f"azure:{address}/secrets/openai")
    clock.advance(3600)
    fake.throttled = 2
    assert await secrets.get(f"azure:{address}/secrets/several#key") == "one of them"
    assert len(fake.tokens) == 2
    fake.throttled = 9
    with pytest.raises(ProviderError, match="Throttled"):
        await Secrets(environment, clock).get(f"azure:{address}/secrets/openai")


async def test_a_vault_in_clear_is_refused():
    with pytest.raises(ProviderDenied, match="https"):
        await Secrets({}).get("azure:http://vault.example/secrets/a")


@pytest.mark.parametrize(("credential", "options"), [("", {}), ("env:KEY", {"auth": "entra"})])
async def test_azures_models_are_reached_with_a_token_where_there_is_no_key(azure, credential, options):
    fake, environment, _, clock = azure
    provider = ProviderConfig("main", "azure", "https://x", credential, options=options)
    by = signer(provider, environment, secrets=Secrets(environment, clock))
    request = HttpRequest("https://x", b"")
    await by.sign(request)
    assert request.headers == {"Authorization": "Bearer eyJ.1"}
    assert fake.tokens["eyJ.1"][0] == "https://cognitiveservices.azure.com"
