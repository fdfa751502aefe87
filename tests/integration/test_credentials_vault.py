"""Secrets out of Vault, as far as the wire shows it."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from aver.core.errors import ProviderDenied, ProviderError
from aver.gateway.credentials import Secrets
from aver.testing import FixedClock

TOKEN = "hvs.hush"


class FakeVault:
    """Two engines of keys and values, one of each version, and one that makes passwords. ``failing`` statuses are answered first."""

    def __init__(self, *, tells_mounts=True):
        self.newer = {"llm/openai": {"key": "first", "other": "o", "number": 5}, "llm/only": {"anything": "alone"}}
        self.older = {"llm": {"key": "of the older engine"}}
        self.failing = []
        self.seen = []
        self.made = 0
        self._tells_mounts = tells_mounts

    def app(self):
        app = web.Application()
        app.router.add_get("/v1/sys/internal/ui/mounts/{place:.*}", self._mounts)
        app.router.add_get("/v1/team/kv/data/{path:.*}", self._newer)
        app.router.add_get("/v1/secret/data/{path:.*}", self._newer)
        app.router.add_get("/v1/old/{path:.*}", self._older)
        app.router.add_get("/v1/database/creds/app", self._lease)
        return app

    def _refused(self, request):
        self.seen.append(request)
        if self.failing:
            return web.json_response({"errors": ["hush"]}, status=self.failing.pop(0))
        if request.headers.get("X-Vault-Token") != TOKEN:
            return web.json_response({"errors": ["permission denied"]}, status=403)
        return None

    async def _mounts(self, request):
        if not self._tells_mounts:
            return web.json_response({"errors": ["preflight capability check returned 403"]}, status=403)
        place = request.match_info["place"]
        mounts = {"team/kv": "2", "secret": "2", "old": "1", "database": None}
        mount = next(mount for mount in mounts if place.startswith(mount))
        options = {"version": mounts[mount]} if mounts[mount] else None
        return self._refused(request) or web.json_response({"data": {"path": f"{mount}/", "options": options}})

    async def _newer(self, request):
        if refused := self._refused(request):
            return refused
        data = self.newer.get(request.match_info["path"])
        if data is None:
            return web.json_response({"errors": []}, status=404)
        return web.json_response({"lease_id": "", "lease_duration": 0, "data": {"data": data, "metadata": {}}})

    async def _older(self, request):
        if refused := self._refused(request):
            return refused
        data = self.older.get(request.match_info["path"])
        return web.json_response({"lease_id": "", "lease_duration": 60, "data": data}, status=200 if data else 404)

    async def _lease(self, request):
        self.made += 1
        lease = {"lease_id": f"database/creds/app/{self.made}", "lease_duration": 90}
        return self._refused(request) or web.json_response(lease | {"data": {"password": f"made {self.made}"}})


@pytest.fixture
async def vault():
    fake = FakeVault()
    async with TestServer(fake.app()) as server:
        yield fake, {"VAULT_ADDR": str(server.make_url("/")), "VAULT_TOKEN": TOKEN}


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("vault:team/kv/llm/openai#key", "first"),
        ("vault:secret/llm/openai#key", "first"),
        ("vault:secret/llm/only", "alone"),
        ("vault:old/llm#key", "of the older engine"),
    ],
)
async def test_a_secret_is_read_from_both_engines(vault, reference, value):
    fake, environment = vault
    assert await Secrets(environment | {"VAULT_NAMESPACE": "team"}).get(reference) == value
    assert {request.headers["X-Vault-Namespace"] for request in fake.seen} == {"team"}


async def test_the_newer_engine_is_assumed_where_mounts_are_not_told():
    fake = FakeVault(tells_mounts=False)
    async with TestServer(fake.app()) as server:
        environment = {"VAULT_ADDR": str(server.make_url("")), "VAULT_TOKEN": TOKEN}
        assert await Secrets(environment).get("vault:secret/llm/openai#key") == "first"


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("vault:secret/llm/openai#wrong", "no such field"),
        ("vault:secret/llm/openai#number", "no text"),
        ("vault:secret/llm/openai", "3 fields"),
        ("vault:secret/llm/none#key", "404"),
    ],
)
async def test_what_is_not_there_is_refused_by_its_name(vault, reference, words):
    _, environment = vault
    with pytest.raises(ProviderDenied, match=words) as caught:
        await Secrets(environment).get(reference)
    assert reference in str(caught.value)
    assert "first" not in str(caught.value)


async def test_a_token_of_a_file_is_read_anew(vault, tmp_path):
    _, environment = vault
    file, clock = tmp_path / "token", FixedClock()
    file.write_text("expired")
    secrets = Secrets({"VAULT_ADDR": environment["VAULT_ADDR"], "VAULT_TOKEN_FILE": str(file)}, clock)
    with pytest.raises(ProviderDenied, match="403") as caught:
        await secrets.get("vault:secret/llm/only")
    assert "expired" not in str(caught.value)
    file.write_text(TOKEN + "\n")
    clock.advance(3)
    assert await secrets.get("vault:secret/llm/only") == "alone"


async def test_without_a_token_or_an_address_nothing_is_asked(vault, tmp_path):
    _, environment = vault
    with pytest.raises(ProviderDenied, match="VAULT_ADDR"):
        await Secrets({}).get("vault:secret/a")
    with pytest.raises(ProviderDenied, match="token"):
        await Secrets({"VAULT_ADDR": environment["VAULT_ADDR"], "HOME": str(tmp_path)}).get("vault:secret/a")
    with pytest.raises(ProviderDenied, match="https"):
        await Secrets({"VAULT_ADDR": "http://vault.example:8200", "VAULT_TOKEN": TOKEN}).get("vault:secret/a")


async def test_a_busy_vault_is_asked_again_and_a_dead_one_is_named(vault):
    fake, environment = vault
    fake.failing = [429, 503]
    assert await Secrets(environment).get("vault:secret/llm/only") == "alone"
    fake.failing = [500] * 12
    with pytest.raises(ProviderError, match="500") as caught:
        await Secrets(environment).get("vault:secret/llm/only")
    assert "hush" not in str(caught.value)
    with pytest.raises(ProviderError, match="reached"):
        await Secrets({"VAULT_ADDR": "http://127.0.0.1:1", "VAULT_TOKEN": TOKEN}).get("vault:secret/llm/only")


async def test_a_lease_is_respected(vault):
    _, environment = vault
    clock = FixedClock()
    secrets = Secrets(environment, clock)
    assert await secrets.get("vault:database/creds/app#password") == "made 1"
    clock.advance(50)
    assert await secrets.get("vault:database/creds/app#password") == "made 1"
    clock.advance(50)
    assert await secrets.get("vault:database/creds/app#password") == "made 2", "the lease is over"


async def test_a_secret_without_a_lease_is_kept_while_vault_is_away(vault):
    fake, environment = vault
    clock = FixedClock()
    secrets = Secrets(environment, clock)
    assert await secrets.get("vault:secret/llm/only") == "alone"
    fake.failing = [500] * 12
    clock.advance(3600)
    assert await secrets.get("vault:secret/llm/only") == "alone"
