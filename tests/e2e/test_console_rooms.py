"""The pages Evals, Releases, Safety and Gateway in a real browser: what they tell, what is done from them, by keyboard, on a phone and in the dark."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from aver.releases.rollout.observed import Reading
from aver.releases.types import GateRecord
from aver.server.releasing import create_release, registry
from aver.server.rolling import desk, start_rollout
from tests.browser import browsing
from tests.releases import write_bundle
from tests.servers import serving
from tests.unit.server.console.rooms import attacked, house, promoted

WAIT = 60_000
UNSEEN = """[...document.querySelectorAll("main .button")].map(getComputedStyle)
    .filter((style) => style.color === style.backgroundColor).length"""
PHONE = {"width": 360, "height": 800}
HOSTILE = "<img src=x onerror=alert(1)> كم يومًا؟"
DECLARED = """feature: {model: extractive}
guardrails: {input: {personal: %s}}
release: {environments: {staging: {}, production: {after: staging, gate: true, sign_offs: [reviewer], override: [owner]}}}
rollout:
  stages: [{percent: 10}, {percent: 50}]
  metrics: [{metric: groundedness, no_worse_by: 0.05}]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rooms")
    made = house(folder)
    known = registry(made.application)
    for tag, check in (("v1", "redact"), ("v2", "block")):
        bundle = write_bundle(folder / tag, DECLARED % check, prompts__answer_dot_md=f"{tag}\n")
        known.tag(create_release(made.application, bundle, by="bob", note=HOSTILE), tag, by="bob")
    for environment in ("staging", "production"):
        known.promote(environment, "v1", "olga", "the first", roles=["owner"], force=True)
    made.write(*(attacked(number, success) for number, success in enumerate((0.4, 0.2))))
    made.run([1, 1, 0, 1])
    made.run([1, 0, 1, 1], started="2026-01-02T00:00:00Z")
    made.write(promoted(1, HOSTILE), promoted(2, "How many days carry over?"))
    made.application.store.create_tenant("Empty House")
    with serving(made.application) as served:
        yield served
    made.application.close()


@pytest.fixture(scope="module")
def browser(server):  # after the server: freezing a release needs this thread's event loop, which the browser keeps
    with browsing() as opened:
        yield opened


