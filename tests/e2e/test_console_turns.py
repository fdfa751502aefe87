"""The pages of turns in a real browser: filters in the address, rows by key, one turn as a story, a look at its words that is put on record."""

from __future__ import annotations

import json
from urllib.request import Request, urlopen

import pytest
from axe_playwright_python.sync_playwright import Axe

from aver.core.settings import Settings
from tests.browser import browsing
from tests.operations import turn
from tests.servers import fill, open_application, serving

HOSTILE = "<img src=x onerror=alert(1)>"
QUESTION = "How many days of unused leave carry over?"
PHONE = {"viewport": {"width": 360, "height": 740}}


@pytest.fixture(scope="module")
def browser():
    with browsing() as opened:
        yield opened


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("turns")
    application = open_application(Settings(data=folder / "data"))
    fill(application, folder)
    application.store.create_tenant("empty")
    services = application.tenant("northwind")
    several = [turn(), turn(feature="desk", failed="provider-error", model="large"), turn(supported=1, nano=9_000_000)]
    several += [turn(feature="desk") for _ in range(60)]
    several.append(
        turn(checked={"outcome": "redact", "place": "output", "checks": ["personal"], "outcomes": ["redact"]})
    )
    with services.store.begin() as tx:
        services.ledger.append_all(tx, [draft for each in several for draft in each])
    with serving(application) as served:
        yield served
    application.close()


@pytest.fixture(scope="module")
def both(server):
    """A turn with hostile words, and one that was answered."""
    key = server.application.create_key("northwind", "ann")[1]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def ask(question):
        request = Request(f"{server.url}/v1/ask", json.dumps({"question": question}).encode(), headers)
        with urlopen(request) as response:
            return json.load(response)["turn"]

    return ask(HOSTILE), ask(QUESTION)


@pytest.fixture(scope="module")
def asked(both):
    return both[1]


@pytest.fixture
def visit(browser, server):
    """Open a page as somebody who is signed in; nothing may go wrong in it."""
    contexts = []

    def opened(address, roles=("owner",), user="rita", tenant="northwind", **options):
        context = browser.new_context(base_url=server.url, **{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        page = context.new_page()
        page.goto("/sign-in")
        page.fill("input[name=key]", server.application.create_key(tenant, user, [], roles)[1])
        page.click("button.button")
        page.problems = []
        page.on("console", lambda said: page.problems.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        for page in context.pages:
            assert page.problems == []
        context.close()


def accessible(page):
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def rows(page):
    return page.locator("table.listing tbody tr")


def test_the_address_is_the_state(visit, asked):
    page = visit("/turns")
    assert rows(page).count() == 50
    assert "66 turns" in page.inner_text("#count")
    page.select_option("select[name=feature]", "desk")
    page.select_option("form[role=search] select[name=outcome]", "failed")
    page.click("form[role=search] button")
    assert "feature=desk" in page.url
    assert rows(page).count() == 1
    assert "failed" in rows(page).inner_text()
    page.go_back()
    assert rows(page).count() == 50
    page.click("a[rel=next]")
    assert rows(page).count() == 16
    page.click("thead >> text=Cost")
    assert "$0.0090" in rows(page).first.inner_text()
    assert page.locator("th[aria-sort=descending]").inner_text() == "Cost"


def test_rows_are_walked_by_key(visit, asked):
    page = visit("/turns")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url("**/turns/turn_*")
    assert asked in page.url  # the newest


def test_each_slot_of_the_chart_opens_its_turns(visit):
    page = visit("/turns?feature=desk")
    address = page.locator(".spread a").first.get_attribute("href")
    page.goto(address)
    assert "61 turns" in page.inner_text("#count")


def test_a_turn_is_a_story_and_its_words_are_for_who_goes_on_record(visit, server, asked):
    page = visit(f"/turns/{asked}")
    story = page.inner_text(".story")
    assert "Someone asked a question" in story
    assert "verified" in page.inner_text(".chain")
    assert "carry over" not in page.inner_text("main")
    page.fill("input[name=why]", "complaint 12")
    page.click("#words button")
    assert page.inner_text("h1") == QUESTION
    assert "ten days" in page.inner_text(".answer")
    last = list(server.application.tenant("northwind").ledger.of_kind("inspected"))[-1]
    assert (last.facts["turn"], last.body["by"], last.body["why"]) == (asked, "rita", "complaint 12")
    page.click(".story details summary >> nth=0")
    assert json.loads(page.inner_text(".story details pre >> nth=0"))["kind"] == "admitted"
    accessible(page)


def test_ones_own_turn_has_its_words_and_leads_to_its_conversation(visit, asked):
    page = visit(f"/turns/{asked}", roles=(), user="ann")
    assert page.inner_text("h1") == QUESTION
    page.click("dl.facts >> text=open")
    assert page.locator(f"#{asked}").count() == 1


def test_what_people_wrote_is_text(visit, both):
    page = visit(f"/turns/{both[0]}", roles=(), user="ann")
    assert page.inner_text("h1") == HOSTILE
    assert page.locator("main img").count() == 0


def test_members_are_told_that_the_list_is_not_for_them(visit):
    page = visit("/sign-in", roles=(), user="ann")
    response = page.request.get("/turns")
    assert response.status == 403
    assert page.request.get("/turns/turn_none").status == 404


def test_a_filter_that_cannot_be_names_what_can(visit):
    page = visit("/turns")
    assert "answered, abstained" in page.request.get("/turns?outcome=lost").text()
    assert "24h" in page.request.get("/turns?since=soon").text()


def test_the_twin_has_the_same_figures(visit):
    page = visit("/turns?feature=desk")
    twin = page.request.get("/turns?feature=desk&format=json").json()
    assert twin["total"] == 61
    assert [each["id"] for each in twin["turns"]] == [
        link.get_attribute("href").rpartition("/")[2] for link in rows(page).locator("th a").all()
    ]


@pytest.mark.parametrize(("scheme", "options"), [("light", {}), ("dark", PHONE)], ids=["wide, light", "phone, dark"])
def test_everyone_can_use_it(visit, asked, scheme, options):
    page = visit("/turns?check=personal&unsupported=0", color_scheme=scheme, **options)
    for address in ("/turns", f"/turns/{asked}", "/turns?tool=none"):
        page.goto(address)
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_a_turn_it_says_what_would_be_here(visit):
    page = visit("/turns", tenant="empty")
    assert "There is no turn yet" in page.inner_text("main")
    accessible(page)


def test_it_reads_without_scripts(visit):
    page = visit("/turns?feature=desk", java_script_enabled=False)
    assert rows(page).count() == 50
