"""Feedback in a real browser, with scripts and without: what an asker says, and what somebody who looks after answers makes of it."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from aver.core.settings import Settings
from tests.browser import browsing
from tests.servers import fill, open_application, serving

WAIT = 60_000
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("feedback")
    application = open_application(Settings(data=folder / "data"))
    fill(application, folder)
    with serving(application) as served:
        yield served
    application.close()


@pytest.fixture(scope="module")
def browser():
    with browsing() as opened:
        yield opened


@pytest.fixture
def visit(browser, server):
    contexts = []

    def opened(user, roles=(), **options):
        context = browser.new_context(base_url=server.url, **{"viewport": {"width": 1280, "height": 800}, **options})
        context.set_default_timeout(WAIT)
        contexts.append(context)
        page = context.new_page()
        page.wrong = []
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on("dialog", lambda dialog: (page.wrong.append("dialog"), dialog.dismiss()))
        page.goto("/sign-in")
        page.fill("#key", server.application.create_key("northwind", user, roles=roles)[1])
        page.click("button")
        page.wait_for_selector("#question")
        return page

    yield opened
    for context in contexts:
        for page in context.pages:
            assert not page.wrong
        context.close()


def violations(page):
    return [each["id"] for each in Axe().run(page).response["violations"]]


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_from_a_complaint_to_a_case(visit, scripts):
    page = visit(f"ann-{scripts}".lower(), java_script_enabled=scripts)
    asked = f"How many days of unused leave carry over, {'with' if scripts else 'without'}?"
    page.fill("#question", asked)
    page.click("form.ask button")
    page.wait_for_selector(".verdict")
    page.get_by_role("button", name="Not helpful").click()
    page.wait_for_selector(".saying")
    page.locator(".saying > summary").click()
    page.select_option('select[name="reason"]', "outdated")
    page.fill('textarea[name="correction"]', HOSTILE)
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector(".saying .muted >> text=said")

    desk = visit("rae", ["reviewer"], java_script_enabled=scripts)
    desk.goto("/feedback?show=bad")
    item = desk.locator(".heard", has_text=asked)
    assert HOSTILE in item.inner_text()
    assert "it is outdated" in item.inner_text()
    item.locator(".deciding-of > summary").click()
    item.get_by_role("button", name="Make a case").click()
    desk.goto("/feedback?show=decided")
    assert "became a case" in desk.locator(".heard", has_text=asked).inner_text()
    desk.locator(".heard", has_text=asked).get_by_role("link", name=asked).click()
    assert "became a case" in desk.locator("main").inner_text()

    page.reload()
    assert "Somebody looked at this" in page.locator(".said-of").inner_text()
    page.get_by_role("button", name="Take back").click()
    page.wait_for_selector(".verdict")
    assert page.get_by_role("button", name="Take back").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_is_for_everyone(visit, scheme, width):
    page = visit("rae", ["reviewer"], color_scheme=scheme, viewport={"width": width, "height": 740})
    for address in ("/feedback", "/feedback?show=clusters", "/feedback?show=decided"):
        page.goto(address)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
