"""What a monitoring system reads: in its format, true, and of one's own tenant alone."""

import aiohttp
import pytest

from aver.core.errors import Conflict
from aver.core.settings import Settings
from aver.knowledge.sources import parse_sources
from aver.server.application import Application
from aver.server.doors.alone import gateway_alone
from aver.server.metrics import Family, exposition
from aver.testing import FixedClock, HashEmbedder
from aver.testing.replies import Reply, Tokens
from tests.integration.doors import body, house
from tests.integration.exposition import read
from tests.servers import serving, write_handbook

BUNDLE = """
providers:
  openai: {kind: openai, base_url: ROOT/v1, credential: env:PROVIDER_KEY, breaker: {failures: 1}}
models:
  fast: {provider: openai, price: {input: 1, output: 2}}
  wary: {provider: openai, price: {input: 1, output: 2}}
routes:
  kept: {models: [fast], cache: {exact: 10m}}
  brittle: {models: [wary], retries: {attempts: 1}}
"""


def of(family, **labels):
    """The one sample that bears at least these labels."""
    (found,) = [value for named, value in family.items() if labels.items() <= dict(named).items()]
    return found


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def server(tmp_path, clock):
    application = Application(Settings(data=tmp_path / "data"), embedder=HashEmbedder(), clock=clock)
    handbook, _ = write_handbook(tmp_path)
    (handbook / "empty.md").write_text("")
    for tenant in ("northwind", "umbrella"):
        application.store.create_tenant(tenant)
        names = f"""{{{tenant}-pages: {{kind: folder, path: '{handbook}', every: 1h}}, gone: {{kind: folder, path: /none}}}}"""
        application.tenant(tenant).sources.declare(parse_sources(f"sources: {names}", "s.yaml"))
    with serving(application) as served:
        yield served
    application.close()


