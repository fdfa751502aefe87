"""Secrets out of AWS Secrets Manager, and the roles of containers and machines."""

import asyncio
from datetime import timedelta

import aiohttp
import boto3
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from moto.server import ThreadedMotoServer
from yarl import URL

from aver.core.clock import rfc3339
from aver.core.errors import ProviderDenied, ProviderError
from aver.gateway.config.types import ProviderConfig
from aver.gateway.credentials import Secrets, signer
from aver.gateway.types import ChatRequest, Message
from aver.gateway.wire.bedrock import BedrockChat
from aver.gateway.wire.types import Endpoint, HttpRequest
from aver.testing import FixedClock
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply

KEYS = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "hush", "AWS_REGION": "eu-west-1"}


@pytest.fixture(scope="module")
def manager():
    """``(environment, client)`` of a Secrets Manager that holds some."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    client = boto3.client(
        "secretsmanager",
        region_name="eu-west-1",
        endpoint_url=address,
        aws_access_key_id="AKID",
        aws_secret_access_key="hush",
    )
    client.create_secret(Name="llm/openai", SecretString='{"key": "first", "more": 1}')
    client.create_secret(Name="plain", SecretString="alone\n")
    client.create_secret(Name="binary", SecretBinary=b"of bytes")
    yield KEYS | {"AWS_ENDPOINT_URL_SECRETS_MANAGER": address}, client
    server.stop()


@pytest.mark.parametrize(("name", "value"), [("llm/openai#key", "first"), ("plain", "alone"), ("binary", "of bytes")])
async def test_a_secret_is_read(manager, name, value):
    assert await Secrets(manager[0]).get(f"aws:secretsmanager/{name}") == value


async def test_a_secret_is_read_by_its_arn(manager):
    environment, client = manager
    arn = client.describe_secret(SecretId="plain")["ARN"]
    without_region = {name: value for name, value in environment.items() if name != "AWS_REGION"}
    assert await Secrets(without_region).get(f"aws:secretsmanager/{arn}") == "alone"
    with pytest.raises(ProviderDenied, match="AWS_REGION"):
        await Secrets(without_region).get("aws:secretsmanager/plain")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("secretsmanager/none", "ResourceNotFoundException"),
        ("secretsmanager/llm/openai#wrong", "no such field"),
        ("secretsmanager/plain#key", "no JSON"),
        ("ssm/plain", "names no secret"),
    ],
)
async def test_what_is_not_there_is_refused_by_its_name(manager, place, words):
    with pytest.raises(ProviderDenied, match=words) as caught:
        await Secrets(manager[0]).get(f"aws:{place}")
    assert f"aws:{place}" in str(caught.value)
    assert "alone" not in str(caught.value)


async def test_a_changed_secret_is_found_after_a_while(manager):
    environment, client = manager
    clock = FixedClock()
    secrets = Secrets(environment, clock)
    client.create_secret(Name="rotated", SecretString="first")
    assert await secrets.get("aws:secretsmanager/rotated") == "first"
    client.update_secret(SecretId="rotated", SecretString="second")
    clock.advance(301)
    assert await secrets.get("aws:secretsmanager/rotated") == "first"
    kept = secrets.kept("aws:secretsmanager/rotated")
    while kept.now() is None:  # noqa: ASYNC110 - the background says nothing
        await asyncio.sleep(0.01)
    assert await secrets.get("aws:secretsmanager/rotated") == "second"


class FakeAws:
    """Secrets Manager that throttles, a container's endpoint and a machine's metadata. Keys expire an hour after they are given."""

    def __init__(self, clock):
        self.clock = clock
        self.throttled = 0
        self.given = 0
        self.sessions = 0

    def app(self):
        app = web.Application()
        app.router.add_post("/", self._secret)
        app.router.add_get("/role", self._container)
        app.router.add_put("/latest/api/token", self._session)
        app.router.add_get("/latest/meta-data/iam/security-credentials/", self._role)
        app.router.add_get("/latest/meta-data/iam/security-credentials/aver", self._machine)
        return app

    async def _secret(self, request):
        if self.throttled:
            self.throttled -= 1
            return web.json_response({"__type": "ThrottlingException", "message": "hush"}, status=400)
        return web.json_response({"SecretString": request.headers["Authorization"].split("/")[0]})

    def _keys(self):
        self.given += 1
        end = rfc3339(self.clock.now() + timedelta(hours=1))
        keys = {"AccessKeyId": f"AKID{self.given}", "SecretAccessKey": "hush", "Token": "hush too"}
        return web.json_response(keys | {"Expiration": end})

    async def _container(self, request):
        return self._keys() if request.headers.get("Authorization") == "pod" else web.json_response({}, status=403)

    async def _session(self, request):
        assert request.headers["X-aws-ec2-metadata-token-ttl-seconds"]
        self.sessions += 1
        return web.Response(text=f"session {self.sessions}")

    async def _role(self, request):
        shown = request.headers.get("X-aws-ec2-metadata-token") == f"session {self.sessions}"
        return web.Response(text="aver\n") if shown else web.Response(status=401)

    async def _machine(self, request):
        shown = request.headers.get("X-aws-ec2-metadata-token") == f"session {self.sessions}"
        return self._keys() if shown else web.Response(status=401)


@pytest.fixture
async def fake():
    """``(fake, its address, its clock)``"""
    clock = FixedClock()
    made = FakeAws(clock)
    async with TestServer(made.app()) as server:
        yield made, str(server.make_url("")).rstrip("/"), clock


async def test_a_throttled_secret_is_asked_for_again(fake):
    made, address, clock = fake
    made.throttled = 2
    environment = KEYS | {"AWS_ENDPOINT_URL": address}
    assert "AKID" in await Secrets(environment, clock).get("aws:secretsmanager/a")
    made.throttled = 9
    with pytest.raises(ProviderError, match="ThrottlingException") as caught:
        await Secrets(environment, clock).get("aws:secretsmanager/a")
    assert type(caught.value) is ProviderError, "it passes with time"
    assert "hush" not in str(caught.value)


async def identity(environment, clock):
    """A signer for Bedrock, and a function that says which key it signs with."""
    provider = ProviderConfig("main", "bedrock", "https://x", options={"region": "eu-west-1"})
    by = signer(provider, environment, secrets=Secrets(environment, clock))

    async def key():
        request = HttpRequest("https://x/model/m/converse", b"{}")
        await by.sign(request)
        assert request.headers["X-Amz-Security-Token"] == "hush too"
        return request.headers["Authorization"].split("Credential=")[1].split("/")[0]

    return key


async def test_a_container_has_a_role_whose_keys_are_renewed_before_they_expire(fake, tmp_path):
    made, address, clock = fake
    token = tmp_path / "token"
    token.write_text("pod\n")
    key = await identity(
        {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{address}/role",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
        },
        clock,
    )
    assert [await key() for _ in range(3)] == ["AKID1"] * 3
    clock.advance(3595)
    assert await key() == "AKID2", "they were about to expire"
    assert made.given == 2


async def test_a_container_whose_endpoint_refuses_is_told(fake):
    _, address, clock = fake
    key = await identity(
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{address}/role", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "no"}, clock
    )
    with pytest.raises(ProviderDenied, match="403"):
        await key()
    key = await identity({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://elsewhere.example/role"}, clock)
    with pytest.raises(ProviderDenied, match="FULL_URI"):
        await key()


async def test_a_machine_has_a_role(fake):
    made, address, clock = fake
    key = await identity({"AWS_EC2_METADATA_SERVICE_ENDPOINT": address}, clock)
    assert await key() == "AKID1"
    assert made.sessions == 1


async def test_a_machine_of_nobodys_is_told_what_to_set(fake):
    _, _, clock = fake
    for environment in (
        {"AWS_EC2_METADATA_DISABLED": "true"},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"},
    ):
        key = await identity(environment, clock)
        with pytest.raises(ProviderDenied, match="AWS_ACCESS_KEY_ID"):
            await key()


@pytest.mark.parametrize(
    "model", ["anthropic.claude-v2:1", "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/a"]
)
@pytest.mark.parametrize(("secret", "status"), [("hush", 200), ("another", 403)])
async def test_a_signed_request_is_admitted_whatever_the_models_name(model, secret, status):
    with FakeProvider([Reply("Hello.")], key="AKID:hush") as server:
        request = BedrockChat().request(
            ChatRequest((Message("user", "Hi"),)), Endpoint(server.root_url, model), stream=False
        )
        provider = ProviderConfig("main", "bedrock", server.root_url)
        await signer(provider, KEYS | {"AWS_SECRET_ACCESS_KEY": secret}).sign(request)
        address = URL(request.url, encoded=True)
        async with (
            aiohttp.ClientSession() as session,
            session.post(address, data=request.body, headers=request.headers) as response,
        ):
            assert response.status == status
