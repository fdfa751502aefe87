"""The Audit page in a browser, and its twins over HTTP: what an auditor sees, works out, and takes away."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest
from axe_playwright_python.sync_playwright import Axe

from aver.core.settings import AnchorSettings, Settings
from aver.evidence import Draft
from tests.browser import browsing
from tests.governance import CHECKED, verified
from tests.operations import turn
from tests.servers import open_application, serving

HOSTILE = "<b>ann</b>\u202e'\""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    anchors = AnchorSettings(file=folder / "states.jsonl")
    application = open_application(Settings(data=folder / "data", anchors=anchors))
    application.store.create_tenant("northwind")
    services = application.tenant("northwind")
    with services.store.begin() as tx:
        for _ in range(12):
            services.ledger.append_all(tx, turn(checked=CHECKED, more={"guardrails": "g"}))
        declared = Draft("identity_1", "identity_declared", None, {"sign_in": True, "roles": 3}, {"by": HOSTILE})
        services.ledger.append_all(tx, [declared])
    with serving(application) as served:
        yield served
    application.close()


@pytest.fixture(scope="module")
def keys(server):
    made = {role: server.application.create_key("northwind", role, roles=[role])[1] for role in ("owner", "auditor")}
    return made | {"member": server.application.create_key("northwind", "member")[1]}


@pytest.fixture(scope="module")
def browser():
    with browsing() as opened:
        yield opened


def signed_in(browser, server, key, **options):
    context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
    page = context.new_page()
    page.goto(f"{server.url}/sign-in")
    page.fill("input[name=key]", key)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "sign-in" not in url)
    return page


def call(server, key, path, body=None):
    request = urllib.request.Request(
        server.url + path,
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        data=None if body is None else json.dumps(body).encode(),
    )
    with urllib.request.urlopen(request) as answer:
        data = answer.read()
        return json.loads(data) if "json" in answer.headers["content-type"] else data


def test_an_auditor_works_it_out_and_takes_it_away(browser, server, keys, tmp_path):
    page = signed_in(browser, server, keys["auditor"], java_script_enabled=False)
    page.goto(f"{server.url}/audit")
    assert "Nobody has worked them out yet" in page.inner_text("main")
    assert HOSTILE in page.inner_text("main")
    assert not page.query_selector("text=Anchor now")
    page.click("text=Work them out")
    page.click("button:has-text('Work them out')")
    page.click("text=OWASP Top 10 for LLM applications")
    assert "12 of 12 answers were checked" in page.inner_text("main")
    page.click("summary:has-text('answers verified')")
    page.click("details[open] a >> nth=0")
    assert "sealed" in page.inner_text("#step ~ dl")
    page.goto(f"{server.url}/audit?verify=1&places=1")
    assert "verify, with" in page.inner_text("main")
    page.click("summary:has-text('Make a pack')")
    page.click("button:has-text('Make it')")
    with page.expect_download() as taken:
        page.click("text=Download")
    taken.value.save_as(tmp_path / "pack.zip")
    code, told = verified(tmp_path / "pack.zip")
    assert (code, told["ok"]) == (0, True)
    ledger = server.application.tenant("northwind").ledger
    before = ledger.head().seq
    twin = page.goto(f"{server.url}/audit?format=json").json()
    # What recurs beside serving writes steps of its own at any moment.
    assert before <= twin["steps"] <= ledger.head().seq
    assert twin["packs"][0]["outcomes"] == told["controls"]
    page.goto(f"{server.url}/audit")
    page.select_option("#kind", "packed")
    page.click("button:has-text('Show')")
    assert page.locator("#changes ~ table tbody tr").count() == 1
    page.context.close()


def test_an_owner_anchors_and_a_member_stays_out(browser, server, keys):
    page = signed_in(browser, server, keys["owner"])
    page.goto(f"{server.url}/audit")
    page.click("summary:has-text('Anchor now')")
    page.click("button:has-text('Tell them')")
    page.goto(f"{server.url}/audit?places=1")
    assert "File: 1 state holds" in page.inner_text("main")
    page.context.close()
    page = signed_in(browser, server, keys["member"])
    assert page.goto(f"{server.url}/audit").status == 403
    page.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_read_it(browser, server, keys, theme):
    page = signed_in(browser, server, keys["owner"], color_scheme=theme)
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(f"{server.url}/audit?verify=1&framework=soc2&step=1")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not Axe().run(page).response["violations"]
        assert len(page.content()) < 150_000
    page.context.close()


def test_the_same_over_http(server, keys, tmp_path):
    auditor = keys["auditor"]
    results = call(server, auditor, "/v1/controls?framework=soc2&since=1d")["results"]
    assert {each["framework"] for each in results} == {"soc2"}
    call(server, keys["owner"], "/v1/anchors", {})
    assert call(server, auditor, "/v1/anchors")["anchors"][0]["kind"] == "file"
    made = call(server, auditor, "/v1/packs", {"since": "1d", "frameworks": ["soc2"]})
    assert made["id"] in {each["id"] for each in call(server, auditor, "/v1/packs")["packs"]}
    (tmp_path / "pack.zip").write_bytes(call(server, auditor, f"/v1/packs/{made['id']}"))
    assert verified(tmp_path / "pack.zip", "--key", made["fingerprint"])[0] == 0
    services = server.application.tenant("northwind")
    services.outbox.settle()
    taken = [step.facts["surface"] for step in services.ledger.of_kind("accessed") if step.facts["what"] == "pack"]
    assert taken == ["console", "http"]
    assert call(server, auditor, "/v1/inventory")["items"]
    for path, body, status in (
        ("/v1/packs/pack_none", None, 404),
        ("/v1/packs/..%2f..%2ftenant.db", None, 404),
        ("/v1/controls?framework=none", None, 404),
        ("/v1/controls?since=soon", None, 422),
        ("/v1/packs", {"until": "2999-01-01T00:00:00Z"}, 422),
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            call(server, auditor, path, body)
        assert refused.value.code == status, path
