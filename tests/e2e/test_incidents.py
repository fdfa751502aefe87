"""The Incidents page in a real browser: what stands, what is promised, one incident with its runbook, and what is done from the page."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from aver.core.settings import Settings
from aver.server.application import Application
from aver.testing import FixedClock, HashEmbedder
from tests.browser import browsing
from tests.operations import call, turn
from tests.servers import serving

HOSTILE = "<img src=x onerror=alert(1)>"
BUNDLE = """
providers: {one: {kind: openai, base_url: 'http://127.0.0.1:9/v1'}, two: {kind: openai, base_url: 'http://127.0.0.1:9/v1'}}
models: {small: {provider: one}, large: {provider: two}}
routes: {answers: {models: [small, large]}}
objectives:
  slos:
    up: {indicator: availability, target: 0.99}
    grounded: {indicator: groundedness, target: 0.9, feature: assistant}
    quick: {indicator: latency, within: 3s, target: 0.95}
    fresh: {indicator: freshness, within: 1h, target: 0.99}
"""
RUNBOOK = f"""---
title: A provider is out
rules: ["burn:*", "anomaly:*"]
---
- [ ] Look at the status page of the provider {HOSTILE}

```aver
shut_out_provider provider={{provider}}
```

- [ ] Tell the desk.
"""
WAIT = 30_000
SIZES = {"wide": (1280, 900), "phone": (360, 740)}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("incidents")
    (folder / "bundle" / "runbooks").mkdir(parents=True)
    (folder / "bundle" / "aver.yaml").write_text(BUNDLE)
    (folder / "bundle" / "runbooks" / "provider-outage.md").write_text(RUNBOOK)
    clock = FixedClock()
    settings = Settings(data=folder / "data", bundle=folder / "bundle")
    application = Application(settings, embedder=HashEmbedder(), clock=clock)
    application.store.create_tenant("northwind")
    services = application.tenant("northwind")
    operations = services.operations

    def write(*turns):
        with services.store.begin() as tx:
            services.ledger.append_all(tx, [draft for each in turns for draft in each])

    for _ in range(3 * 60):
        write(*(turn(ms=700 + 40 * number) for number in range(2)))
        clock.advance(60)
    operations.look()
    for _ in range(6):
        write(*(turn(failed="provider-failed", user=f"u{number}") for number in range(4)), turn(supported=1))
        write(*(call(error="provider-failed") for _ in range(3)))
        clock.advance(60)
    operations.look()
    operations.incidents.open(f"answers are odd {HOSTILE}", by="ann", severity="ticket")
    with serving(application) as served:
        yield served, services
    application.close()


@pytest.fixture(scope="module")
def browser():
    with browsing() as opened:
        yield opened


@pytest.fixture(scope="module")
def signed_in(place, browser):
    served, _ = place
    opened = []

    def as_role(role, size="wide", scheme="light"):
        width, height = SIZES[size]
        context = browser.new_context(
            base_url=served.url, viewport={"width": width, "height": height}, color_scheme=scheme
        )
        opened.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        _, key = served.application.create_key("northwind", f"the-{role}", roles=[role])
        page.goto("/sign-in")
        page.fill("input[name=key]", key)
        page.click("button[type=submit], main button")
        page.wait_for_url(lambda url: "sign-in" not in url)
        return page

    yield as_role
    for each in opened:
        each.close()


def alert_incident(services):
    return next(each for each in services.operations.incidents.incidents() if each.origin == "alert")


def test_what_stands_and_what_is_promised_is_on_one_page(place, signed_in):
    _, services = place
    page = signed_in("operator")
    page.goto("/incidents?period=1h")
    assert page.locator("section[aria-labelledby=objectives] table tbody tr").count() == 4
    assert page.locator(".charts figure").count() == 4
    assert "No data yet" in page.locator(".charts").inner_text()
    assert "times as fast" in page.locator("section[aria-labelledby=objectives] table").inner_text()
    assert page.locator("img").count() == 0
    assert HOSTILE in page.locator("section[aria-labelledby=incidents] table").inner_text()
    page.click("section[aria-labelledby=alerts] table a")
    assert page.url.endswith(f"/incidents/{alert_incident(services).id}")
    figures = page.request.get("/incidents?format=json").json()
    assert {each["name"] for each in figures["objectives"]} == {"up", "grounded", "quick", "fresh"}
    assert len(page.content()) < 150_000


def test_a_runbook_is_gone_through_on_the_page_and_taken_back(place, signed_in):
    served, services = place
    one = alert_incident(services)
    page = signed_in("operator")
    page.goto(f"/incidents/{one.id}")
    assert page.locator(".steps > li").count() == 3
    assert "would shut out the provider 'one'" in page.locator(".steps").inner_text()
    page.click("text=I did this >> nth=0")
    page.wait_for_url(re.compile("runbook=provider-outage"))
    assert "done" in page.locator(".steps > li").first.inner_text()
    second = page.locator(".steps > li").nth(1)
    second.locator("summary").click()
    second.locator("input[name=reason]").fill("their status page says so")
    second.locator("button.block").click()
    page.wait_for_load_state()
    assert "in force" in page.locator(".steps > li").nth(1).inner_text()
    assert [each.name for each in served.application.store.switches()] == ["one"]
    assert "shut_out_provider provider=one" in page.locator("section[aria-labelledby=timeline] ol").inner_text()
    page.goto("/incidents")
    assert page.locator("section[aria-labelledby=standing] table tbody tr").count() == 1
    page.locator("section[aria-labelledby=standing] table summary").click()
    page.locator("section[aria-labelledby=standing] table input[name=reason]").fill("it is well")
    page.locator("section[aria-labelledby=standing] table button.button").click()
    page.wait_for_load_state()
    assert served.application.store.switches() == []


def test_what_is_said_and_taken_on_is_on_the_page_and_in_the_draft(place, signed_in):
    _, services = place
    one = alert_incident(services)
    page = signed_in("operator")
    page.goto(f"/incidents/{one.id}")
    page.fill("section[aria-labelledby=say] form input[name=text]", "we asked them")
    page.click("text=Note it")
    page.wait_for_load_state()
    assert "we asked them (by the-operator)" in page.locator("section[aria-labelledby=timeline] ol").inner_text()
    page.fill("section[aria-labelledby=after] form input[name=text]", "have a second provider")
    page.locator("section[aria-labelledby=after] form.filters button").click()
    page.wait_for_load_state()
    page.click("text=It is done")
    page.wait_for_load_state()
    assert page.locator("section[aria-labelledby=after] table .pass").count() == 1
    draft = page.request.get(f"/incidents/{one.id}/postmortem.md").text()
    assert "[x] other: have a second provider" in draft
    page.fill("section[aria-labelledby=say] form input[name=text]", "over")
    page.click("text=It is mitigated")
    page.wait_for_load_state()
    assert services.operations.incidents.one(one.id).status == "mitigated"


def test_an_auditor_reads_and_does_nothing(place, signed_in):
    _, services = place
    one = alert_incident(services)
    page = signed_in("auditor")
    page.goto(f"/incidents/{one.id}")
    assert page.locator("text=It is resolved").count() == 0
    status = page.evaluate(
        "path => fetch(path, {method: 'POST', body: new URLSearchParams({word: 'resolve', text: 'x'})}).then(r => r.status)",
        f"/incidents/{one.id}",
    )
    assert status == 403
    assert services.operations.incidents.one(one.id).status != "resolved"


def test_an_incident_is_opened_on_the_page(signed_in):
    page = signed_in("builder")
    page.goto("/incidents")
    page.fill("section[aria-labelledby=open] form input[name=title]", "answers in the wrong language")
    page.click("text=Open an incident")
    page.wait_for_url(re.compile("/incidents/incident_"))
    assert page.locator("h1").inner_text() == "answers in the wrong language"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_sticks_out(place, signed_in, size, scheme):
    _, services = place
    page = signed_in("operator", size, scheme)
    for path in ("/incidents?period=1h", f"/incidents/{alert_incident(services).id}"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found = Axe().run(page).response["violations"]
        assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found] == []