@pytest.fixture
def visit(browser, server):
    """Open a page as somebody with these roles; nothing may go wrong in it."""
    contexts = []

    def opened(address, *roles, user="ann", tenant="acme", **options):
        secret = server.application.create_key(tenant, user, (), roles or ("owner",))[1]
        context = browser.new_context(base_url=server.url, **{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(WAIT)
        contexts.append(context)
        page = context.new_page()
        page.wrong = []
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on("dialog", lambda dialog: (page.wrong.append("dialog"), dialog.dismiss()))
        page.on("console", lambda said: page.wrong.append(said.text) if "Policy" in said.text else None)
        context.request.post(
            "/sign-in", form={"key": secret}, headers={"Sec-Fetch-Site": "same-origin"}, max_redirects=0
        )
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        for page in context.pages:
            assert not page.wrong
        context.close()


def barriers(page):
    """What axe finds, in short."""
    found = Axe().run(page).response["violations"]
    return [(each["id"], [node["html"][:120] for node in each["nodes"]]) for each in found]


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def table(page, caption):
    """The cells of a table by its caption, a row a list."""
    found = page.locator("table.listing").filter(has=page.locator("caption", has_text=caption))
    return [
        [cell.strip() for cell in row.locator("th, td").all_inner_texts()] for row in found.locator("tbody tr").all()
    ]


PAGES = [
    "/gateway?period=24h",
    "/safety?period=24h",
    "/releases?release=v2&before=v1&after=v2",
    "/evals?case=case_1",
]


@pytest.mark.parametrize("address", PAGES)
def test_a_page_has_no_barriers_in_light_and_dark_and_fits_a_phone(visit, address):
    page = visit(address)
    assert page.locator("h1").count() == 1
    page.evaluate("document.querySelectorAll('main details').forEach((each) => { each.open = true; })")
    assert barriers(page) == []
    assert page.evaluate(UNSEEN) == 0  # axe passes over words in the colour of their ground
    assert fits(page)
    assert len(page.content().encode()) < 150_000
    assert page.locator("img").count() == 0  # what was stored is only text
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(PHONE)
    assert barriers(page) == []
    assert fits(page)


def test_pages_read_without_scripts_and_say_what_to_do_where_there_is_nothing(visit):
    page = visit("/releases", tenant="Empty House", java_script_enabled=False)
    assert table(page, "Environments")[0][0] == "production"
    for address in ("/gateway", "/safety", "/evals"):
        page.goto(address)
        assert page.locator("section").count() >= 3
        assert page.locator(".note .command").count() >= 1


def test_numbers_are_doors_to_their_turns(visit):
    page = visit("/gateway?period=24h")
    links = {each.get_attribute("href") for each in page.locator('main a[href^="/turns?"]').all()}
    page.goto("/safety?period=24h")
    links |= {each.get_attribute("href") for each in page.locator('main a[href^="/turns?"]').all()}
    assert {"/turns?model=small&since=24h", "/turns?provider=two&since=24h", "/turns?key=key_1&since=24h"} <= links
    assert "/turns?check=exfiltration&since=24h" in links
    for link in sorted(links):
        assert page.request.get(link).status == 200, link


def test_the_gateway_is_read_by_keyboard(visit):
    page = visit("/gateway?period=24h")
    page.wait_for_selector("body[data-ready]")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") == "small"
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") == "large"
    page.locator('nav[aria-label="Period"] a', has_text="7 days").press("Enter")
    page.wait_for_url(re.compile(r"period=7d"))
    assert table(page, "Spending by model")[0][0] == "small"


def test_a_release_is_signed_off_promoted_and_rolled_back(visit, server):
    known = registry(server.application)
    page = visit("/releases?release=v2", "reviewer", user="rita")
    page.locator("summary", has_text="Sign off as reviewer").press("Enter")
    page.fill("#note-reviewer", "looked at the tools")
    page.click("button:has-text('Sign off as reviewer')")
    page.wait_for_url(re.compile(r"/releases\?release="))
    assert "looked at the tools" in page.locator("section[aria-labelledby=opened]").inner_text()
    known.record_gate(GateRecord(known.get("v2").digest, "pass", server.application.clock.now()))
    page = visit("/releases?release=v2", "operator", user="ann")
    page.locator("tr", has=page.locator("th", has_text="staging")).locator("summary", has_text="Promote").click()
    page.click("button:has-text('Promote to staging')")
    page.wait_for_url(re.compile(r"/releases\?release="))
    assert known.environment("staging").digest == known.get("v2").digest
    page.goto("/releases")
    page.locator("tr", has=page.locator("th", has_text="staging")).locator("summary", has_text="Roll back").click()
    page.fill("#back-staging", "v2 is rude")
    page.click("button:has-text('Roll back staging')")
    page.wait_for_url(re.compile(r"/releases$"))
    assert known.environment("staging").digest == known.get("v1").digest


def test_a_rollout_is_watched_as_it_goes_and_ended(visit, server):
    v2 = registry(server.application).get("v2")
    rollout = start_rollout(server.application, "production", v2.digest, by="ann")
    page = visit("/releases", "operator")
    section = page.locator("#live section").first
    assert "stage 1 of 2" in section.inner_text()
    assert [row[3] for row in table(page, "Arms")] == ["0", "0"]
    page.evaluate("window.same = true")
    measured, revision = desk(server.application).measured(rollout)
    measured.observed.add(
        Reading(f"turn_{each}", arm, 0, each, True, {"groundedness": 1.0})
        for each, arm in enumerate(["control"] * 90 + ["candidate"] * 12)
    )
    desk(server.application).keep(rollout, measured, revision)
    page.locator("#live a[href*=candidate]", has_text="12").wait_for()
    assert page.evaluate("window.same")  # the figures came, and the page stayed
    assert barriers(page) == []
    assert page.locator("#live[data-every]").count() == 1
    page.locator("summary", has_text="End it").click()
    page.fill("input[id^=abort-]", "enough seen")
    page.click("button:has-text('End it')")
    page.wait_for_url(re.compile(r"/releases$"))
    assert page.locator("section[aria-labelledby=past]").inner_text().count("enough seen") == 1


def test_a_case_is_labelled(visit):
    page = visit("/evals", "reviewer", user="rita")
    page.locator("section[aria-labelledby=queue] a", has_text="How many days carry over?").press("Enter")
    page.wait_for_selector("form.labels")
    page.locator("input[value=answerable]").press("Space")
    page.fill("#answers", "ten days")
    page.locator("form.labels button").press("Enter")
    page.locator("h3", has_text="What was said").wait_for()
    assert "rita: answerable" in page.locator("section[aria-labelledby=case]").inner_text()
    page.locator("input[value=answerable]").press("Space")
    page.locator("form.labels button").press("Enter")
    page.wait_for_selector("[role=alert]")
    assert "names nothing that answers it" in page.locator("[role=alert]").inner_text()


def test_two_runs_are_compared(visit):
    page = visit("/evals?suite=handbook", "builder")
    page.select_option("select[name=before]", index=1)
    page.select_option("select[name=after]", index=0)
    page.click("button:has-text('Compare')")
    page.wait_for_selector("section[aria-labelledby=comparison]")
    assert [(row[0], row[3]) for row in table(page, "Cases that moved")] == [
        ("leave-1", "worse"),
        ("leave-2", "better"),
    ]
    assert barriers(page) == []


def test_attacks_are_shown_by_family(visit):
    page = visit("/safety?period=30d", "builder")
    titles = page.locator("section[aria-labelledby=redteam] figcaption span").all_inner_texts()
    assert titles == ["all attacks", "injection-direct", "leakage-users"]
    assert [row[4] for row in table(page, "Red-team runs")] == ["8", "16"]