async def scraped(url, key, status=200):
    """The page, read; with another status, its problem."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with aiohttp.ClientSession() as session, session.get(url + "/metrics", headers=headers) as response:
        assert response.status == status
        if status != 200:
            assert response.content_type == "application/problem+json"
            return await response.json(content_type=None)
        assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        return read(await response.text())


async def test_lag_and_failures_of_each_source_are_told(server, clock):
    key = server.application.create_key("northwind", "kay", roles=["admin"])[1]
    before = await scraped(server.url, key)
    assert "aver_source_lag_seconds" not in before, "what was never followed has no lag"
    sources = server.application.tenant("northwind").sources
    sources.follow("northwind-pages")
    with pytest.raises(Exception, match="none"):
        sources.follow("gone")
    began = clock.now().timestamp()
    clock.advance(90)

    found = await scraped(server.url, key)
    pages = {"tenant": "northwind", "source": "northwind-pages"}
    assert of(found["aver_source_lag_seconds"]) == 90
    assert of(found["aver_source_last_success_timestamp_seconds"], **pages) == began
    assert of(found["aver_source_interval_seconds"], **pages) == 3600
    assert of(found["aver_source_failed_items"], **pages) == 1
    assert of(found["aver_source_last_run_failed"], **pages) == 0
    assert of(found["aver_source_last_run_failed"], source="gone") == 1
    assert of(found["aver_source_last_run_timestamp_seconds"], source="gone") == began
    assert of(found["aver_source_documents"], **pages) == 2
    assert of(found["aver_source_running"], **pages) == 0
    assert of(found["aver_passages"], tenant="northwind") >= 2
    assert of(found["aver_build_info"]) == 1


async def test_a_run_is_told_while_it_lasts(server, monkeypatch):
    key = server.application.create_key("northwind", "kay", roles=["admin"])[1]
    services = server.application.tenant("northwind")
    seen = []
    follow = services.knowledge.ingest

    def looked_at(*args, **options):
        seen.append(services.sources.running)
        return follow(*args, **options)

    monkeypatch.setattr(services.knowledge, "ingest", looked_at)
    services.sources.follow("northwind-pages")
    assert seen == [{"northwind-pages"}]
    assert of((await scraped(server.url, key))["aver_source_running"], source="northwind-pages") == 0


async def test_an_attempt_beside_a_run_does_not_end_it(server, monkeypatch):
    services = server.application.tenant("northwind")
    seen = []

    def at_it(*_args, **_options):
        if not seen:
            seen.append(services.sources.running)
            with pytest.raises(Conflict):
                services.sources.follow("northwind-pages")
            seen.append(services.sources.running)
        raise Conflict("Another process holds it", "Wait.")

    monkeypatch.setattr(services.knowledge, "ingest", at_it)
    with pytest.raises(Conflict):
        services.sources.follow("northwind-pages")
    assert seen == [{"northwind-pages"}, {"northwind-pages"}]
    assert services.sources.running == frozenset()


async def test_it_takes_the_role_and_tells_of_one_tenant(server):
    for tenant in ("northwind", "umbrella"):
        server.application.tenant(tenant).sources.follow(f"{tenant}-pages")
    await scraped(server.url, "", 401)
    assert (await scraped(server.url, server.application.create_key("northwind", "ann")[1], 403))["next_step"]
    mine = await scraped(server.url, server.application.create_key("northwind", "kay", roles=["admin"])[1])
    told = {value for family in mine.values() for labels in family for _, value in labels}
    assert "northwind-pages" in told
    assert not [value for value in told if "umbrella" in value or "salaries" in value or "kay" in value]


@pytest.mark.parametrize("alone", [False, True])
async def test_calls_are_counted_by_what_became_of_them(tmp_path, alone, monkeypatch):
    if alone:
        monkeypatch.setattr("tests.servers.create_app", gateway_alone)
    with house(tmp_path, BUNDLE, "northwind", "umbrella") as home:
        home.reply = Reply("Twenty days.", tokens=Tokens(input=20, cached=8, output=3))
        admin = home.application.create_key("northwind", "kay", roles=["admin"])[1]
        async with home.asking() as ask, home.asking(home.key("umbrella")) as elsewhere:
            for _ in range(3):
                assert (await ask("/v1/chat/completions", body("openai", "kept"))).status == 200
            assert (await elsewhere("/v1/chat/completions", body("openai", "fast"))).status == 200
            assert (await ask("/v1/chat/completions", body("openai", "zq-no-such-model"))).status == 404
            calm = await scraped(home.served.url, admin)
            home.reply = Reply("down", status=500)
            assert (await ask("/v1/chat/completions", body("openai", "brittle"))).status >= 500
        found = await scraped(home.served.url, admin)
    kept = {"tenant": "northwind", "route": "kept"}
    calls = found["aver_gateway_calls_total"]
    assert of(calls, **kept, model="fast", outcome="ok") == 1
    assert of(calls, **kept, model="", outcome="ok") == 2
    assert of(calls, route="", outcome="not-found") == 1
    assert sum(calls.values()) == 5
    assert of(found["aver_gateway_cache_total"], **kept, verdict="exact") == 2
    assert of(found["aver_gateway_cache_total"], **kept, verdict="miss") == 1
    tokens = found["aver_gateway_tokens_total"]
    assert [of(tokens, **kept, model="fast", kind=kind) for kind in ("input", "cached", "output")] == [
        20,
        8,
        3,
    ]
    assert of(found["aver_gateway_cost_usd_total"], **kept, model="fast") == pytest.approx(26e-6)
    assert of(found["aver_gateway_call_seconds_total"], **kept, model="fast") > 0
    state = {"provider": "openai", "model": "wary"}
    assert of(calm["aver_gateway_breaker_state"], **state, state="closed") == 1
    assert of(found["aver_gateway_breaker_state"], **state, state="open") == 1
    assert of(found["aver_gateway_breaker_state"], **state, state="closed") == 0
    assert not [value for labels in calls for _, value in labels if "zq" in value or "umbrella" in value]


async def test_a_turn_of_the_assistant_counts_as_the_calls_it_made(server):
    key = server.application.create_key("northwind", "kay", roles=["admin"])[1]
    server.application.tenant("northwind").sources.follow("northwind-pages")
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
        question = {"question": "How many weeks is parental leave?"}
        async with session.post(server.url + "/v1/ask", json=question) as response:
            assert response.status == 200
    calls = (await scraped(server.url, key))["aver_gateway_calls_total"]
    assert of(calls, tenant="northwind", provider="builtin", outcome="ok") == 1


def test_what_names_hold_does_not_break_the_page():
    odd = 'a"b\\c\nd} 7'
    page = exposition([Family("aver_x", "gauge", "Of \\ and\nlines.", (((("source", odd),), 0.1),))])
    assert of(read(page.decode())["aver_x"], source=odd) == 0.1
