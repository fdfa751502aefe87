"""The Overview and the survey in a real browser: every value a door, on a phone and in the dark, without barriers and without scripts."""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe

from aver.core.settings import Settings
from aver.knowledge.access import AccessList
from aver.ops.scorecard.definitions import KPIS
from aver.server.application import Application
from aver.testing import FixedClock, HashEmbedder
from tests.browser import browsing
from tests.knowledge import MemorySource
from tests.scorecards import live
from tests.servers import LEAVE, serving

LARGEST = 150_000


@pytest.fixture(scope="module")
def browser():
    with browsing() as opened:
        yield opened


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    clock = FixedClock()
    application = Application(
        Settings(data=tmp_path_factory.mktemp("overview") / "data"), embedder=HashEmbedder(), clock=clock
    )
    application.store.create_tenant("acme")
    services = application.tenant("acme")
    with application.directory.change(services.store.tenant.id, "test") as change:
        for number in range(30):
            change.add(f"user{number}")
    live(services.store, services.ledger, clock)
    services.knowledge.ingest(MemorySource({"leave.md": LEAVE}), AccessList.everyone())
    services.operations.incidents.open("It is slow", by="ann", severity="ticket")
    with serving(application) as served:
        yield served
    application.close()


@pytest.fixture
def visit(browser, server):
    contexts = []

    def opened(address, user="ann", roles=("operator",), **options):
        context = browser.new_context(base_url=server.url, **{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.goto("/sign-in")
        page.fill("input[name=key]", server.application.create_key("acme", user, (), roles)[1])
        page.press("input[name=key]", "Enter")
        page.wait_for_url("**/")
        page.problems = []
        page.on("console", lambda message: page.problems.append(message.text) if message.type == "error" else None)
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()


def barriers(page):
    found = Axe().run(page).response["violations"]
    return [(each["id"], [node["html"][:120] for node in each["nodes"]]) for each in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_is_without_barriers_on_any_screen(visit, width, scheme):
    page = visit("/overview", viewport={"width": width, "height": 900}, color_scheme=scheme)
    assert page.locator(".kpi").count() == len(KPIS)
    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.problems == []
    assert len(page.content()) < LARGEST


def test_it_reads_without_scripts_and_the_address_is_the_state(visit):
    page = visit("/overview", java_script_enabled=False)
    assert page.locator("#task_success_rate .value a").inner_text().endswith("%")
    page.select_option("select[name=feature]", "desk")
    page.click("text=Show")
    assert "feature=desk" in page.url
    assert "Of all" in page.locator("#stakeholder_satisfaction").inner_text()
    page.click("text=7 days")
    assert "period=7d" in page.url
    assert "feature=desk" in page.url
    assert page.locator("select[name=feature]").input_value() == "desk"


def test_every_value_is_a_door_and_what_is_lacking_says_why(visit):
    page = visit("/overview")
    for kpi in KPIS:
        card = page.locator(f"#{kpi.key}")
        if card.locator(".none").count():
            assert "because" in card.inner_text()
        else:
            assert card.locator(".value a").get_attribute("href").startswith(kpi.door)
    page.click("#task_success_rate summary")
    assert "turns that ended" in page.locator("#task_success_rate details").inner_text()


def test_the_twin_has_the_same_figures(visit):
    page = visit("/overview?period=7d")
    shown = page.locator("#token_efficiency .value a").inner_text()
    page.click("text=As JSON")
    document = json.loads(page.locator("body").inner_text())
    value = next(each["value"] for each in document["kpis"] if each["key"] == "token_efficiency")
    assert shown == f"{value:.0f}"


def test_a_period_that_is_none_and_somebody_who_may_not_are_told(visit):
    assert "There is no period" in visit("/overview?period=3d").locator("main").inner_text()
    page = visit("/overview", "mia", roles=("member",))
    assert "takes the role" in page.locator("main").inner_text()
    assert page.locator("nav.rooms >> text=Overview").count() == 0


def test_a_name_in_the_address_is_no_markup(visit):
    page = visit("/overview?feature=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&release=%22%3E%3Cb%3E")
    assert page.locator("main img, main b").count() == 0
    assert page.problems == []


def test_somebody_is_asked_once_a_month_how_useful_it_is(visit, server):
    page = visit("/", "sue", roles=("member",))
    page.click("text=Answer one question")
    assert barriers(page) == []
    page.click("text=very useful")
    page.fill("textarea", "More documents on travel.")
    page.click("text=Send")
    assert "Thank you" in page.locator("main").inner_text()
    (step,) = [each for each in server.application.tenant("acme").ledger.of_kind("surveyed") if each.body]
    assert (step.facts["score"], step.body["text"]) == (5, "More documents on travel.")
    page.goto("/")
    assert page.locator("text=Answer one question").count() == 0
    page.goto("/survey")
    assert "You have answered this month" in page.locator("main").inner_text()
