"""What can be done from the pages is done under the rules of the commands: by those who may, once nothing is lacking, and on record."""

import aiohttp
import pytest

from aver.core.settings import Settings
from aver.releases.types import GateRecord
from aver.server.releasing import create_release, registry
from tests.releases import write_bundle
from tests.servers import open_application, serving
from tests.unit.server.console.rooms import promoted

DECLARED = """feature: {model: extractive}
release: {environments: {staging: {}, production: {after: staging, gate: true, sign_offs: [reviewer], override: [owner]}}}
rollout:
  stages: [{percent: 10}]
  metrics: [{metric: groundedness, no_worse_by: 0.05}]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("acts")
    application = open_application(Settings(data=folder / "data"))
    application.store.create_tenant("acme")
    services = application.tenant("acme")
    with services.store.begin() as tx:
        services.ledger.append_all(tx, promoted(1, "How many days carry over?"))
    known = registry(application)
    for tag in ("v1", "v2"):
        bundle = write_bundle(folder / tag, DECLARED, prompts__answer_dot_md=f"{tag}\n")
        known.tag(create_release(application, bundle, by="bob"), tag, by="bob")
    with serving(application) as served:
        yield served
    application.close()


@pytest.fixture
async def sign_in(server):
    """Sessions of people with roles."""
    opened = []

    async def signed(user, *roles):
        secret = server.application.create_key("acme", user, (), roles)[1]
        jar = aiohttp.CookieJar(unsafe=True)
        session = aiohttp.ClientSession(server.url, cookie_jar=jar, headers={"Sec-Fetch-Site": "same-origin"})
        opened.append(session)
        async with session.post("/sign-in", data={"key": secret}, allow_redirects=False) as response:
            assert response.status == 303
        return session

    yield signed
    for session in opened:
        await session.close()


async def send(session, address, **form):
    async with session.post(address, data=form, allow_redirects=False) as response:
        return response.status, await response.text()


def kinds(server, kind):
    ledger = server.application.tenant("acme").ledger
    return [(step.facts.get("environment"), (step.body or {}).get("by")) for step in ledger.of_kind(kind)]


@pytest.mark.parametrize("address", ["/evals", "/releases", "/safety", "/gateway"])
async def test_pages_are_for_those_who_oversee_and_have_their_twin(server, sign_in, address):
    ann, mel = await sign_in("ann", "operator"), await sign_in("mel")
    async with ann.get(address) as response:
        assert (response.status, response.content_type) == (200, "text/html")
    async with ann.get(address, params={"format": "json"}) as response:
        assert (response.status, response.content_type) == (200, "application/json")
        assert isinstance(await response.json(), dict)
    async with mel.get(address) as response:
        assert response.status == 403
        assert f'href="{address}"' not in await response.text()
    async with ann.get(address, params={"period": "for ever", "run": "none", "release": "none"}) as response:
        assert response.status in (404, 422)


async def test_a_release_goes_its_way_from_the_page(server, sign_in):
    ann, rita, olga, mel = [
        await sign_in(*each)
        for each in (("ann", "operator"), ("rita", "reviewer"), ("olga", "owner"), ("mel", "member"))
    ]
    known = registry(server.application)
    first = known.get("v1")
    status, _ = await send(ann, "/environments/staging/promote", release="v1")
    assert status == 303
    for who in (rita, mel):
        assert (await send(who, "/environments/staging/promote", release="v2"))[0] == 403
    status, shown = await send(ann, "/environments/production/promote", release="v1")
    assert status == 409
    assert "no gate has judged it; nobody has signed it off as reviewer" in shown
    status, shown = await send(ann, "/environments/production/promote", release="v1", force="1", reason="now")
    assert status == 403
    assert known.environment("production").digest == ""
    assert (await send(ann, f"/releases/{first.digest}/sign-off", role="reviewer"))[0] == 403
    assert (await send(rita, f"/releases/{first.digest}/sign-off", role="reviewer", note="looked"))[0] == 303
    known.record_gate(GateRecord(first.digest, "pass", server.application.clock.now()))
    assert (await send(ann, "/environments/production/promote", release="v1"))[0] == 303
    assert known.environment("production").digest == first.digest
    status, shown = await send(olga, "/environments/production/promote", release="v2", force="1")
    assert status == 422
    assert "Give a reason" in shown
    assert (await send(olga, "/environments/production/promote", release="v2", force="1", reason="urgent"))[0] == 303
    status, shown = await send(ann, "/environments/production/rollback")
    assert (status, "Say why" in shown) == (422, True)
    assert (await send(ann, "/environments/production/rollback", reason="v2 is rude"))[0] == 303
    assert known.environment("production").digest == first.digest
    assert kinds(server, "release_rolled_back") == [("production", "ann")]
    assert [by for _, by in kinds(server, "release_promoted")] == ["ann", "ann", "olga"]


async def test_a_rollout_is_begun_paused_and_ended_from_the_page(server, sign_in):
    ann, rita = await sign_in("ann", "operator"), await sign_in("rita", "reviewer")
    address = "/environments/staging/rollout"
    if registry(server.application).environment("staging").digest != registry(server.application).get("v1").digest:
        await send(ann, "/environments/staging/promote", release="v1")
    assert (await send(rita, address, word="start", release="v2"))[0] == 403
    assert (await send(ann, address, word="start", release="v2"))[0] == 303
    status, shown = await send(ann, address, word="start", release="v2")
    assert status == 409
    assert "under way" in shown
    assert (await send(ann, address, word="pause", reason="lunch"))[0] == 303
    async with ann.get("/releases", params={"format": "json"}) as response:
        (one,) = (await response.json())["rollouts"]
        assert (one["status"], one["reason"]) == ("paused", "lunch")
    assert (await send(ann, address, word="explode", reason="x"))[0] == 422
    assert (await send(ann, address, word="abort", reason="enough"))[0] == 303
    events = [step.facts["event"] for step in server.application.tenant("acme").ledger.of_kind("staged")]
    assert events == ["began", "paused", "aborted"]


async def test_a_case_is_labelled_from_the_page_by_those_who_may(server, sign_in):
    rita, paul, mel, abe = [
        await sign_in(*each) for each in (("rita", "reviewer"), ("paul", "builder"), ("mel",), ("abe", "auditor"))
    ]
    address = "/evals/cases/case_1"
    for who in (mel, abe):
        assert (await send(who, address, kind="unanswerable"))[0] == 403
    status, shown = await send(rita, address, kind="answerable")
    assert (status, "Name a document" in shown) == (422, True)
    assert (await send(rita, address, kind="graded", grade="much"))[0] == 422
    assert (await send(rita, address, kind="answerable", answers="ten days\n\n", grade="0.5"))[0] == 303
    assert (await send(rita, address, kind="answerable", answers="ten days"))[0] == 303  # again, and counted once
    async with paul.get("/evals", params={"case": "case_1", "format": "json"}) as response:
        case = (await response.json())["case"]
        assert (case["row"]["labels"], case["labels"]) == (1, [])
    assert (await send(paul, address, kind="answerable", answers="up to ten days"))[0] == 303
    async with paul.get("/evals", params={"case": "case_1", "format": "json"}) as response:
        assert (await response.json())["case"]["row"]["status"] == "settled"
    assert (await send(rita, "/evals/cases/case_none", kind="unanswerable"))[0] == 404


async def test_no_other_site_acts_for_anybody(server, sign_in):
    ann = await sign_in("ann", "operator")
    before = registry(server.application).environment("staging")
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        async with ann.post(
            "/environments/staging/promote", data={"release": "v2"}, headers=headers, allow_redirects=False
        ) as response:
            assert (response.status, response.headers["location"]) == (303, "/sign-in")
    assert registry(server.application).environment("staging") == before
